#ifndef TORCHTAPE_VIEWER_SRC_TOTALS_STEP_TOTALS_H_
#define TORCHTAPE_VIEWER_SRC_TOTALS_STEP_TOTALS_H_

// The steps of a run: how long they took, what happened in them.

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "replay/visitor.h"
#include "torchtape/viewer/step_range.h"

namespace torchtape::viewer {

struct Step {
  uint64_t number = 0;
  uint64_t start_ns = 0;
  std::optional<uint64_t> duration_ns;  // absent: its end is not in the log
  bool recorded = false;
  uint64_t ops = 0;          // begun in it, nested ones included
  uint64_t spans = 0;        // of all kinds, begun in it
  uint64_t forward_ns = 0;   // outermost ops outside of the backward pass
  uint64_t backward_ns = 0;  // outermost spans of the backward pass
};

class StepTotals : public Visitor {
 public:
  // `first_recorded`: whether events are recorded from the start on.
  explicit StepTotals(bool first_recorded) : recording_(first_recorded) {}

  void OnStep(const StepStart& start) override;
  void OnWindow(const v1::Window& window) override;
  void OnBegin(const SpanBegin& begin) override;
  void OnEnd(const SpanEnd& end) override;

  // In order. What comes after the last step's end is a step only if spans were
  // recorded in it.
  std::vector<Step> steps() const;

  // OutOfRange, with a message that says what the log holds, unless it has all
  // steps of `range`.
  absl::Status Covers(const StepRange& range) const;

 private:
  Step* Find(uint64_t number);

  bool recording_;
  std::vector<Step> steps_;
};

// Of sorted or unsorted numbers, by nearest rank; `ratio` is from 0 to 1.
// `numbers` must not be empty.
uint64_t Quantile(std::vector<uint64_t> numbers, double ratio);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_TOTALS_STEP_TOTALS_H_
