#include "totals/step_totals.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace torchtape::viewer {

void StepTotals::OnStep(const StepStart& start) {
  if (!steps_.empty()) {
    Step& last = steps_.back();
    const bool follows = start.number == last.number + 1;
    if (follows && start.start_ns >= last.start_ns) {
      last.duration_ns = start.start_ns - last.start_ns;
    }
    if (start.marked || start.number != last.number)
      recording_ = start.recorded;
  }
  Step step;
  step.number = start.number;
  step.start_ns = start.start_ns;
  step.recorded = recording_;
  steps_.push_back(step);
}

void StepTotals::OnWindow(const v1::Window& window) {
  recording_ = window.recording();
  if (recording_ && !steps_.empty()) steps_.back().recorded = true;
}

// A span is mostly of the last step.
Step* StepTotals::Find(uint64_t number) {
  for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
    if (step->number == number) return &*step;
    if (step->number < number) break;
  }
  return nullptr;
}

void StepTotals::OnBegin(const SpanBegin& begin) {
  Step* step = Find(begin.frame.step);
  if (step == nullptr || begin.summarized) return;
  ++step->spans;
  step->ops += begin.frame.op->kind == v1::SPAN_KIND_OP;
}

void StepTotals::OnEnd(const SpanEnd& end) {
  const Frame& frame = end.frame;
  const std::vector<Frame>& stack = end.thread.stack;
  const Frame* parent = stack.size() > 1 ? &stack[stack.size() - 2] : nullptr;
  const bool backward =
      frame.backward && (parent == nullptr || !parent->backward);
  const bool forward =
      frame.op->kind == v1::SPAN_KIND_OP && !frame.nested && !frame.backward;
  if (!backward && !forward) return;
  Step* step = Find(frame.step);
  if (step == nullptr) return;
  (backward ? step->backward_ns : step->forward_ns) += end.duration_ns();
}

std::vector<Step> StepTotals::steps() const {
  std::vector<Step> steps = steps_;
  if (!steps.empty() && !steps.back().duration_ns && steps.back().spans == 0) {
    steps.pop_back();
  }
  return steps;
}

absl::Status StepTotals::Covers(const StepRange& range) const {
  if (range.all()) return absl::OkStatus();
  const std::vector<Step> held = steps();
  if (held.empty()) {
    return absl::OutOfRangeError(
        absl::StrCat(range.flag, ": the log holds no steps"));
  }
  const uint64_t first = held.front().number, last = held.back().number;
  if (range.first >= first && range.last <= last) return absl::OkStatus();
  return absl::OutOfRangeError(absl::StrCat(
      range.flag, ": the log holds ",
      first == last ? absl::StrCat("only step ", first)
                    : absl::StrCat("steps ", first, " to ", last)));
}

uint64_t Quantile(std::vector<uint64_t> numbers, double ratio) {
  const double rank = std::ceil(ratio * static_cast<double>(numbers.size()));
  const size_t index = static_cast<size_t>(std::max(rank, 1.0)) - 1;
  std::nth_element(numbers.begin(), numbers.begin() + index, numbers.end());
  return numbers[index];
}

}  // namespace torchtape::viewer
