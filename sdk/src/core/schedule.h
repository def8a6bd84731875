#ifndef TORCHTAPE_SDK_CORE_SCHEDULE_H_
#define TORCHTAPE_SDK_CORE_SCHEDULE_H_

// Decides step by step what happens to it, as torchtape::Schedule says.

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "torchtape/options.h"

namespace torchtape::internal {

enum class StepPlan {
  kOff,     // nothing is hooked
  kWarmUp,  // hooked, and what is recorded is thrown away
  kRecord,
};

class StepPlanner {
 public:
  explicit StepPlanner(const Schedule& schedule) : schedule_(schedule) {}

  // For the step that is running; the first is step 0 of epoch 0.
  StepPlan Current() const;

  // The next step begins.
  void Step();

  // The step that is running is the first of an epoch.
  void StartEpoch() { step_of_epoch_ = 0; }

  uint64_t step() const { return step_; }

 private:
  StepPlan InCycle() const;

  Schedule schedule_;
  uint64_t step_ = 0;
  uint64_t step_of_epoch_ = 0;
};

// In words, for the log; empty if every step is recorded.
std::string Describe(const Schedule& schedule);

// Reads "name=number,..." with the names of Schedule's fields; what is not
// named is as in Schedule(). Fails with InvalidArgument, naming what is wrong,
// and leaves `schedule` as it was.
absl::Status ParseSchedule(absl::string_view text, Schedule* schedule);

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_CORE_SCHEDULE_H_
