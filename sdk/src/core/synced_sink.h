#ifndef TORCHTAPE_SDK_CORE_SYNCED_SINK_H_
#define TORCHTAPE_SDK_CORE_SYNCED_SINK_H_

// A sink whose bytes are handed to the disk soon after they were appended, so
// that a loss of power takes little with it. A thread of its own waits for the
// disk: whoever appends does not.

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

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
  // Does not wait for the disk, but for a Sync() that is going on.
  absl::Status Close() override;

 private:
  void SyncLoop();
  void EndLoop();

  const std::unique_ptr<format::ByteSink> sink_;
  const std::chrono::nanoseconds delay_;
  std::mutex mutex_;
  std::condition_variable changed_;
  absl::Status status_;
  bool unsynced_ = false;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_CORE_SYNCED_SINK_H_
