#include "core/schedule.h"

#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace torchtape::internal {
namespace {

struct Field {
  absl::string_view name;
  uint64_t Schedule::*value;
};

constexpr Field kFields[] = {{"skip_first", &Schedule::skip_first},
                             {"wait", &Schedule::wait},
                             {"warmup", &Schedule::warmup},
                             {"active", &Schedule::active},
                             {"repeat", &Schedule::repeat},
                             {"every", &Schedule::every},
                             {"first_of_epoch", &Schedule::first_of_epoch}};

// The largest number if the sum is larger: so many steps never come.
uint64_t Sum(uint64_t a, uint64_t b) {
  return a + b < a ? ~uint64_t{0} : a + b;
}

}  // namespace

StepPlan StepPlanner::InCycle() const {
  if (step_ < schedule_.skip_first) return StepPlan::kOff;
  if (schedule_.active == 0) return StepPlan::kRecord;
  const uint64_t length =
      Sum(Sum(schedule_.wait, schedule_.warmup), schedule_.active);
  const uint64_t since = step_ - schedule_.skip_first;
  if (schedule_.repeat != 0 && since / length >= schedule_.repeat) {
    return StepPlan::kOff;
  }
  const uint64_t at = since % length;
  if (at < schedule_.wait) return StepPlan::kOff;
  return at < Sum(schedule_.wait, schedule_.warmup) ? StepPlan::kWarmUp
                                                    : StepPlan::kRecord;
}

StepPlan StepPlanner::Current() const {
  if (schedule_.every > 1 && step_ % schedule_.every != 0) {
    return StepPlan::kOff;
  }
  if (schedule_.first_of_epoch != 0 &&
      step_of_epoch_ >= schedule_.first_of_epoch) {
    return StepPlan::kOff;
  }
  return InCycle();
}

void StepPlanner::Step() {
  ++step_;
  ++step_of_epoch_;
}

std::string Describe(const Schedule& schedule) {
  const Schedule standard;
  std::vector<std::string> parts;
  for (const Field& field : kFields) {
    if (schedule.*field.value != standard.*field.value) {
      parts.push_back(absl::StrCat(field.name, "=", schedule.*field.value));
    }
  }
  return absl::StrJoin(parts, ",");
}

absl::Status ParseSchedule(absl::string_view text, Schedule* schedule) {
  Schedule read;
  for (absl::string_view part : absl::StrSplit(text, ',', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> pair =
        absl::StrSplit(part, absl::MaxSplits('=', 1));
    bool known = false;
    for (const Field& field : kFields) {
      known |= field.name == pair.first &&
               absl::SimpleAtoi(pair.second, &(read.*field.value));
    }
    if (!known) {
      return absl::InvalidArgumentError(
          absl::StrCat("schedule: \"", part, "\" is not name=number"));
    }
  }
  *schedule = read;
  return absl::OkStatus();
}

}  // namespace torchtape::internal
