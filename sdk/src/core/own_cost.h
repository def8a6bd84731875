#ifndef TORCHTAPE_SDK_CORE_OWN_COST_H_
#define TORCHTAPE_SDK_CORE_OWN_COST_H_

// What recording takes of a thread's time, measured while it records: one call
// in 128, at distances that vary, since training repeats itself.
//
//   void OnAllocate() {
//     const CostSample sample(&recorder->own_cost(), CostKind::kMemory);
//     ...
//   }

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "core/clock.h"

namespace torchtape::internal {

// Of what was recorded. In the order of v1::CostKind, from 1 on.
enum class CostKind : uint8_t { kOps, kBackwardNodes, kModules, kMemory };
constexpr size_t kCostKinds = 4;

class OwnCost {
 public:
  // Of so many calls one is measured, on average.
  static constexpr uint32_t kEvery = 128;

  // To be asked once a call, on the thread itself.
  bool IsDue() { return __builtin_expect(--left_ == 0, 0); }
  // The call whose turn it was took `ticks`, reading the clock included.
  void Add(CostKind kind, uint64_t ticks);

  // Any thread may ask.
  struct Sum {
    uint64_t samples, ticks;
  };
  Sum sum(CostKind kind) const {
    const AtomicSum& sum = sums_[static_cast<size_t>(kind)];
    return {sum.samples.load(std::memory_order_relaxed),
            sum.ticks.load(std::memory_order_relaxed)};
  }

 private:
  struct AtomicSum {
    std::atomic<uint64_t> samples{0}, ticks{0};
  };

  uint32_t left_ = kEvery;  // calls until one is measured
  std::array<AtomicSum, kCostKinds> sums_;
};

// Measures the call that it lives in, if it is its turn.
class CostSample {
 public:
  CostSample(OwnCost* cost, CostKind kind)
      : cost_(cost), start_(cost->IsDue() ? SettledTicks() : 0), kind_(kind) {}
  ~CostSample() {
    if (__builtin_expect(start_ != 0, 0)) cost_->Add(kind_, Ticks() - start_);
  }
  CostSample(const CostSample&) = delete;
  CostSample& operator=(const CostSample&) = delete;

 private:
  OwnCost* const cost_;
  const uint64_t start_;  // 0: it is not
  const CostKind kind_;
};

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_CORE_OWN_COST_H_
