#include "module_totals.h"

namespace torchtape::viewer {
namespace {

// Whether the module is called by itself: its time is in the outer call.
bool IsReentered(const SpanEnd& end) {
  const std::vector<Frame>& stack = end.thread.stack;
  for (size_t i = 0; i + 1 < stack.size(); ++i) {
    if (stack[i].op == end.frame.op) return true;
  }
  return false;
}

void AddTo(std::optional<uint64_t>* sum, bool known, uint64_t ns) {
  if (known) *sum = sum->value_or(0) + ns;
}

}  // namespace

ModuleTotals::Own& ModuleTotals::Of(int module) {
  if (module == kNoModule) return nobody_;
  if (static_cast<size_t>(module) >= own_.size()) own_.resize(module + 1);
  return own_[module];
}

void ModuleTotals::OnBegin(const SpanBegin& begin) {
  const Frame& frame = begin.frame;
  if (frame.op->kind != v1::SPAN_KIND_MODULE) return;
  has_module_spans_ = true;
  if (!steps_.Contains(frame.step)) return;
  const int module = attribution_.tree().Find(frame.op->name);
  if (module != kNoModule) ++Of(module).calls;
}

void ModuleTotals::OnEnd(const SpanEnd& end) {
  const Frame& frame = end.frame;
  if (!steps_.Contains(frame.step)) return;
  const uint64_t duration_ns = end.duration_ns();
  if (frame.op->kind == v1::SPAN_KIND_MODULE) {
    const int module = attribution_.tree().Find(frame.op->name);
    if (module == kNoModule || IsReentered(end)) return;
    Of(module).span_ns += duration_ns;
    return;
  }
  if (frame.nested) return;
  Own& own = Of(attribution_.Ending(end.thread.facts.number()));
  if (frame.op->kind == v1::SPAN_KIND_BACKWARD) {
    own.backward_ns += duration_ns;
    own.backward = true;
  } else if (frame.op->kind == v1::SPAN_KIND_OP) {
    (frame.backward ? own.backward_ns : own.forward_ns) += duration_ns;
    (frame.backward ? own.backward : own.forward) = true;
  } else {
    return;
  }
  all_ns_ += duration_ns;
}

// Children come after their parents, so adding up goes backwards.
std::vector<ModuleTotal> ModuleTotals::totals() const {
  const std::vector<Module>& modules = attribution_.tree().modules();
  std::vector<ModuleTotal> totals(modules.size());
  for (size_t i = modules.size(); i-- > 0;) {
    ModuleTotal& total = totals[i];
    const Own own = i < own_.size() ? own_[i] : Own();
    total.index = static_cast<int>(i);
    AddTo(&total.forward_ns, own.forward, own.forward_ns);
    AddTo(&total.backward_ns, own.backward, own.backward_ns);
    if (has_module_spans_) {
      total.calls = own.calls;
      if (own.calls > 0) total.forward_ns = own.span_ns;
    }
    if (modules[i].parent == kNoModule) continue;
    ModuleTotal& parent = totals[modules[i].parent];
    AddTo(&parent.forward_ns, total.forward_ns.has_value(),
          total.forward_ns.value_or(0));
    AddTo(&parent.backward_ns, total.backward_ns.has_value(),
          total.backward_ns.value_or(0));
  }
  return totals;
}

}  // namespace torchtape::viewer
