#include "torchtape/viewer/step_range.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace torchtape::viewer {

absl::StatusOr<StepRange> ParseStep(absl::string_view text) {
  StepRange range;
  range.flag = absl::StrCat("--step ", text);
  if (!absl::SimpleAtoi(text, &range.first)) {
    return absl::InvalidArgumentError(
        absl::StrCat(range.flag, ": not the number of a step"));
  }
  range.last = range.first;
  return range;
}

absl::StatusOr<StepRange> ParseSteps(absl::string_view text) {
  StepRange range;
  range.flag = absl::StrCat("--steps ", text);
  const size_t colon = text.find(':');
  if (colon == absl::string_view::npos ||
      !absl::SimpleAtoi(text.substr(0, colon), &range.first) ||
      !absl::SimpleAtoi(text.substr(colon + 1), &range.last)) {
    return absl::InvalidArgumentError(
        absl::StrCat(range.flag, ": not two numbers, as in 5:8"));
  }
  if (range.first > range.last) {
    return absl::InvalidArgumentError(
        absl::StrCat(range.flag, ": the first step is after the last"));
  }
  return range;
}

}  // namespace torchtape::viewer
