#include "attribution.h"

#include <algorithm>

#include "op_class.h"
#include "schema.h"
#include "value_reader.h"

namespace torchtape::viewer {
namespace {

bool IsTensor(const v1::Value& value) {
  return value.kind_case() == v1::Value::kTensor;
}

// Whether the op changes memory that holds a parameter.
bool ChangesParameter(const ModuleTree& tree, const Operator& op,
                      const Values& inputs) {
  const std::vector<Argument> arguments = SchemaArguments(op.schema);
  ValueReader reader(inputs);
  const auto changed = [&](const v1::Value& value, bool written) {
    return IsTensor(value) &&
           tree.HoldsParameter(reader.TakeTensor().storage) && written;
  };
  bool found = false;
  const auto& values = inputs.signature->values();
  for (int i = 0; i < values.size(); ++i) {
    const bool written = i < static_cast<int>(arguments.size()) &&
                         arguments[static_cast<size_t>(i)].written;
    found |= changed(values[i], written);
    for (const v1::Value& element : values[i].list().values()) {
      found |= changed(element, written);
    }
  }
  return found;
}

// Keeps what is in both.
void Intersect(const std::vector<int>& owners, std::vector<int>* candidates) {
  const auto missing = [&owners](int index) {
    return std::find(owners.begin(), owners.end(), index) == owners.end();
  };
  candidates->erase(
      std::remove_if(candidates->begin(), candidates->end(), missing),
      candidates->end());
}

}  // namespace

int ModuleByParameters(const ModuleTree& tree, const Frame& frame,
                       const Values& inputs) {
  std::vector<int> candidates;
  bool any = false;
  for (const format::TensorId& id : inputs.tensors) {
    const std::vector<int>* owners = tree.OwnersOf(id.storage);
    if (owners == nullptr || id.storage == 0) continue;
    if (any) {
      Intersect(*owners, &candidates);
    } else {
      candidates = *owners;
    }
    any = true;
  }
  if (candidates.size() != 1) return kNoModule;
  // Without gradients nothing tells a forward pass from an optimizer, which
  // computes with parameters too: only layers are sure to be the former.
  const bool is_layer = ClassOfOp(frame.op->name) == OpClass::kLayer;
  if (!frame.sequence && !is_layer) return kNoModule;
  return ChangesParameter(tree, *frame.op, inputs) ? kNoModule : candidates[0];
}

int Attribution::Current(uint32_t thread) const {
  const auto it = threads_.find(thread);
  if (it == threads_.end()) return kNoModule;
  const ThreadModules& modules = it->second;
  if (modules.outermost != kNoModule) return modules.outermost;
  return modules.spans.empty() ? kNoModule : modules.spans.back();
}

int Attribution::OfOp(const SpanBegin& begin,
                      const ThreadModules& modules) const {
  if (!modules.spans.empty()) return modules.spans.back();
  if (begin.inputs.signature == nullptr) return kNoModule;
  return ModuleByParameters(tree_, begin.frame, begin.inputs);
}

void Attribution::OnBegin(const SpanBegin& begin) {
  const Frame& frame = begin.frame;
  ThreadModules& modules = threads_[begin.thread.facts.number()];
  switch (frame.op->kind) {
    case v1::SPAN_KIND_MODULE:
      modules.spans.push_back(tree_.Find(frame.op->name));
      return;
    case v1::SPAN_KIND_OP:
      if (!frame.nested && !frame.backward) {
        modules.outermost = OfOp(begin, modules);
      }
      return forward_ops_.Remember(begin, modules.outermost);
    case v1::SPAN_KIND_BACKWARD:
      if (!frame.nested) {
        modules.outermost = forward_ops_.Find(frame, kNoModule);
      }
      return;
    default:
      return;
  }
}

void Attribution::OnEnd(const SpanEnd& end) {
  const Frame& frame = end.frame;
  ThreadModules& modules = threads_[end.thread.facts.number()];
  if (frame.op->kind == v1::SPAN_KIND_MODULE && !modules.spans.empty()) {
    modules.spans.pop_back();
  }
  if (frame.nested) return;
  modules.ending = modules.outermost;
  modules.outermost = kNoModule;
}

int Attribution::Ending(uint32_t thread) const {
  const auto it = threads_.find(thread);
  return it == threads_.end() ? kNoModule : it->second.ending;
}

}  // namespace torchtape::viewer
