#include "totals/own_cost.h"

#include <algorithm>
#include <map>

namespace torchtape::viewer {

std::vector<CostEntry> CostEntries(const v1::Statistics& statistics) {
  std::vector<CostEntry> entries;
  for (const v1::OwnCost& cost : statistics.own_costs()) {
    if (cost.samples() == 0 || cost.kind() == v1::COST_KIND_NONE) continue;
    const double sampled_ns = static_cast<double>(cost.sampled_ns());
    entries.push_back({cost.thread(), cost.kind(), cost.samples(),
                       sampled_ns / static_cast<double>(cost.samples()),
                       sampled_ns * cost.every()});
  }
  return entries;
}

double Slowdown(const std::vector<CostEntry>& entries, uint64_t recorded_ns) {
  std::map<uint32_t, double> by_thread;
  double most = 0;
  for (const CostEntry& entry : entries) {
    if (entry.thread == 0) continue;
    double& sum = by_thread[entry.thread];
    sum += entry.total_ns;
    most = std::max(most, sum);
  }
  const double rest = static_cast<double>(recorded_ns) - most;
  return by_thread.empty() || rest <= 0 ? -1 : most / rest;
}

const char* CostKindText(v1::CostKind kind) {
  switch (kind) {
    case v1::COST_KIND_OPS:
      return "ops";
    case v1::COST_KIND_BACKWARD_NODES:
      return "backward nodes";
    case v1::COST_KIND_MODULES:
      return "modules";
    case v1::COST_KIND_MEMORY:
      return "memory";
    default:
      return "other";
  }
}

}  // namespace torchtape::viewer
