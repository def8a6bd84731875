#ifndef TORCHTAPE_FORMAT_LOG_WRITER_H_
#define TORCHTAPE_FORMAT_LOG_WRITER_H_

// Writes a log: header, chunks, and at the end index and footer.
//
//   LogWriter writer(std::move(sink), run);
//   writer.Write(v1::CHUNK_KIND_EVENTS, events, entry);
//   absl::Status status = writer.Close(statistics);
//
// The first failure stays: later calls do nothing and return it. A writer that
// is destroyed without `Close()` leaves a log without index, which is readable.
//
// Not thread-safe.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "torchtape/format/byte_sink.h"
#include "torchtape/v1/tape.pb.h"

namespace torchtape::format {

namespace internal {
class Compressor;
}

class LogWriter {
 public:
  // Writes file header and Run chunk.
  LogWriter(std::unique_ptr<ByteSink> sink, const v1::Run& run);

  // Goes on behind chunks that another writer wrote: `index` tells of them,
  // `offset` is where the last one ends, and `number` is of the next.
  LogWriter(std::unique_ptr<ByteSink> sink, v1::Index index, uint64_t offset,
            uint64_t number);
  ~LogWriter();

  // Compresses and appends one chunk. `entry` gives the times, steps and event
  // count for the index; the writer fills in the rest. Blocks until the sink
  // has taken the bytes.
  //
  // Fails with InvalidArgument if the payload is larger than kMaxRawBytes
  // (nothing is written, the writer stays usable), or as ByteSink::Append().
  absl::Status Write(v1::ChunkKind kind,
                     const google::protobuf::MessageLite& payload,
                     v1::IndexEntry entry);
  // The same, of a payload that is serialized already.
  absl::Status Write(v1::ChunkKind kind, absl::string_view payload,
                     v1::IndexEntry entry);

  // Gives chunks back to the disk: `numbers`, in ascending order, of chunks
  // that were written here. Where some lie side by side, one Released chunk
  // takes their place. Something that was written before must tell what they
  // held. Fails as ByteSink::Release(); the writer stays usable.
  absl::Status Release(const std::vector<uint64_t>& numbers);
  absl::Status CanRelease() const { return sink_->CanRelease(); }

  // Writes index and footer and closes the sink. Returns the first error. A
  // second call, or a write after it, does nothing and returns the same.
  absl::Status Close(const v1::Statistics& statistics);

  const absl::Status& status() const { return status_; }
  // Bytes that the sink has taken.
  uint64_t written_bytes() const { return offset_; }
  // Of the chunk that is written next.
  uint64_t next_number() const { return number_; }
  // What was written last; there is always the Run chunk.
  const v1::IndexEntry& last_entry() const {
    return index_.chunks(index_.chunks_size() - 1);
  }
  // The latest time in any chunk.
  uint64_t end_time_ns() const;

 private:
  absl::Status Append(v1::ChunkKind kind, absl::string_view payload);
  absl::Status AppendBytes(absl::string_view bytes);

  std::unique_ptr<ByteSink> sink_;
  absl::Status status_;
  bool closed_ = false;
  v1::Index index_;
  uint64_t offset_ = 0;
  uint64_t number_ = 0;
  std::string raw_, stored_;  // reused between chunks
  std::unique_ptr<internal::Compressor> compressor_;
};

}  // namespace torchtape::format

#endif  // TORCHTAPE_FORMAT_LOG_WRITER_H_
