#ifndef TORCHTAPE_VIEWER_SRC_VERBS_FOLLOW_H_
#define TORCHTAPE_VIEWER_SRC_VERBS_FOLLOW_H_

// Shows a log that is being recorded, again and again.

#include <functional>

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

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_VERBS_FOLLOW_H_
