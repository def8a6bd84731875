#include "core/own_costs.h"

namespace torchtape::internal {

static_assert(static_cast<int>(CostKind::kMemory) + 1 == v1::COST_KIND_MEMORY,
              "kinds have one order");

void OwnCosts::Add(uint32_t thread, const OwnCost& cost) {
  if (threads_.size() <= kListedThreads) threads_.push_back({thread, {}});
  Thread& last = threads_.back();
  if (threads_.size() > kListedThreads) last.number = 0;
  for (size_t kind = 0; kind < kCostKinds; ++kind) {
    const OwnCost::Sum sum = cost.sum(static_cast<CostKind>(kind));
    last.sums[kind].samples += sum.samples;
    last.sums[kind].ticks += sum.ticks;
  }
}

void OwnCosts::PutInto(double ns_per_tick, v1::Statistics* statistics) const {
  for (const Thread& thread : threads_) {
    for (size_t kind = 0; kind < kCostKinds; ++kind) {
      const OwnCost::Sum& sum = thread.sums[kind];
      if (sum.samples == 0) continue;
      v1::OwnCost* cost = statistics->add_own_costs();
      cost->set_thread(thread.number);
      cost->set_kind(static_cast<v1::CostKind>(kind + 1));
      cost->set_samples(sum.samples);
      cost->set_sampled_ns(
          static_cast<uint64_t>(static_cast<double>(sum.ticks) * ns_per_tick));
      cost->set_every(OwnCost::kEvery);
    }
  }
}

}  // namespace torchtape::internal
