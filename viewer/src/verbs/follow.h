#ifndef TORCHTAPE_VIEWER_SRC_VERBS_FOLLOW_H_
#define TORCHTAPE_VIEWER_SRC_VERBS_FOLLOW_H_

// Shows a log that is being recorded, again and again.

#include <cstdint>
#include <functional>
#include <ostream>

#include "torchtape/viewer/verbs.h"

namespace torchtape::viewer {

// Calls `show` with the log at `path`, and again after each `wait`, until the
// log is no longer being recorded: the last call sees all of it. `wait` is told
// how long `show` took. Returns what the last call returned, or the first
// error.
absl::StatusOr<Outcome> Follow(
    const std::string& path,
    const std::function<absl::StatusOr<Outcome>(const Log&)>& show,
    const std::function<void(double show_seconds)>& wait);

// Dump() of the steps that have ended since the last call, each once, and with
// the last call, when the log is no longer being recorded, of all that is left.
class NewSteps {
 public:
  // Of these steps, filtered so. `options.top` is not for this.
  explicit NewSteps(const VerbOptions& options)
      : options_(options), next_(options.steps.first) {}

  absl::StatusOr<Outcome> Dump(const Log& log, std::ostream& out);

 private:
  VerbOptions options_;
  uint64_t next_;  // the first step that was not dumped
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_VERBS_FOLLOW_H_
