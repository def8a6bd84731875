#ifndef TORCHTAPE_SDK_SESSION_H_
#define TORCHTAPE_SDK_SESSION_H_

// What trackers start and stop: the recording that is going on, if any, and all
// that is hooked for it. Outlives every tracker, since the process may end
// while one lives.
//
// Thread-safe.

#include <memory>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "core/device_timer.h"
#include "core/op_source.h"
#include "core/schedule.h"
#include "torchtape/options.h"
#include "torchtape/v1/tape.pb.h"

namespace torchtape::internal {

class Session {
 public:
  static Session& Get();

  // `path`: of the log. `run`: its facts, but for what is decided here.
  absl::Status Start(const TrackerOptions& options, const std::string& path,
                     v1::Run run);
  // Returns the recording's first error.
  absl::Status Stop();
  void Step();
  void StartEpoch();

 private:
  Session();

  // Hooks and unhooks as the schedule wants it for the step that is running.
  void FollowPlan();
  void TimeStep();
  void Unhook();

  std::mutex mutex_;
  bool active_ = false;
  bool observes_memory_ = false;
  std::string path_;
  StepPlanner planner_{Schedule()};
  StepPlan plan_ = StepPlan::kOff;
  std::unique_ptr<OpSource> source_;
  DeviceTimer* timer_ = nullptr;  // null: no device times
};

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_SESSION_H_
