#ifndef TORCHTAPE_SDK_CORE_ACTIVITY_BUFFERS_H_
#define TORCHTAPE_SDK_CORE_ACTIVITY_BUFFERS_H_

// The memory in which CUPTI tells of activities: a bounded number of buffers
// that go round. CUPTI takes an empty one on any thread, also on those that
// train, and gives it back full on a thread of its own; one consumer empties
// it. Nothing here locks or allocates.

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace torchtape::internal {

class ActivityBuffers {
 public:
  static constexpr size_t kCount = 16;
  static constexpr size_t kBytes = size_t{1} << 20;  // of each

  // Takes address space, and memory as buffers are used. Never gives it back:
  // CUPTI may hold on to one.
  ActivityBuffers();
  bool has_memory() const { return memory_ != nullptr; }

  // Any thread. Null if all are in use.
  uint8_t* Take() noexcept;
  // Any thread. Gives back one that was taken. What is none of ours is left.
  void Complete(uint8_t* buffer, size_t valid_bytes) noexcept;

  struct Full {
    uint8_t* buffer = nullptr;  // null: there is none
    size_t valid_bytes = 0;
  };
  // One thread at a time. The one that was completed first.
  Full TakeFull() noexcept;
  // Any thread. It may be taken again.
  void Release(uint8_t* buffer) noexcept;

 private:
  size_t IndexOf(const uint8_t* buffer) const;

  uint8_t* const memory_;
  std::atomic<uint32_t> free_{(1u << kCount) - 1};  // a bit a buffer
  std::atomic<uint32_t> full_{0};
  std::atomic<uint64_t> completed_{0};  // so far
  size_t valid_bytes_[kCount] = {};
  uint64_t when_completed_[kCount] = {};
};

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_CORE_ACTIVITY_BUFFERS_H_
