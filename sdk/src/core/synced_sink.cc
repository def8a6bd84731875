#include "core/synced_sink.h"

#include <utility>

#include "core/signals_blocked.h"

namespace torchtape::internal {

SyncedSink::SyncedSink(std::unique_ptr<format::ByteSink> sink,
                       std::chrono::nanoseconds delay)
    : sink_(std::move(sink)), delay_(delay) {
  const SignalsBlocked blocked;
  thread_ = std::thread([this] { SyncLoop(); });
}

SyncedSink::~SyncedSink() { EndLoop(); }

absl::Status SyncedSink::Append(absl::string_view bytes) {
  absl::Status status = sink_->Append(bytes);
  std::lock_guard<std::mutex> lock(mutex_);
  status.Update(status_);
  if (!std::exchange(unsynced_, true)) changed_.notify_all();
  return status;
}

absl::Status SyncedSink::Sync() { return sink_->Sync(); }

absl::Status SyncedSink::Release(uint64_t offset, uint64_t bytes,
                                 absl::string_view head) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (!release_status_.ok()) return release_status_;
  regions_.push_back({offset, bytes, std::string(head)});
  if (!std::exchange(unsynced_, true)) changed_.notify_all();
  return absl::OkStatus();
}

absl::Status SyncedSink::Close() {
  EndLoop();
  if (!regions_.empty()) SyncAndRelease(std::exchange(regions_, {}));
  absl::Status status = status_;
  status.Update(sink_->Close());
  return status;
}

void SyncedSink::EndLoop() {
  if (!thread_.joinable()) return;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void SyncedSink::SyncLoop() {
  pthread_setname_np(pthread_self(), "torchtape-sync");
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return unsynced_ || ending_; });
    // What follows soon goes with it.
    changed_.wait_for(lock, delay_, [this] { return ending_; });
    if (ending_) return;
    unsynced_ = false;
    const std::vector<Region> regions = std::exchange(regions_, {});
    lock.unlock();
    SyncAndRelease(regions);
    lock.lock();
  }
}

void SyncedSink::SyncAndRelease(const std::vector<Region>& regions) {
  const absl::Status status = sink_->Sync();
  absl::Status released;
  for (const Region& region : regions) {
    if (!status.ok() || !released.ok()) break;
    released = sink_->Release(region.offset, region.bytes, region.head);
  }
  std::lock_guard<std::mutex> lock(mutex_);
  status_.Update(status);
  release_status_.Update(released);
}

}  // namespace torchtape::internal
