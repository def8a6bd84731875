#ifndef TORCHTAPE_FORMAT_BYTE_SINK_H_
#define TORCHTAPE_FORMAT_BYTE_SINK_H_

// Where the bytes of a log go: a file, or memory and failures in tests.

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace torchtape::format {

class ByteSink {
 public:
  virtual ~ByteSink() = default;

  // Appends all of `bytes`. After a failure nothing more may be appended.
  // Fails with ResourceExhausted if the disk is full, else Unavailable.
  virtual absl::Status Append(absl::string_view bytes) = 0;

  // Hands everything to the disk, and waits for it. May be called while
  // another thread appends.
  virtual absl::Status Sync() = 0;

  // Puts `head` at `offset`, in place of what was appended there, and gives the
  // rest of the `bytes` there back to the disk: from then on it is zeros. Done
  // when what was appended before is on the disk, which may be later. Fails
  // with Unimplemented where CanRelease() does, or Unavailable.
  virtual absl::Status Release(uint64_t offset, uint64_t bytes,
                               absl::string_view head);
  // Unimplemented, with the reason, if nothing can be given back.
  virtual absl::Status CanRelease() const;

  // Closes the sink. A second call does nothing.
  virtual absl::Status Close() = 0;
};

// Creates a file for appending. If the path exists, the older file is kept: it
// is renamed to `path` with ".1", ".2", ... before its extension ("run.tape"
// becomes "run.1.tape"), the first number that is free, and its journal with it
// (journal.h). Nothing is overwritten, also if several processes do this at
// once. Missing folders are not made. A character device is written to as it
// is; links and folders are refused. Fails with NotFound, PermissionDenied,
// ResourceExhausted or Unavailable; the message names the file.
absl::StatusOr<std::unique_ptr<ByteSink>> CreateFile(const std::string& path);

// Appends to a string that outlives the sink.
std::unique_ptr<ByteSink> ToString(std::string* bytes);

}  // namespace torchtape::format

#endif  // TORCHTAPE_FORMAT_BYTE_SINK_H_
