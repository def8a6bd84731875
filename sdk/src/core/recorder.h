#ifndef TORCHTAPE_SDK_CORE_RECORDER_H_
#define TORCHTAPE_SDK_CORE_RECORDER_H_

// The recording of this process: its threads' rings and the thread that writes
// them into the log. There is one Recorder in a process. It is never destroyed,
// since threads may record until the process ends.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "core/clock.h"
#include "core/code_objects.h"
#include "core/own_costs.h"
#include "core/retention.h"
#include "core/ring_pool.h"
#include "core/thread_recorder.h"
#include "torchtape/format/byte_sink.h"
#include "torchtape/format/encoder.h"
#include "torchtape/format/journal.h"
#include "torchtape/format/log_writer.h"

namespace torchtape::internal {

struct RecorderOptions {
  size_t max_buffer_bytes = size_t{128} << 20;
  size_t ring_words = size_t{1} << 19;  // a power of two
  // Events are in the log at the latest so long after.
  uint64_t flush_ns = uint64_t{1000} * 1000 * 1000;
  format::EncoderOptions encoder;
  RetentionOptions retention;
  // Where the rings are kept so that they outlive the process; empty: in memory
  // only.
  std::string journal_path;
};

class Recorder {
 public:
  static Recorder& Get();

  // Starts the writer thread. `sink` gets the log; times and id in `run` are
  // filled in. Fails with FailedPrecondition if a recording is going on, or if
  // this process was forked from one that recorded.
  absl::Status Start(const RecorderOptions& options,
                     std::unique_ptr<format::ByteSink> sink, v1::Run run);

  // Stops recording, writes what is buffered, closes the log. Returns the first
  // error, or DataLoss if events were dropped. FailedPrecondition if nothing
  // was recording.
  absl::Status Stop();

  // Makes a recorder for the calling thread; null if nothing is recorded.
  // Called by ThreadRecorder only.
  ThreadRecorder* AddThread();

  // Keeps a model until the record that announces it is encoded. Its tensors
  // and storages are addresses.
  uint32_t AddModel(v1::Model model);

  // First error so far.
  absl::Status status() const;

  // Whether this process was forked from one that recorded: it never records.
  bool forked() const { return forked_.load(std::memory_order_relaxed); }

  // Called once, on the writer thread, with the recording's first error: the
  // log can no longer be written, or events were dropped.
  void set_on_error(void (*on_error)(const absl::Status&)) {
    on_error_ = on_error;
  }

  // Called at most once in a recording, on the thread that starts it or the
  // writer thread, if the log keeps more than it should: nothing can be given
  // back to the disk.
  void set_on_keeps_all(void (*on_keeps_all)(const absl::Status&)) {
    on_keeps_all_ = on_keeps_all;
  }

  // Called at most once in a recording, on any thread, if the journal cannot be
  // had or kept: what is recorded then is in memory until it is in the log.
  void set_on_no_journal(void (*on_no_journal)(const absl::Status&)) {
    on_no_journal_ = on_no_journal;
  }

 private:
  Recorder();

  static void ForgetInChild();

  void StartJournal(const v1::Run& run);
  void NoJournal(const absl::Status& status);
  void TellNoJournal(const absl::Status& status);
  void KeepCodeMap();
  std::unique_ptr<Ring> TakeRing();
  void SweepOldThreads();
  void WriteLoop();
  // Moves published records into the encoder. Returns the fullest ring's share.
  double Drain();
  void Encode(const ClockPair& now);
  bool ChunkIsDue(const ClockPair& now) const;
  void OnChunk(absl::string_view events);
  void Checkpoint();
  void StartRetention();
  void KeepAll(const absl::Status& status);
  void ListThreads();
  void RetireThreads();
  void TellUntoldDrops(const ThreadRecorder& thread);
  double NsPerTick() const;
  void Fail(const absl::Status& status);
  absl::Status Finish();

  void (*on_error_)(const absl::Status&) = nullptr;
  void (*on_no_journal_)(const absl::Status&) = nullptr;
  void (*on_keeps_all_)(const absl::Status&) = nullptr;
  std::atomic<bool> forked_{false};
  uint64_t last_session_ = 0;

  // Held for threads that come and go, for models and for the status; never
  // while an event is recorded.
  mutable std::mutex mutex_;
  bool running_ = false;
  bool stopping_ = false;
  RecorderOptions options_;
  absl::Status status_;
  std::vector<std::unique_ptr<ThreadRecorder>> threads_;
  std::vector<std::unique_ptr<ThreadRecorder>> old_threads_;
  RingPool rings_;
  uint32_t last_thread_ = 0;
  std::vector<v1::Model> models_;
  std::condition_variable wake_;
  std::unique_ptr<format::Journal> journal_;  // null: none
  // What a forked child looks at, as it can take no lock.
  std::atomic<format::Journal*> open_journal_{nullptr};
  std::atomic<bool> journal_is_good_{false};
  bool told_no_journal_ = false;

  // The writer thread's own.
  std::thread writer_thread_;
  std::unique_ptr<format::LogWriter> writer_;
  std::unique_ptr<format::Encoder> encoder_;
  std::unique_ptr<Retention> retention_;  // null: everything is kept
  CodeObjects code_objects_;
  OwnCosts own_costs_;  // of threads that are gone
  ClockPair start_clock_{};
  ClockPair last_clock_{};
  uint64_t last_flush_ns_ = 0;
  // A thread whose ring is drained, and what of it goes into the next chunk.
  struct Drained {
    ThreadRecorder* thread;
    int source = -1;  // index in `sources_`; -1: nothing new
  };
  std::vector<Drained> drained_;
  std::vector<format::RecordSource> sources_;
};

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_CORE_RECORDER_H_
