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

absl::Status SyncedSink::Close() {
  EndLoop();
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
    lock.unlock();
    absl::Status status = sink_->Sync();
    lock.lock();
    status_.Update(status);
  }
}

}  // namespace torchtape::internal
