#include "totals/module_totals.h"

#include <algorithm>

#include "modules/module_span.h"
#include "ops/count.h"

namespace torchtape::viewer {
namespace {

// The span around the innermost one that is a module call.
const Frame* CallAround(const ThreadState& thread) {
  for (size_t i = thread.stack.size() - 1; i-- > 0;) {
    const Frame& frame = thread.stack[i];
    if (frame.op->kind == v1::SPAN_KIND_MODULE) return &frame;
  }
  return nullptr;
}

}  // namespace

void UnitTime::Add(const UnitTime& other) {
  forward_ns += other.forward_ns;
  backward_ns += other.backward_ns;
  forward_count += other.forward_count;
  backward_count += other.backward_count;
}

ModuleTotals::Own& ModuleTotals::Of(int module) {
  if (static_cast<size_t>(module) >= own_.size()) own_.resize(module + 1);
  return own_[module];
}

void ModuleTotals::OnBegin(const SpanBegin& begin) {
  const Frame& frame = begin.frame;
  if (frame.op->kind != v1::SPAN_KIND_MODULE) return;
  if (!steps_.Contains(frame.step)) return;
  // A scope around what a tap sees too is one call.
  const Frame* around = CallAround(begin.thread);
  const bool same = around != nullptr && around->op->name == frame.op->name &&
                    around->op->module_source != frame.op->module_source;
  if (same) return;
  const int module =
      attribution_.CurrentCall(begin.thread.facts.number()).module;
  if (module != kNoModule) ++Of(module).calls;
}

void ModuleTotals::OnEnd(const SpanEnd& end) {
  const Frame& frame = end.frame;
  if (frame.op->kind != v1::SPAN_KIND_MODULE) return;
  if (!steps_.Contains(frame.step) || IsReentered(end)) return;
  const int module = attribution_.tree().Find(frame.op->name);
  if (module != kNoModule) Of(module).span_ns += end.duration_ns();
}

void ModuleTotals::OnUnits(absl::Span<const Unit> units) {
  for (const Unit& unit : units) {
    if (!steps_.Contains(unit.step)) continue;
    UnitTime time;
    (unit.backward ? time.backward_ns : time.forward_ns) = unit.duration_ns;
    (unit.backward ? time.backward_count : time.forward_count) = 1;
    UnitTime& sum = unit.owner.optimizer ? optimizer_
                    : unit.owner.module == kNoModule
                        ? nobody_
                        : Of(unit.owner.module).ops;
    sum.Add(time);
    all_.Add(time);
  }
  for (const Entry& entry : attribution_.entries()) {
    if (!steps_.Contains(entry.step)) continue;
    Own& own = Of(entry.module);
    ++own.entries;
    own.entries_sure &= !entry.may_be_more;
  }
}

// Whether the log has calls of the module in these steps.
bool ModuleTotals::IsTold(size_t module) const {
  return module < own_.size() && own_[module].calls > 0;
}

// Which modules hold one that has module calls: only around these is known when
// a module is entered and left.
std::vector<bool> ModuleTotals::HoldTold() const {
  const std::vector<Module>& modules = attribution_.tree().modules();
  std::vector<bool> hold(modules.size());
  for (size_t i = 0; i < modules.size(); ++i) {
    if (!IsTold(i)) continue;
    for (int at = static_cast<int>(i); at != kNoModule && !hold[at];
         at = modules[at].parent) {
      hold[at] = true;
    }
  }
  return hold;
}

// Children come after their parents, so adding up goes backwards.
std::vector<ModuleTotal> ModuleTotals::totals() const {
  const ModuleTree& tree = attribution_.tree();
  const std::vector<int> order = tree.Order();
  const std::vector<bool> hold = HoldTold();
  const bool any_told = std::find(hold.begin(), hold.end(), true) != hold.end();
  std::vector<ModuleTotal> by_index(tree.modules().size());
  for (size_t k = order.size(); k-- > 0;) {
    const auto i = static_cast<size_t>(order[k]);
    ModuleTotal& total = by_index[i];
    const Own own = i < own_.size() ? own_[i] : Own();
    total.index = order[k];
    total.self_ops = own.ops;
    total.ops.Add(own.ops);
    if (own.ops.forward_count > 0) AddTo(&total.forward_ns, own.ops.forward_ns);
    if (own.ops.backward_count > 0) {
      AddTo(&total.backward_ns, own.ops.backward_ns);
    }
    if (IsTold(i)) {
      total.calls = own.calls;
      total.forward_ns = own.span_ns;
    } else if (hold[i] && own.entries_sure) {
      total.calls = own.entries;
    } else if (any_told && total.ops.count() == 0) {
      total.calls = 0;
    }
    if (tree.modules()[i].parent == kNoModule) continue;
    ModuleTotal& parent = by_index[tree.modules()[i].parent];
    parent.ops.Add(total.ops);
    AddTo(&parent.forward_ns, total.forward_ns);
    AddTo(&parent.backward_ns, total.backward_ns);
  }
  std::vector<ModuleTotal> totals;
  for (int index : order) totals.push_back(by_index[index]);
  return totals;
}

}  // namespace torchtape::viewer
