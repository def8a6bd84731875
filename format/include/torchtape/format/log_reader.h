#ifndef TORCHTAPE_FORMAT_LOG_READER_H_
#define TORCHTAPE_FORMAT_LOG_READER_H_

// Reads a log chunk by chunk.
//
//   auto reader = LogReader::Open(source);
//   while (absl::StatusOr<std::optional<Chunk>> chunk = reader->Next();
//          chunk.ok() && chunk->has_value()) { ... }
//   for (const SkippedRegion& region : reader->skipped()) { ... }
//
// Any bytes are acceptable. Damage costs the chunk it is in: reading goes on
// at the next sync mark, and the loss is told in `skipped()`. Memory follows
// one chunk, never the file.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "torchtape/format/byte_source.h"
#include "torchtape/v1/tape.pb.h"

namespace torchtape::format {

namespace internal {
struct ChunkAttempt;
}

// One undamaged chunk. `payload` is decompressed and its checksum was right;
// that of a Released chunk is empty, as its zeros were not read.
struct Chunk {
  v1::ChunkKind kind;     // may be a number that this version does not know
  uint64_t offset;        // of the chunk header in the file
  uint64_t number;        // 0, 1, 2, ... in the order of writing
  uint32_t stored_bytes;  // header and payload as stored
  std::string payload;
  uint64_t chunks = 1;  // that lay here; their numbers end before the next one

  // Parses the payload; `Message` must fit `kind`. Fails with DataLoss.
  template <typename Message>
  absl::StatusOr<Message> Parse() const {
    Message message;
    if (!message.ParseFromString(payload)) {
      return absl::DataLossError("a payload does not parse");
    }
    return message;
  }
};

// Bytes that could not be read as a chunk. `begin == end` where chunks are
// missing without a trace.
struct SkippedRegion {
  uint64_t begin;  // first offset
  uint64_t end;    // one past the last
  std::string reason;
};

class LogReader {
 public:
  // Reads the file header, the Run chunk and, through the footer, the index.
  //
  // Fails with
  //   InvalidArgument   not a torchtape log (the message says what it looks
  //                     like), or an empty file
  //   Unimplemented     written by a newer major version
  //   DataLoss          the file header is damaged and no chunk is near
  //   Unavailable       the source cannot be read
  static absl::StatusOr<LogReader> Open(std::shared_ptr<ByteSource> source);

  // The run facts; all fields empty if their chunk is damaged or missing.
  const v1::Run& run() const { return run_; }
  bool has_run() const { return has_run_; }

  // The next undamaged chunk after the Run chunk, the Index included; nullopt
  // at the end. Numbers grow from chunk to chunk; where some are missing,
  // `skipped()` tells. Fails only if the source cannot be read.
  absl::StatusOr<std::optional<Chunk>> Next();

  // Reads the chunk at `offset`, which should be one that `index()` names;
  // the position of `Next()` stays. Fails with DataLoss if there is no
  // undamaged chunk, or Unavailable. May be called from several threads if
  // `ByteSource::Read()` may; those of this library may.
  absl::StatusOr<Chunk> ReadAt(uint64_t offset) const;

  // The index of a finished log, found through its footer without reading the
  // chunks; nullopt if the log was never finished or its end is damaged.
  const std::optional<v1::Index>& index() const { return index_; }

  // Damage found so far, in order. A torn last chunk is one of these.
  const std::vector<SkippedRegion>& skipped() const { return skipped_; }

  uint16_t minor_version() const { return minor_version_; }
  uint64_t size() const { return source_->size(); }

 private:
  explicit LogReader(std::shared_ptr<ByteSource> source)
      : source_(std::move(source)) {}

  absl::Status ReadFileHeader();
  absl::StatusOr<bool> FindLogWithoutHeader();
  absl::Status ReadRun();
  absl::Status ReadIndex();
  absl::StatusOr<bool> AtFooter();
  absl::Status SkipDamage(const internal::ChunkAttempt& attempt);
  bool Accept(const Chunk& chunk);
  void Skip(uint64_t begin, uint64_t end, std::string reason);

  std::shared_ptr<ByteSource> source_;
  uint64_t offset_ = 0;
  uint64_t wasted_bytes_ = 0;  // read or decompressed in vain
  uint16_t minor_version_ = 0;
  bool has_run_ = false;
  v1::Run run_;
  std::optional<Chunk> pending_;         // read by Open(), next to be returned
  std::optional<uint64_t> last_number_;  // of the chunks read in order
  bool last_is_index_ = false;
  std::optional<v1::Index> index_;
  std::vector<SkippedRegion> skipped_;
};

}  // namespace torchtape::format

#endif  // TORCHTAPE_FORMAT_LOG_READER_H_
