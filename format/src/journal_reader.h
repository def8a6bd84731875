#ifndef TORCHTAPE_FORMAT_SRC_JOURNAL_READER_H_
#define TORCHTAPE_FORMAT_SRC_JOURNAL_READER_H_

// Takes a journal apart. Any bytes are acceptable: what is damaged is told in
// `problems` and left out.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "torchtape/format/byte_source.h"
#include "torchtape/format/encoder.h"
#include "torchtape/v1/journal.pb.h"

namespace torchtape::format::internal {

// The ring of a thread. Positions count words since the ring was made.
struct FoundRing {
  uint64_t offset = 0;  // of the section header, for messages
  uint64_t size = 0;    // words
  v1::Thread thread;
  uint64_t first = 0;  // the thread's first record
  uint64_t head = 0;   // after its last one
  uint64_t tail = 0;   // what is before may be overwritten
  // Dropped events that no record tells of: how many, ticks of first and last.
  uint64_t drops[3] = {};
};

// A checkpoint whose checksum is right.
struct FoundCheckpoint {
  uint64_t offset = 0;  // of the content
  uint64_t bytes = 0;
  uint64_t sequence = 0;
  size_t base = 0;  // index of the whole one that it adds to, or of itself
};

struct FoundJournal {
  std::string run_id;
  ClockLine clock;
  bool has_clock = false;
  std::vector<FoundRing> rings;
  std::vector<FoundCheckpoint> checkpoints;  // room by room, in order
  std::map<uint32_t, v1::Model> models;
  v1::CodeMap code_map;
  std::vector<std::string> problems;  // each with the offset
};

// Fails with InvalidArgument if it is no journal or one of another version, or
// with Unavailable.
absl::StatusOr<FoundJournal> ReadJournal(const ByteSource& source);

// Fails with DataLoss or Unavailable.
absl::StatusOr<v1::Checkpoint> ReadCheckpoint(const ByteSource& source,
                                              const FoundCheckpoint& found);

// The words of a ring from position `begin` to its head, at most its size.
absl::StatusOr<std::vector<uint64_t>> ReadRing(const ByteSource& source,
                                               const FoundRing& ring,
                                               uint64_t begin);

}  // namespace torchtape::format::internal

#endif  // TORCHTAPE_FORMAT_SRC_JOURNAL_READER_H_
