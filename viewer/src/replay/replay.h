#ifndef TORCHTAPE_VIEWER_SRC_REPLAY_REPLAY_H_
#define TORCHTAPE_VIEWER_SRC_REPLAY_REPLAY_H_

// Walks a log once and tells visitors what happened.
//
//   absl::StatusOr<format::LogReader> reader = format::LogReader::Open(source);
//   SpanTotals totals;
//   ReplayReport report = Replay({}, {&totals}, &*reader);
//
// Where only some steps are of interest, most of a log need not be read; what
// comes before such a part is told as far as it matters, see step_chunks.h.
//
// Memory: a few chunks, the open spans, and the distinct operators and call
// sites.

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "replay/released.h"
#include "replay/visitor.h"
#include "torchtape/format/log_reader.h"
#include "torchtape/viewer/step_range.h"

namespace torchtape::viewer {

struct ReplayOptions {
  // Only these are of interest. If they are not all, chunks that tell nothing
  // of them are left out where the log allows it.
  StepRange steps;
  format::StreamCursor::Columns columns = format::StreamCursor::Columns::kAll;
  // Called before each chunk; may be empty.
  std::function<void(uint64_t done_bytes, uint64_t total_bytes)> progress;
};

struct Damage {
  uint64_t offset;
  uint64_t end;  // one past the last byte
  std::string reason;
};

struct ReplayReport {
  // In the order of offsets. What the reader skipped and what could not be
  // decoded.
  std::vector<Damage> damage;
  std::optional<v1::Index> index;  // absent: the log was never finished
  uint64_t chunks = 0;  // undamaged ones that were read, the Run chunk left out
  bool whole = true;    // false: chunks were left out
  Released released;    // of which only summaries are there
  // These own what visitors were given.
  std::deque<Operator> operators;
  std::deque<CallSite> call_sites;
  std::deque<CodeObject> objects;
};

// Fails only if the source cannot be read.
absl::StatusOr<ReplayReport> Replay(const ReplayOptions& options,
                                    absl::Span<Visitor* const> visitors,
                                    format::LogReader* reader);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_REPLAY_REPLAY_H_
