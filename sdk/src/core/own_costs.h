#ifndef TORCHTAPE_SDK_CORE_OWN_COSTS_H_
#define TORCHTAPE_SDK_CORE_OWN_COSTS_H_

// What recording took of each thread of a run, as the log states it. Memory is
// bounded: of many threads the first ones are listed, the others summed up.

#include <array>
#include <cstdint>
#include <vector>

#include "core/own_cost.h"
#include "torchtape/v1/tape.pb.h"

namespace torchtape::internal {

class OwnCosts {
 public:
  static constexpr size_t kListedThreads = 64;

  // Of a thread that records no more.
  void Add(uint32_t thread, const OwnCost& cost);
  void PutInto(double ns_per_tick, v1::Statistics* statistics) const;

 private:
  struct Thread {
    uint32_t number;
    std::array<OwnCost::Sum, kCostKinds> sums;
  };
  std::vector<Thread> threads_;
};

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_CORE_OWN_COSTS_H_
