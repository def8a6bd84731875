#include "core/ring.h"

#include <sys/mman.h>

#include <algorithm>

namespace torchtape::internal {

Ring::Ring(size_t words) : mask_(words - 1) {
  void* memory = mmap(nullptr, capacity_bytes(), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory != MAP_FAILED) words_ = static_cast<uint64_t*>(memory);
}

Ring::~Ring() {
  if (valid()) munmap(words_, capacity_bytes());
}

void Ring::Pad(size_t at, size_t count) {
  // A record's length has 16 bits; `count` is below a record's length.
  words_[at] = format::RecordHeader(format::RecordKind::kPad, 0, count, 0);
}

void Ring::Peek(absl::Span<const uint64_t>* first,
                absl::Span<const uint64_t>* second) const {
  const uint64_t head = head_.load(std::memory_order_acquire);
  const uint64_t tail = tail_.load(std::memory_order_relaxed);
  const size_t at = tail & mask_;
  const size_t count = head - tail;
  const size_t before_seam = std::min<size_t>(count, mask_ + 1 - at);
  *first = absl::MakeConstSpan(words_ + at, before_seam);
  *second = absl::MakeConstSpan(words_, count - before_seam);
}

void Ring::Reset() {
  head_.store(0, std::memory_order_relaxed);
  tail_.store(0, std::memory_order_relaxed);
  tail_seen_ = 0;
}

}  // namespace torchtape::internal
