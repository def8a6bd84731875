#ifndef TORCHTAPE_FORMAT_RECOVERY_H_
#define TORCHTAPE_FORMAT_RECOVERY_H_

// What a killed process left behind, as a finished log: the chunks that it had
// written, and the records of its journal, encoded as it would have done.
//
//   auto recovery = Recover(log, *journal);
//   auto reader = LogReader::Open(recovery->log);
//
// Any bytes are acceptable as journal. Damage in it is told in `problems`.
// Memory: what the journal's rings hold and the state of the encoder.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "torchtape/format/byte_source.h"

namespace torchtape::format {

struct Recovery {
  // A finished log. Reads from the source it was made of.
  std::shared_ptr<ByteSource> log;
  uint64_t events = 0;  // begins, ends, allocations and frees of the journal's
  uint64_t torn_bytes = 0;  // of a chunk that was not written to its end
  // What of the journal is damaged, one line each with the offset.
  std::vector<std::string> problems;
};

// Fails with
//   FailedPrecondition  the log is finished
//   InvalidArgument     not a journal, or the journal of another run
//   DataLoss            the journal is too damaged to be of use
// and as LogReader::Open(). Messages name no file.
absl::StatusOr<Recovery> Recover(std::shared_ptr<ByteSource> log,
                                 const ByteSource& journal);

// Where the log is that a path leads to, with its journal beside it: a link's
// target. `path` itself if that cannot be told.
std::string TargetOf(const std::string& path);

// Whether the process that makes the journal still records. Fails as
// OpenFile().
absl::StatusOr<bool> IsBeingRecorded(const std::string& journal_path);

// Recovers the log at `log_path` with the journal beside it, and puts the
// finished log at `to_path` in one step: as a whole or not at all. If that is
// the log itself, the journal is deleted, unless it has problems. Fails as
// Recover() and OpenFile() do, with FailedPrecondition too if the log is still
// being recorded; messages name the file.
absl::StatusOr<Recovery> RecoverFile(const std::string& log_path,
                                     const std::string& to_path);

}  // namespace torchtape::format

#endif  // TORCHTAPE_FORMAT_RECOVERY_H_
