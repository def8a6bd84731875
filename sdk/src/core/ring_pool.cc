#include "core/ring_pool.h"

#include <utility>

#include "core/thread_recorder.h"

namespace torchtape::internal {

size_t RingPool::BytesWithRing(size_t ring_words) {
  return ring_words * sizeof(uint64_t) + sizeof(ThreadRecorder) +
         sizeof(Values);
}

void RingPool::Start(size_t ring_words, size_t max_bytes,
                     format::Journal* journal) {
  ring_words_ = ring_words;
  max_bytes_ = max_bytes;
  journal_ = journal;
}

std::unique_ptr<Ring> RingPool::Take(absl::Status* journal_status) {
  if (std::unique_ptr<Ring> ring = TakeFree()) return ring;
  if (bytes_ + BytesWithRing(ring_words_) > max_bytes_) return nullptr;
  std::unique_ptr<Ring> ring = Make(journal_status);
  if (!ring->valid()) return nullptr;
  bytes_ += BytesWithRing(ring_words_);
  return ring;
}

// Those that do not fit this recording are let go.
std::unique_ptr<Ring> RingPool::TakeFree() {
  while (!free_.empty()) {
    std::unique_ptr<Ring> ring = std::move(free_.back());
    free_.pop_back();
    ring->Reset();
    const bool fits = ring->words() == ring_words_ &&
                      (ring->journal() != nullptr || journal_ == nullptr);
    if (fits) return ring;
    bytes_ -= BytesWithRing(ring->words());
  }
  return nullptr;
}

std::unique_ptr<Ring> RingPool::Make(absl::Status* journal_status) {
  if (journal_ != nullptr) {
    absl::StatusOr<format::JournalRing> ring = journal_->AddRing(ring_words_);
    if (ring.ok()) return std::make_unique<Ring>(*std::move(ring));
    *journal_status = ring.status();
  }
  return std::make_unique<Ring>(ring_words_);
}

void RingPool::Give(std::unique_ptr<Ring> ring) {
  free_.push_back(std::move(ring));
}

// A ring does not outlive its journal.
void RingPool::GiveLate(std::unique_ptr<Ring> ring) {
  if (ring->journal() == nullptr) return Give(std::move(ring));
  bytes_ -= BytesWithRing(ring->words());
}

void RingPool::End() {
  for (std::unique_ptr<Ring>& ring : std::exchange(free_, {})) {
    GiveLate(std::move(ring));
  }
}

}  // namespace torchtape::internal
