#ifndef TORCHTAPE_SDK_CORE_RING_H_
#define TORCHTAPE_SDK_CORE_RING_H_

// A ring of words between one thread that records and the thread that writes
// the log. A record lies in one piece: the ring's end is padded.

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "torchtape/format/record.h"

namespace torchtape::internal {

class Ring {
 public:
  // `words` must be a power of two. Check `valid()`: false if there was no
  // memory.
  explicit Ring(size_t words);
  ~Ring();

  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  bool valid() const { return words_ != nullptr; }

  // For the recording thread: room for a record of `count` words that leaves
  // `spare` more; null if there is none. No lock, no system call.
  uint64_t* Reserve(size_t count, size_t spare) {
    const uint64_t head = head_.load(std::memory_order_relaxed);
    const size_t at = head & mask_;
    const size_t to_end = mask_ + 1 - at;
    const size_t pad = count <= to_end ? 0 : to_end;
    const size_t needed = pad + count + spare;
    if (head + needed - tail_seen_ > mask_ + 1) {
      tail_seen_ = tail_.load(std::memory_order_acquire);
      if (head + needed - tail_seen_ > mask_ + 1) return nullptr;
    }
    if (pad == 0) return words_ + at;
    Pad(at, pad);
    head_.store(head + pad, std::memory_order_release);
    return words_;
  }

  // Publishes the record that `Reserve()` made room for.
  void Commit(size_t count) {
    head_.store(head_.load(std::memory_order_relaxed) + count,
                std::memory_order_release);
  }

  // For the writing thread: what is published and not released. Two pieces,
  // since the ring has a seam.
  void Peek(absl::Span<const uint64_t>* first,
            absl::Span<const uint64_t>* second) const;
  void Release(size_t count) {
    tail_.store(tail_.load(std::memory_order_relaxed) + count,
                std::memory_order_release);
  }

  // Empties the ring. Neither side may be at work.
  void Reset();

  size_t words() const { return mask_ + 1; }
  size_t capacity_bytes() const { return (mask_ + 1) * sizeof(uint64_t); }

 private:
  void Pad(size_t at, size_t count);

  uint64_t* words_ = nullptr;
  const size_t mask_;
  alignas(64) std::atomic<uint64_t> head_{0};
  uint64_t tail_seen_ = 0;  // the recording thread's copy of `tail_`
  alignas(64) std::atomic<uint64_t> tail_{0};
};

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_CORE_RING_H_
