#include "core/ring.h"

#include <sys/mman.h>

#include <algorithm>
#include <utility>

namespace torchtape::internal {

Ring::Ring(size_t words)
    : mask_(words - 1), published_(&own_head_), tail_(&own_tail_) {
  void* memory = mmap(nullptr, capacity_bytes(), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory != MAP_FAILED) words_ = static_cast<uint64_t*>(memory);
}

Ring::Ring(format::JournalRing journal)
    : words_(journal.words()),
      mask_(journal.size() - 1),
      published_(journal.head()),
      tail_(journal.tail()),
      journal_(std::move(journal)) {}

Ring::~Ring() {
  if (valid() && !journal_) munmap(words_, capacity_bytes());
}

void Ring::Pad(size_t at, size_t count) {
  // A record's length has 16 bits; `count` is below a record's length.
  words_[at] = format::RecordHeader(format::RecordKind::kPad, 0, count, 0);
}

void Ring::Peek(absl::Span<const uint64_t>* first,
                absl::Span<const uint64_t>* second) const {
  const uint64_t head = published_->load(std::memory_order_acquire);
  const size_t at = taken_ & mask_;
  const size_t count = head - taken_;
  const size_t before_seam = std::min<size_t>(count, mask_ + 1 - at);
  *first = absl::MakeConstSpan(words_ + at, before_seam);
  *second = absl::MakeConstSpan(words_, count - before_seam);
}

void Ring::Reset() {
  // Positions go on, so that no two records of a journal have the same.
  taken_ = tail_seen_ = head_ = published_->load(std::memory_order_relaxed);
  tail_->store(head_, std::memory_order_relaxed);
}

}  // namespace torchtape::internal
