#include "totals/host_states.h"

#include <algorithm>
#include <iterator>
#include <limits>

#include "absl/strings/match.h"
#include "modules/module_span.h"

namespace torchtape::viewer {
namespace {

constexpr int64_t kEver = std::numeric_limits<int64_t>::max();

// Work, of which no part is told. A range of the user's may be around
// everything.
bool IsWork(const Frame& frame) {
  const Operator& op = *frame.op;
  return !frame.nested &&
         (op.kind != v1::SPAN_KIND_RANGE || IsOptimizerStep(op));
}

}  // namespace

bool WaitsForDevice(const Operator& op) {
  return op.kind == v1::SPAN_KIND_DEVICE_CALL &&
         (absl::EndsWith(op.name, "Synchronize") || op.name == "cudaMemcpy");
}

// ---------------------------------------------------------------------------
// Stretches.

void HostStates::Stretches::Begin(int64_t time_ns, const Doing& doing) {
  if (!open_.empty()) Add(since_ns_, time_ns, open_.back());
  open_.push_back(doing);
  since_ns_ = time_ns;
}

void HostStates::Stretches::End(std::optional<int64_t> time_ns) {
  if (open_.empty()) return;
  if (time_ns) {
    Add(since_ns_, *time_ns, open_.back());
    since_ns_ = *time_ns;
  }
  open_.pop_back();
}

void HostStates::Stretches::Add(int64_t begin_ns, int64_t end_ns,
                                const Doing& doing) {
  if (!known_.empty()) begin_ns = std::max(begin_ns, known_.back().end_ns);
  if (begin_ns >= end_ns) return;
  known_.push_back({doing, begin_ns, end_ns});
}

const HostStates::Doing* HostStates::Stretches::Find(int64_t time_ns,
                                                     int64_t* until_ns) const {
  const auto next = std::partition_point(
      known_.begin(), known_.end(),
      [time_ns](const Known& known) { return known.begin_ns <= time_ns; });
  if (next != known_.begin() && time_ns < std::prev(next)->end_ns) {
    *until_ns = std::min(*until_ns, std::prev(next)->end_ns);
    return &*std::prev(next);
  }
  if (next != known_.end()) *until_ns = std::min(*until_ns, next->begin_ns);
  if (open_.empty()) return nullptr;
  if (time_ns >= since_ns_) return &open_.back();
  *until_ns = std::min(*until_ns, since_ns_);
  return nullptr;
}

const HostStates::Doing* HostStates::Stretches::FindWithin(
    int64_t from_ns, int64_t to_ns) const {
  if (!open_.empty() && since_ns_ <= to_ns) return &open_.back();
  const auto next = std::partition_point(
      known_.begin(), known_.end(),
      [to_ns](const Known& known) { return known.begin_ns <= to_ns; });
  if (next == known_.begin() || std::prev(next)->end_ns < from_ns) {
    return nullptr;
  }
  return &*std::prev(next);
}

// What was done from a unit's begin on is its own up to its end.
void HostStates::Stretches::Resolve(const Unit& unit) {
  const auto start_ns = static_cast<int64_t>(unit.start_ns);
  auto known = std::partition_point(
      known_.begin(), known_.end(),
      [start_ns](const Known& one) { return one.begin_ns < start_ns; });
  for (; known != known_.end() && known->unit == unit.number; ++known) {
    known->place.module = unit.owner.module;
    known->place.optimizer = unit.owner.optimizer;
  }
}

// ---------------------------------------------------------------------------
// What is told.

void HostStates::OnStep(const StepStart& start) {
  if (start.recorded || !start.marked) {
    step_starts_[start.number] = static_cast<int64_t>(start.start_ns);
  }
  if (step_starts_.size() > kMaxStretches) {
    step_starts_.erase(step_starts_.begin());
  }
}

HostStates::Doing HostStates::Now(const ThreadState& thread) const {
  const uint32_t number = thread.facts.number();
  Doing doing;
  doing.unit = attribution_.CurrentUnit(number);
  doing.place.frame = lines_.Current(number).frame;
  if (doing.unit == kNoUnit) {
    const Owner owner =
        OwnerBySpans(attribution_.tree(), thread, thread.stack.size());
    doing.place.module = owner.module;
    doing.place.optimizer = owner.optimizer;
  }
  return doing;
}

void HostStates::OnBegin(const SpanBegin& begin) {
  const bool works = IsWork(begin.frame),
             waits = WaitsForDevice(*begin.frame.op);
  if (!works && !waits) return;
  Thread& thread = threads_[begin.thread.facts.number()];
  const auto time_ns = static_cast<int64_t>(begin.frame.start_ns);
  const Doing doing = Now(begin.thread);
  for (const auto& [is, stretches] :
       {std::pair(works, &thread.spans), std::pair(waits, &thread.waits)}) {
    if (!is) continue;
    const size_t size = stretches->size();
    stretches->Begin(time_ns, doing);
    Bound(stretches, size);
  }
}

void HostStates::OnEnd(const SpanEnd& end) {
  const bool works = IsWork(end.frame), waits = WaitsForDevice(*end.frame.op);
  if (!works && !waits) return;
  Thread& thread = threads_[end.thread.facts.number()];
  std::optional<int64_t> time_ns;
  if (end.timed()) time_ns = static_cast<int64_t>(end.time_ns);
  for (const auto& [is, stretches] :
       {std::pair(works, &thread.spans), std::pair(waits, &thread.waits)}) {
    if (!is) continue;
    const size_t size = stretches->size();
    stretches->End(time_ns);
    Bound(stretches, size);
  }
}

void HostStates::OnUnits(absl::Span<const Unit> units) {
  for (const Unit& unit : units) {
    const auto thread = threads_.find(unit.thread);
    if (thread != threads_.end()) {
      thread->second.spans.Resolve(unit);
      thread->second.waits.Resolve(unit);
    }
    const auto step = step_starts_.find(unit.step);
    if (step == step_starts_.end() || unit.owner.module == kNoModule) continue;
    const size_t size = inputs_.size();
    inputs_.Add(step->second, static_cast<int64_t>(unit.start_ns), {});
    Bound(&inputs_, size);
    step_starts_.erase(step_starts_.begin(), std::next(step));
  }
}

// Where something new has come, the oldest goes.
void HostStates::Bound(Stretches* stretches, size_t size_before) {
  stretches_ += stretches->size() - size_before;
  if (stretches_ <= kMaxStretches || stretches->size() == 0) return;
  stretches->Forget();
  --stretches_;
}

// ---------------------------------------------------------------------------
// What is asked.

HostStates::Stretch HostStates::At(uint32_t thread, int64_t time_ns) const {
  Stretch stretch = {HostState::kElsewhere, kEver, {}};
  const auto found = threads_.find(thread);
  const bool input = inputs_.Find(time_ns, &stretch.end_ns) != nullptr;
  if (found != threads_.end()) {
    const Doing* work = found->second.spans.Find(time_ns, &stretch.end_ns);
    const Doing* wait = found->second.waits.Find(time_ns, &stretch.end_ns);
    if (work != nullptr) {
      stretch.state = HostState::kWorking;
      stretch.place = work->place;
    }
    if (wait != nullptr) {
      return {HostState::kWaiting, stretch.end_ns, wait->place};
    }
  }
  if (input) stretch.state = HostState::kInput;
  return stretch;
}

std::optional<HostPlace> HostStates::WaitWithin(uint32_t thread,
                                                int64_t from_ns,
                                                int64_t to_ns) const {
  const auto found = threads_.find(thread);
  if (found == threads_.end()) return {};
  const Doing* wait = found->second.waits.FindWithin(from_ns, to_ns);
  if (wait == nullptr) return {};
  return wait->place;
}

}  // namespace torchtape::viewer
