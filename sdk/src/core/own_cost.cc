#include "core/own_cost.h"

#include <algorithm>

namespace torchtape::internal {
namespace {

// What took longer was interrupted; its time is not ours. Some 100 us.
constexpr uint64_t kInterruptedTicks = 300000;

// Of reading the clock twice.
uint64_t ReadingTicks() {
  uint64_t least = kInterruptedTicks;
  for (int i = 0; i < 100; ++i) {
    const uint64_t start = Ticks();
    least = std::min(least, Ticks() - start);
  }
  return least;
}

// The next distance: from 65 to 191, 128 on average. A prime divides the ticks,
// of which some clocks have the lowest bits 0.
uint32_t DistanceAfter(uint64_t ticks) {
  return OwnCost::kEvery - 63 + static_cast<uint32_t>(ticks % 127);
}

}  // namespace

__attribute__((noinline)) void OwnCost::Add(CostKind kind, uint64_t ticks) {
  static const uint64_t reading = ReadingTicks();
  left_ = DistanceAfter(ticks);
  if (ticks >= kInterruptedTicks) return;
  AtomicSum& sum = sums_[static_cast<size_t>(kind)];
  sum.samples.store(sum.samples.load(std::memory_order_relaxed) + 1,
                    std::memory_order_relaxed);
  sum.ticks.store(sum.ticks.load(std::memory_order_relaxed) + ticks -
                      std::min(ticks, reading),
                  std::memory_order_relaxed);
}

}  // namespace torchtape::internal
