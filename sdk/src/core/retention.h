#ifndef TORCHTAPE_SDK_CORE_RETENTION_H_
#define TORCHTAPE_SDK_CORE_RETENTION_H_

// Keeps the last steps of a run and gives the disk back what the others took.
//
// Chunks leave in batches. First a summary of the batch is written; the bytes
// are given back two chunks later, when two checkpoints of the journal have the
// summary: whatever is lost at a crash, a chunk and its summary are not both
// gone. The newest summary is written anew with each batch, until it is
// large; so few of them lie between the holes.
//
// On the writer thread only.

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "torchtape/format/log_writer.h"
#include "torchtape/format/summarizer.h"
#include "torchtape/options.h"

namespace torchtape::internal {

struct RetentionOptions {
  KeepLast keep_last;

  // A batch has at least `least_batch_bytes`, at most `most_batch_bytes`, and
  // between them a quarter of what is kept. All in bytes of the log.
  uint64_t least_batch_bytes = uint64_t{1} << 20;
  uint64_t most_batch_bytes = uint64_t{4} << 20;

  // A summary is no longer written anew once it has this many steps.
  uint64_t summary_steps = 1024;

  // So many reasons keep what was last before them; others are counted.
  size_t max_pins = 4;

  bool bounds() const { return keep_last.steps != 0 || keep_last.bytes != 0; }
};

class Retention {
 public:
  // `writer` must outlive it.
  Retention(const RetentionOptions& options, format::LogWriter* writer)
      : options_(options), writer_(writer) {}

  // To be called after the checkpoint that follows a chunk, before Add(). Fails
  // as LogWriter::Release().
  absl::Status Release();
  // The chunk that was just written holds these events. Returns the writer's
  // status.
  absl::Status Add(absl::string_view events);
  // Also what waits for the next chunk: none will come.
  absl::Status ReleaseAll();

 private:
  struct KeptChunk {
    uint64_t number;
    uint64_t bytes;  // of a chunk of events, else 0
    uint64_t last_step;
    bool pinned;
    std::string summary;  // a v1::Summary; empty: it is one
  };

  bool IsOut(const KeptChunk& chunk, uint64_t newer_bytes, uint64_t step) const;
  size_t FindBatch() const;
  void Pin(v1::Pin why);
  absl::Status Summarize(size_t batch);

  const RetentionOptions options_;
  format::LogWriter* const writer_;
  format::Summarizer summarizer_;
  std::deque<KeptChunk> chunks_;  // that were not released, in order
  uint64_t kept_bytes_ = 0;       // of them
  uint64_t step_ = 0;             // that runs
  format::Summary summary_;       // the newest
  uint64_t summary_number_ = 0;   // of its chunk; 0: not written yet
  uint64_t summary_bytes_ = 0;
  std::vector<v1::Pin> pins_;
  uint64_t left_out_pins_ = 0;
  std::vector<uint64_t> next_, waiting_;  // chunks to be released
};

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_CORE_RETENTION_H_
