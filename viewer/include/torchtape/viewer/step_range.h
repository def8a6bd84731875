#ifndef TORCHTAPE_VIEWER_STEP_RANGE_H_
#define TORCHTAPE_VIEWER_STEP_RANGE_H_

// Which steps of a run are looked at. By default all.

#include <cstdint>
#include <limits>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace torchtape::viewer {

struct StepRange {
  uint64_t first = 0;
  uint64_t last = std::numeric_limits<uint64_t>::max();  // inclusive
  std::string flag;  // what the user wrote: "--step 900"; empty: all steps

  bool Contains(uint64_t step) const { return step >= first && step <= last; }
  bool all() const { return flag.empty(); }
};

// "5" of --step, "5:8" of --steps. Fails with InvalidArgument.
absl::StatusOr<StepRange> ParseStep(absl::string_view text);
absl::StatusOr<StepRange> ParseSteps(absl::string_view text);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_STEP_RANGE_H_
