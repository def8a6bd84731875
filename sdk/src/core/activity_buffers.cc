#include "core/activity_buffers.h"

#include <cstdlib>

namespace torchtape::internal {

ActivityBuffers::ActivityBuffers()
    : memory_(
          static_cast<uint8_t*>(std::aligned_alloc(4096, kCount * kBytes))) {}

size_t ActivityBuffers::IndexOf(const uint8_t* buffer) const {
  const uintptr_t offset = reinterpret_cast<uintptr_t>(buffer) -
                           reinterpret_cast<uintptr_t>(memory_);
  return offset % kBytes == 0 ? offset / kBytes : kCount;
}

uint8_t* ActivityBuffers::Take() noexcept {
  if (memory_ == nullptr) return nullptr;
  uint32_t free = free_.load(std::memory_order_relaxed);
  while (free != 0) {
    if (free_.compare_exchange_weak(free, free & (free - 1),
                                    std::memory_order_acquire)) {
      return memory_ + static_cast<size_t>(__builtin_ctz(free)) * kBytes;
    }
  }
  return nullptr;
}

void ActivityBuffers::Complete(uint8_t* buffer, size_t valid_bytes) noexcept {
  const size_t index = IndexOf(buffer);
  if (index >= kCount) return;
  if (valid_bytes == 0) return Release(buffer);
  valid_bytes_[index] = valid_bytes < kBytes ? valid_bytes : kBytes;
  when_completed_[index] = completed_.fetch_add(1, std::memory_order_relaxed);
  full_.fetch_or(1u << index, std::memory_order_release);
}

ActivityBuffers::Full ActivityBuffers::TakeFull() noexcept {
  const uint32_t full = full_.load(std::memory_order_acquire);
  size_t first = kCount;
  for (size_t i = 0; i < kCount; ++i) {
    if ((full >> i & 1) == 0) continue;
    if (first == kCount || when_completed_[i] < when_completed_[first]) {
      first = i;
    }
  }
  if (first == kCount) return {};
  full_.fetch_and(~(1u << first), std::memory_order_relaxed);
  return {memory_ + first * kBytes, valid_bytes_[first]};
}

void ActivityBuffers::Release(uint8_t* buffer) noexcept {
  const size_t index = IndexOf(buffer);
  if (index < kCount) free_.fetch_or(1u << index, std::memory_order_release);
}

}  // namespace torchtape::internal
