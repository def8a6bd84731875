#ifndef TORCHTAPE_SDK_CORE_SYNCED_SINK_H_
#define TORCHTAPE_SDK_CORE_SYNCED_SINK_H_

// A sink whose bytes are handed to the disk soon after they were appended, so
// that a loss of power takes little with it. A thread of its own waits for the
// disk: whoever appends does not.

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "torchtape/format/byte_sink.h"

namespace torchtape::internal {

class SyncedSink : public format::ByteSink {
 public:
  // Starts the thread. What is appended is given to `sink`, whose Sync() begins
  // at most `delay` later, or when the one before it is over. Sync() must be
  // safe while another thread appends.
  SyncedSink(std::unique_ptr<format::ByteSink> sink,
             std::chrono::nanoseconds delay);
  ~SyncedSink() override;

  // Fails also if a Sync() of before has failed.
  absl::Status Append(absl::string_view bytes) override;
  absl::Status Sync() override;
  // Done by the thread, after the next Sync(). A failure is told by the next
  // call, and then nothing more is released.
  absl::Status Release(uint64_t offset, uint64_t bytes,
                       absl::string_view head) override;
  absl::Status CanRelease() const override { return sink_->CanRelease(); }
  // Does not wait for the disk, but for a Sync() that is going on, and for one
  // more if something is to be released.
  absl::Status Close() override;

 private:
  struct Region {
    uint64_t offset;
    uint64_t bytes;
    std::string head;
  };

  void SyncLoop();
  void EndLoop();
  // What is on the disk stands for `regions` from now on.
  void SyncAndRelease(const std::vector<Region>& regions);

  const std::unique_ptr<format::ByteSink> sink_;
  const std::chrono::nanoseconds delay_;
  std::mutex mutex_;
  std::condition_variable changed_;
  absl::Status status_;
  absl::Status release_status_;
  std::vector<Region> regions_;  // to be released
  bool unsynced_ = false;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_CORE_SYNCED_SINK_H_
