#include "verbs/follow.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <optional>

#include "dump/dump.h"
#include "replay/log_state.h"

namespace torchtape::viewer {
namespace {

// The last step that has begun.
class LastStep : public Visitor {
 public:
  void OnStep(const StepStart& start) override { number_ = start.number; }
  std::optional<uint64_t> number() const { return number_; }

 private:
  std::optional<uint64_t> number_;
};

}  // namespace

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

absl::StatusOr<Outcome> NewSteps::Dump(const Log& log, std::ostream& out) {
  VerbOptions rest = options_;
  rest.steps.first = next_;
  // The first time, what comes before any step is shown, too.
  if (next_ != options_.steps.first) rest.steps.flag = "--follow";
  LastStep last;
  absl::StatusOr<ReplayReport> report =
      ReplayLog(log, rest, format::StreamCursor::Columns::kOps, {&last});
  if (!report.ok()) return report.status();
  const bool is_first = rest.steps.flag == options_.steps.flag;
  if (log.is_being_recorded || !is_first) {
    // One past the last that is shown now: of a live run the last goes on.
    const uint64_t end = last.number().value_or(0) + !log.is_being_recorded;
    if (end <= next_ || options_.steps.last < next_) {
      return Outcome{0, NotesOf(log, *report)};
    }
    rest.steps.last = std::min(options_.steps.last, end - 1);
  }
  const absl::StatusOr<Outcome> outcome = DumpSteps(log, rest, &last, out);
  if (outcome.ok()) next_ = rest.steps.last + 1;
  return outcome;
}

}  // namespace torchtape::viewer
