#include "verbs/follow.h"

#include <chrono>

namespace torchtape::viewer {

absl::StatusOr<Outcome> Follow(
    const std::string& path,
    const std::function<absl::StatusOr<Outcome>(const Log&)>& show,
    const std::function<void(double show_seconds)>& wait) {
  while (true) {
    absl::StatusOr<Log> log = OpenLog(path);
    if (!log.ok()) return log.status();
    const auto start = std::chrono::steady_clock::now();
    absl::StatusOr<Outcome> outcome = show(*log);
    if (!outcome.ok() || !log->is_being_recorded) return outcome;
    wait(std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
             .count());
  }
}

}  // namespace torchtape::viewer
