#ifndef TORCHTAPE_VIEWER_SRC_REPLAY_LOG_STATE_H_
#define TORCHTAPE_VIEWER_SRC_REPLAY_LOG_STATE_H_

// Opens a log for a verb and says afterwards in what state it was.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"
#include "replay/replay.h"
#include "torchtape/viewer/verbs.h"

namespace torchtape::viewer {

using Json = nlohmann::ordered_json;

// Walks the log once. `reader` is set first and can be asked by visitors.
absl::StatusOr<ReplayReport> ReplayLog(const Log& log,
                                       const VerbOptions& options,
                                       format::StreamCursor::Columns columns,
                                       absl::Span<Visitor* const> visitors);

// The run facts; empty ones if they are damaged.
absl::StatusOr<v1::Run> ReadRun(const Log& log);

// What is missing from the log and what was recovered, in lines for people;
// empty if it is whole.
std::vector<std::string> NotesOf(const Log& log, const ReplayReport& report);

// Every damage in one line each.
std::vector<std::string> DamageLines(const ReplayReport& report);

// The facts of the run that `info` and `export` give.
Json RunJson(const v1::Run& run);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_REPLAY_LOG_STATE_H_
