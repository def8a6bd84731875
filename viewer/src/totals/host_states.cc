#include "totals/host_states.h"

#include <algorithm>
#include <limits>

#include "absl/strings/match.h"
#include "modules/optimizer_step.h"

namespace torchtape::viewer {
namespace {

constexpr int64_t kEver = std::numeric_limits<int64_t>::max();

// A range of the user's may be around everything.
bool IsWork(const Operator& op) {
  return op.kind != v1::SPAN_KIND_RANGE || IsOptimizerStep(op);
}

bool IsWait(const Operator& op) {
  return op.kind == v1::SPAN_KIND_DEVICE_CALL && WaitsForDevice(op.name);
}

}  // namespace

bool WaitsForDevice(absl::string_view call) {
  return absl::EndsWith(call, "Synchronize") || call == "cudaMemcpy";
}

void HostStates::Stretches::Begin(int64_t time_ns) {
  if (depth_++ == 0) open_ns_ = time_ns;
}

void HostStates::Stretches::End(std::optional<int64_t> time_ns) {
  if (depth_ == 0 || --depth_ != 0 || !time_ns) return;
  Add(open_ns_, *time_ns);
}

void HostStates::Stretches::Add(int64_t begin_ns, int64_t end_ns) {
  if (!known_.empty()) begin_ns = std::max(begin_ns, known_.back().end_ns);
  if (begin_ns >= end_ns) return;
  known_.push_back({begin_ns, end_ns});
  if (known_.size() > kMaxStretches) known_.pop_front();
}

bool HostStates::Stretches::Contains(int64_t time_ns, int64_t* until_ns) const {
  const auto next = std::upper_bound(
      known_.begin(), known_.end(), time_ns,
      [](int64_t time, const Times& times) { return time < times.begin_ns; });
  if (next != known_.begin() && time_ns < std::prev(next)->end_ns) {
    *until_ns = std::min(*until_ns, std::prev(next)->end_ns);
    return true;
  }
  if (next != known_.end()) *until_ns = std::min(*until_ns, next->begin_ns);
  if (depth_ == 0) return false;
  if (time_ns < open_ns_) *until_ns = std::min(*until_ns, open_ns_);
  return time_ns >= open_ns_;
}

bool HostStates::Stretches::Touches(int64_t from_ns, int64_t to_ns) const {
  int64_t next_ns = kEver;  // what ends at `from_ns` is none in Contains()
  return Contains(from_ns - 1, &next_ns) || next_ns <= to_ns;
}

void HostStates::OnStep(const StepStart& start) {
  if (start.recorded || !start.marked) {
    step_starts_[start.number] = static_cast<int64_t>(start.start_ns);
  }
  if (step_starts_.size() > kMaxStretches) {
    step_starts_.erase(step_starts_.begin());
  }
}

void HostStates::OnBegin(const SpanBegin& begin) {
  const Operator& op = *begin.frame.op;
  if (!IsWork(op)) return;
  Thread& thread = threads_[begin.thread.facts.number()];
  const auto time_ns = static_cast<int64_t>(begin.frame.start_ns);
  thread.spans.Begin(time_ns);
  if (IsWait(op)) thread.waits.Begin(time_ns);
}

void HostStates::OnEnd(const SpanEnd& end) {
  const Operator& op = *end.frame.op;
  if (!IsWork(op)) return;
  Thread& thread = threads_[end.thread.facts.number()];
  std::optional<int64_t> time_ns;
  if (end.timed()) time_ns = static_cast<int64_t>(end.time_ns);
  thread.spans.End(time_ns);
  if (IsWait(op)) thread.waits.End(time_ns);
}

void HostStates::OnUnits(absl::Span<const Unit> units) {
  for (const Unit& unit : units) {
    const auto step = step_starts_.find(unit.step);
    if (step == step_starts_.end() || unit.owner.module == kNoModule) continue;
    inputs_.Add(step->second, static_cast<int64_t>(unit.start_ns));
    step_starts_.erase(step_starts_.begin(), std::next(step));
  }
}

HostStates::Stretch HostStates::At(uint32_t thread, int64_t time_ns) const {
  Stretch stretch = {HostState::kElsewhere, kEver};
  const auto found = threads_.find(thread);
  const bool input = inputs_.Contains(time_ns, &stretch.end_ns);
  if (found != threads_.end()) {
    if (found->second.spans.Contains(time_ns, &stretch.end_ns)) {
      stretch.state = HostState::kWorking;
    }
    if (found->second.waits.Contains(time_ns, &stretch.end_ns)) {
      return {HostState::kWaiting, stretch.end_ns};
    }
  }
  if (input) stretch.state = HostState::kInput;
  return stretch;
}

bool HostStates::WaitedWithin(uint32_t thread, int64_t from_ns,
                              int64_t to_ns) const {
  const auto found = threads_.find(thread);
  return found != threads_.end() && found->second.waits.Touches(from_ns, to_ns);
}

}  // namespace torchtape::viewer
