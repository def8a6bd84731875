#include "totals/work_totals.h"

namespace torchtape::viewer {

void WorkSum::Add(const SpanWork& span) {
  if (span.state == SpanWork::State::kElsewhere) return;
  if (span.state == SpanWork::State::kUnknown) {
    ++unknown_ops;
    unknown_ns += span.time_ns;
    return;
  }
  const Work& work = span.work;
  ++counted_ops;
  matrix_flops += work.matrix_flops;
  arithmetic_flops += work.arithmetic_flops;
  transcendental_calls += work.transcendental_calls;
  moved_bytes += work.moved_bytes;
  if (!span.timed || !work.on_cpu) return;
  timed_flops += work.matrix_flops;
  timed_flops += work.arithmetic_flops;
  timed_ns += span.time_ns;
}

void WorkSum::Add(const WorkSum& other) {
  matrix_flops += other.matrix_flops;
  arithmetic_flops += other.arithmetic_flops;
  transcendental_calls += other.transcendental_calls;
  moved_bytes += other.moved_bytes;
  counted_ops += other.counted_ops;
  unknown_ops += other.unknown_ops;
  unknown_ns += other.unknown_ns;
  timed_flops += other.timed_flops;
  timed_ns += other.timed_ns;
}

WorkSum DirectedWork::Both() const {
  WorkSum sum = forward;
  sum.Add(backward);
  return sum;
}

void DirectedWork::Add(const DirectedWork& other) {
  forward.Add(other.forward);
  backward.Add(other.backward);
}

void WorkTotals::OnBegin(const SpanBegin& begin) {
  const uint32_t thread = begin.thread.facts.number();
  const uint64_t unit = attribution_.CurrentUnit(thread);
  if (unit != kNoUnit) units_[thread] = unit;
}

void WorkTotals::OnEnd(const SpanEnd& end) {
  const Frame& frame = end.frame;
  const SpanWork& work = work_.Ending();
  if (work.state == SpanWork::State::kElsewhere) return;
  if (!steps_.Contains(frame.step)) return;
  // An op is in a unit: its own, or that of what is around it.
  const uint64_t unit = units_[end.thread.facts.number()];
  for (DirectedWork* sum :
       {&all_, OfOperator(*frame.op), OfSpanStep(frame.step), OfUnit(unit)}) {
    (frame.backward ? sum->backward : sum->forward).Add(work);
  }
}

DirectedWork* WorkTotals::OfOperator(const Operator& op) {
  if (op.id >= operators_.size()) operators_.resize(op.id + 1);
  DirectedWork*& work = operators_[op.id];
  if (work == nullptr) work = &names_[op.name];
  return work;
}

DirectedWork* WorkTotals::OfSpanStep(uint64_t step) {
  if (of_last_step_ == nullptr || step != last_step_) {
    of_last_step_ = &by_step_[step];
    last_step_ = step;
  }
  return of_last_step_;
}

DirectedWork* WorkTotals::OfUnit(uint64_t unit) {
  if (of_last_unit_ == nullptr || unit != last_unit_) {
    of_last_unit_ = &pending_[unit];
    last_unit_ = unit;
  }
  return of_last_unit_;
}

void WorkTotals::OnUnits(absl::Span<const Unit> units) {
  modules_.resize(attribution_.tree().modules().size());
  of_last_unit_ = nullptr;
  for (const Unit& unit : units) {
    const auto work = pending_.find(unit.number);
    if (work == pending_.end()) continue;
    DirectedWork& sum = unit.owner.optimizer ? optimizer_
                        : unit.owner.module == kNoModule
                            ? nobody_
                            : modules_[static_cast<size_t>(unit.owner.module)];
    sum.Add(work->second);
    pending_.erase(work);
  }
}

DirectedWork WorkTotals::OfName(const std::string& name) const {
  const auto it = names_.find(name);
  return it == names_.end() ? DirectedWork() : it->second;
}

DirectedWork WorkTotals::OfStep(uint64_t number) const {
  const auto it = by_step_.find(number);
  return it == by_step_.end() ? DirectedWork() : it->second;
}

std::vector<DirectedWork> WorkTotals::OfModules() const {
  std::vector<DirectedWork> own = modules_;
  own.resize(attribution_.tree().modules().size());
  return own;
}

// Children come after their parents, so adding up goes backwards.
std::vector<DirectedWork> WorkTotals::WithinModules() const {
  const ModuleTree& tree = attribution_.tree();
  std::vector<DirectedWork> within = OfModules();
  const std::vector<int> order = tree.Order();
  for (size_t k = order.size(); k-- > 0;) {
    const auto i = static_cast<size_t>(order[k]);
    const int parent = tree.modules()[i].parent;
    if (parent != kNoModule) within[static_cast<size_t>(parent)].Add(within[i]);
  }
  return within;
}

}  // namespace torchtape::viewer
