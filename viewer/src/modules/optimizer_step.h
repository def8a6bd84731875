#ifndef TORCHTAPE_VIEWER_SRC_MODULES_OPTIMIZER_STEP_H_
#define TORCHTAPE_VIEWER_SRC_MODULES_OPTIMIZER_STEP_H_

// Knows the steps of optimizers, which are ranges, by their names: FORMAT.md
// "Stream".

#include <algorithm>

#include "absl/strings/match.h"
#include "replay/visitor.h"

namespace torchtape::viewer {

inline bool IsOptimizerStep(const Operator& op) {
  return op.kind == v1::SPAN_KIND_RANGE &&
         absl::StartsWith(op.name, "Optimizer.step#");
}

// Whether one is open.
inline bool IsInOptimizerStep(const ThreadState& thread) {
  return std::any_of(
      thread.stack.begin(), thread.stack.end(),
      [](const Frame& frame) { return IsOptimizerStep(*frame.op); });
}

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_MODULES_OPTIMIZER_STEP_H_
