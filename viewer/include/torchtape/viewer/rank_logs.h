#ifndef TORCHTAPE_VIEWER_RANK_LOGS_H_
#define TORCHTAPE_VIEWER_RANK_LOGS_H_

// The report of several processes of one training.
//
//   absl::StatusOr<RankLogs> ranks = OpenRanks({"run.0.tape", "run.1.tape"});
//   absl::StatusOr<Outcome> outcome = ReportRanks(*ranks, {}, std::cout);

#include <ostream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "torchtape/viewer/verbs.h"

namespace torchtape::viewer {

struct UnreadLog {
  std::string name, problem;
};
struct RankLogs {
  std::vector<Log> logs;
  std::vector<UnreadLog> unread;
};

// Opens files and, of folders, every `*.tape` in them. Fails, as the first of
// them does, if none can be opened, and with NotFound if there is none.
absl::StatusOr<RankLogs> OpenRanks(const std::vector<std::string>& paths);

// Report() of several logs in one file, on one time axis. What it keeps of
// their events is bounded as for one log, all of them together; memory is that
// of one log, and the totals of each. A log that cannot be read is left out,
// and told; fails as Report() of the first one if none can be read.
absl::StatusOr<Outcome> ReportRanks(const RankLogs& ranks,
                                    const VerbOptions& options,
                                    std::ostream& out);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_RANK_LOGS_H_
