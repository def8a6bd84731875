#ifndef TORCHTAPE_TESTS_SDK_CORE_RECORDING_H_
#define TORCHTAPE_TESTS_SDK_CORE_RECORDING_H_

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/recorder.h"
#include "gmock/gmock.h"
#include "support/replayed_log.h"
#include "support/status_matchers.h"

namespace torchtape::internal {

// A span of the calling thread, if anything is recorded.
class OpScope {
 public:
  explicit OpScope(const char* name) {
    ThreadRecorder* recorder = ThreadRecorder::Current();
    if (recorder == nullptr) return;
    KnownOperator* op = recorder->FindByText(format::SpanKind::kOp, name);
    if (op == nullptr) op = recorder->AddByText(format::SpanKind::kOp, name);
    ThreadRecorder::Call call;
    call.key = this;
    call.signature = op ? recorder->BareSignature(op) : 0;
    recorder->Begin(call);
  }
  ~OpScope() {
    if (ThreadRecorder* recorder = ThreadRecorder::Current()) {
      recorder->End(this, Ticks(), 0, false);
    }
  }
};

// A disk that takes nothing while it is shut, and makes its writer wait.
class SlowDisk {
 public:
  class Sink : public format::ByteSink {
   public:
    Sink(SlowDisk* disk, std::string* bytes) : disk_(disk), bytes_(bytes) {}
    absl::Status Append(absl::string_view bytes) override {
      std::unique_lock<std::mutex> lock(disk_->mutex_);
      disk_->changed_.wait(lock, [this] { return !disk_->shut_; });
      bytes_->append(bytes.data(), bytes.size());
      return absl::OkStatus();
    }
    absl::Status Sync() override { return absl::OkStatus(); }
    absl::Status Close() override { return absl::OkStatus(); }

   private:
    SlowDisk* const disk_;
    std::string* const bytes_;
  };

  void set_shut(bool shut) {
    std::lock_guard<std::mutex> lock(mutex_);
    shut_ = shut;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool shut_ = false;
};

// The recording of this process into memory.
class Recording : public ::testing::Test {
 protected:
  // A recording that a test left behind ends with it.
  ~Recording() override { Recorder::Get().Stop().IgnoreError(); }

  static constexpr size_t kRingWords = 1 << 12;
  // So much memory that no ring is refused.
  static RecorderOptions Options() {
    RecorderOptions options;
    options.ring_words = kRingWords;
    return options;
  }
  // Room for so many rings of other threads: one is the calling thread's.
  static RecorderOptions RingsOf(size_t words, size_t count) {
    RecorderOptions options;
    options.ring_words = words;
    options.max_buffer_bytes =
        (count + 1) *
        (words * sizeof(uint64_t) + sizeof(ThreadRecorder) + sizeof(Values));
    return options;
  }

  absl::Status Start(const RecorderOptions& options = Options()) {
    bytes_.clear();
    return StartWith(options, format::ToString(&bytes_));
  }
  // The calling thread joins, and gives back what it had of an earlier one.
  static absl::Status StartWith(const RecorderOptions& options,
                                std::unique_ptr<format::ByteSink> sink) {
    absl::Status status =
        Recorder::Get().Start(options, std::move(sink), v1::Run());
    ThreadRecorder::Current();
    return status;
  }
  static absl::Status Stop() { return Recorder::Get().Stop(); }
  // The log of the recording that was stopped, which has no problems.
  testing::ReplayedLog Log() const {
    testing::ReplayedLog log = testing::Replay(bytes_);
    EXPECT_THAT(log.problems, ::testing::IsEmpty());
    EXPECT_TRUE(log.content.index.has_value());
    EXPECT_EQ(log.said.spans_begun(), log.counted.spans_begun());
    EXPECT_EQ(log.said.spans_ended(), log.counted.spans_ended());
    EXPECT_EQ(log.said.dropped_events(), log.counted.dropped_events());
    return log;
  }

  template <typename Body>
  static void OnThreads(size_t count, Body body) {
    std::vector<std::thread> threads;
    for (size_t i = 0; i < count; ++i) threads.emplace_back(body);
    for (std::thread& thread : threads) thread.join();
  }

  std::string bytes_;
};

}  // namespace torchtape::internal

#endif  // TORCHTAPE_TESTS_SDK_CORE_RECORDING_H_
