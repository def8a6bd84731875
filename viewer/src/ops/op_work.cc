#include "ops/op_work.h"

#include <algorithm>

namespace torchtape::viewer {
namespace {

bool HasRepeats(absl::Span<const format::TensorId> ids) {
  for (size_t i = 0; i < ids.size(); ++i) {
    for (size_t k = 0; ids[i].tensor != 0 && k < i; ++k) {
      if (ids[k].tensor == ids[i].tensor) return true;
    }
  }
  return false;
}

// Formulas are for dense tensors of real numbers, unless they say otherwise.
bool IsFor(const FlopsRow& row, const std::vector<OpValue>& values) {
  for (const OpValue& value : values) {
    for (const Shape& shape : value.tensors) {
      if (!shape.is_dense || (shape.is_complex && !row.of_complex)) {
        return false;
      }
    }
  }
  return true;
}

bool IsOnCpu(const std::vector<OpValue>& values) {
  for (const OpValue& value : values) {
    for (const Shape& shape : value.tensors) {
      if (!shape.on_cpu) return false;
    }
  }
  return true;
}

// Without tensors that were given by number, as a signature says it.
std::vector<OpValue> WithoutIds(std::vector<OpValue> values) {
  for (OpValue& value : values) {
    for (Shape& shape : value.tensors) shape.tensor = 0;
  }
  return values;
}

}  // namespace

void OpWork::OnChunk(const ChunkStart&) {
  inputs_.clear();
  results_.clear();
}

const OpWorkRule& OpWork::RuleFor(const Operator& op) {
  const auto [it, is_new] = rules_.try_emplace(op.id);
  if (is_new) it->second = RuleOf(op.name);
  return it->second;
}

const std::vector<Argument>& OpWork::NamesOf(const Operator& op, bool inputs) {
  auto& names = inputs ? arguments_ : returns_;
  const auto [it, is_new] = names.try_emplace(op.id);
  if (is_new) {
    it->second = inputs ? SchemaArguments(op.schema) : SchemaReturns(op.schema);
  }
  return it->second;
}

// Calls of one signature differ in which tensors they are given, not in their
// shapes; which ones matters only where one was given twice.
std::shared_ptr<const OpWork::Inputs> OpWork::InputsOf(const SpanBegin& begin) {
  const Values& values = begin.inputs;
  const auto read = [&] {
    return std::make_shared<const Inputs>(Inputs{
        ++inputs_count_,
        ReadOpValues(values, NamesOf(*begin.frame.op, /*inputs=*/true))});
  };
  if (values.signature == nullptr || HasRepeats(values.tensors)) return read();
  std::shared_ptr<const Inputs>& known = inputs_[values.signature];
  if (known == nullptr) {
    auto inputs = std::make_shared<Inputs>(*read());
    if (inputs->values) inputs->values = WithoutIds(*inputs->values);
    known = std::move(inputs);
  }
  return known;
}

void OpWork::OnBegin(const SpanBegin& begin) {
  std::vector<OpenOp>& stack = open_[begin.thread.facts.number()];
  OpenOp open;
  if (!stack.empty()) {
    const OpenOp& around = stack.back();
    const bool counts =
        around.rule.kind == WorkKind::kFormula && around.inputs != nullptr;
    open.inside = around.inside || counts;
  }
  if (begin.frame.op->kind == v1::SPAN_KIND_OP) {
    if (!stack.empty()) stack.back().has_inside = true;
    open.rule = RuleFor(*begin.frame.op);
    if (open.rule.kind == WorkKind::kFormula && !open.inside) {
      open.inputs = InputsOf(begin);
      // Nothing is known of it: what is inside may do better.
      if (!open.inputs->values) open.inputs = nullptr;
    }
  }
  stack.push_back(std::move(open));
}

void OpWork::OnEnd(const SpanEnd& end) {
  std::vector<OpenOp>& stack = open_[end.thread.facts.number()];
  const OpenOp open = std::move(stack.back());
  stack.pop_back();
  ending_ = {};
  if (end.frame.op->kind != v1::SPAN_KIND_OP || open.inside) return;
  ending_.timed = end.timed();
  ending_.time_ns = end.self_ns();
  switch (open.rule.kind) {
    case WorkKind::kView:
      ending_.state = SpanWork::State::kCounted;
      return;
    case WorkKind::kComposite:
      if (!open.has_inside) ending_.state = SpanWork::State::kUnknown;
      return;
    case WorkKind::kUnknown:
      ending_.state = SpanWork::State::kUnknown;
      return;
    case WorkKind::kFormula:
      break;
  }
  // Of what threw nobody knows how far it came.
  const bool whole = open.inputs != nullptr && end.ending == Ending::kReturned;
  const std::optional<Work> work = whole ? WorkOf(open, end) : std::nullopt;
  ending_.state = work ? SpanWork::State::kCounted : SpanWork::State::kUnknown;
  if (work) ending_.work = *work;
  if (open.inputs != nullptr) ending_.time_ns = end.duration_ns();
}

std::optional<Work> OpWork::WorkOf(const OpenOp& open, const SpanEnd& end) {
  const auto [it, is_new] = results_.try_emplace(
      std::make_pair(open.inputs->number, end.outputs.signature));
  if (is_new) it->second = Compute(open, end);
  return it->second;
}

std::optional<Work> OpWork::Compute(const OpenOp& open, const SpanEnd& end) {
  const Operator& op = *end.frame.op;
  const std::vector<Argument>& returns = NamesOf(op, /*inputs=*/false);
  std::optional<std::vector<OpValue>> outputs =
      ReadOpValues(end.outputs, returns);
  if (!outputs) {
    const bool returns_nothing = !op.schema.empty() && returns.empty();
    if (!returns_nothing) return std::nullopt;
    outputs.emplace();
  }
  const std::vector<OpValue>& inputs = *open.inputs->values;
  const FlopsRow& row = *open.rule.row;
  if (!IsFor(row, inputs) || !IsFor(row, *outputs)) return std::nullopt;
  const OpCall call(&inputs, &*outputs);
  const Flops flops = row.formula(call, row);
  const Count bytes = BytesMoved(call, row.traffic);
  if (!flops.known() || !bytes.known()) return std::nullopt;
  return Work{flops.matrix.value(), flops.arithmetic.value(),
              flops.transcendental.value(), bytes.value(),
              IsOnCpu(inputs) && IsOnCpu(*outputs)};
}

}  // namespace torchtape::viewer
