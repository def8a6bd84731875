#ifndef TORCHTAPE_SDK_CORE_RING_H_
#define TORCHTAPE_SDK_CORE_RING_H_

// A ring of words between one thread that records and the thread that writes
// the log. A record lies in one piece: the ring's end is padded. The words and
// both ends lie in memory of the process or in a journal, which outlives it.
//
// The writer takes records and releases them later, when they are in the log:
// only then may they be overwritten.

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "torchtape/format/journal_ring.h"
#include "torchtape/format/record.h"

namespace torchtape::internal {

class Ring {
 public:
  // In memory of the process. `words` must be a power of two. Check `valid()`:
  // false if there was no memory.
  explicit Ring(size_t words);
  explicit Ring(format::JournalRing journal);
  ~Ring();

  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  bool valid() const { return words_ != nullptr; }

  // For the recording thread: room for a record of `count` words that leaves
  // `spare` more; null if there is none. No lock, no system call.
  uint64_t* Reserve(size_t count, size_t spare) {
    const uint64_t head = head_;
    const size_t at = head & mask_;
    const size_t to_end = mask_ + 1 - at;
    const size_t pad = count <= to_end ? 0 : to_end;
    const size_t needed = pad + count + spare;
    if (head + needed - tail_seen_ > mask_ + 1) {
      tail_seen_ = tail_->load(std::memory_order_acquire);
      if (head + needed - tail_seen_ > mask_ + 1) return nullptr;
    }
    if (pad == 0) return words_ + at;
    Pad(at, pad);
    Commit(pad);
    return words_;
  }

  // Publishes the record that `Reserve()` made room for.
  void Commit(size_t count) {
    head_ += count;
    published_->store(head_, std::memory_order_release);
  }

  // Events that were dropped and that no record tells of yet, for whoever reads
  // the journal of a killed process. Ticks of the first and of the last.
  void SetDrops(uint64_t events, uint64_t first, uint64_t last) {
    if (!journal_) return;
    std::atomic<uint64_t>* drops = journal_->drops();
    drops[1].store(first, std::memory_order_relaxed);
    drops[2].store(last, std::memory_order_relaxed);
    drops[0].store(events, std::memory_order_release);
  }

  // For the writing thread: what is published and not taken. Two pieces, since
  // the ring has a seam.
  void Peek(absl::Span<const uint64_t>* first,
            absl::Span<const uint64_t>* second) const;
  void Take(size_t count) { taken_ += count; }
  // Lets what lies before a position be overwritten.
  void ReleaseTo(uint64_t position) {
    tail_->store(position, std::memory_order_release);
  }
  void Release(size_t count) {
    Take(count);
    ReleaseTo(taken_);
  }
  // Position of what comes next: words taken since the ring was made.
  uint64_t taken() const { return taken_; }
  // Words that are taken and not released.
  size_t held() const {
    return taken_ - tail_->load(std::memory_order_relaxed);
  }

  // Empties the ring. Neither side may be at work.
  void Reset();

  // Null in memory of the process.
  format::JournalRing* journal() { return journal_ ? &*journal_ : nullptr; }

  size_t words() const { return mask_ + 1; }
  size_t capacity_bytes() const { return (mask_ + 1) * sizeof(uint64_t); }

 private:
  void Pad(size_t at, size_t count);

  uint64_t* words_ = nullptr;
  const size_t mask_;
  // The recording thread's own: where the next record goes, what others see of
  // it, and how far the tail was when it last looked.
  uint64_t head_ = 0;
  std::atomic<uint64_t>* published_;
  uint64_t tail_seen_ = 0;
  std::atomic<uint64_t>* tail_;
  // The writing thread's.
  alignas(64) uint64_t taken_ = 0;
  absl::optional<format::JournalRing> journal_;
  // Used without a journal.
  alignas(64) std::atomic<uint64_t> own_head_{0};
  alignas(64) std::atomic<uint64_t> own_tail_{0};
};

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_CORE_RING_H_
