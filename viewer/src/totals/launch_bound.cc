#include "totals/launch_bound.h"

#include <algorithm>
#include <tuple>

namespace torchtape::viewer {
namespace {

// Whether a wait is around the span that ends.
bool IsInWait(const SpanEnd& end) {
  const std::vector<Frame>& stack = end.thread.stack;
  return std::any_of(stack.begin(), stack.end() - 1, [](const Frame& frame) {
    return WaitsForDevice(*frame.op);
  });
}

}  // namespace

// A tenth of the time that a device was at it, ran or waited.
bool LaunchTotal::IsLaunchBound() const {
  const auto idle = static_cast<double>(idle_ns);
  return kernels.count > 0 && kernels.total_ns < host_ns - wait_ns &&
         10 * idle >= idle + static_cast<double>(kernels.total_ns);
}

void LaunchBound::OnEnd(const SpanEnd& end) {
  if (!WaitsForDevice(*end.frame.op) || IsInWait(end)) return;
  const uint64_t unit = attribution_.CurrentUnit(end.thread.facts.number());
  if (unit != kNoUnit) waits_[unit] += end.duration_ns();
}

void LaunchBound::OnUnits(absl::Span<const Unit> units) {
  for (const Unit& unit : units) {
    uint64_t wait_ns = 0;
    if (const auto wait = waits_.find(unit.number); wait != waits_.end()) {
      wait_ns = wait->second;
      waits_.erase(wait);
    }
    if (!steps_.Contains(unit.step)) continue;
    Host& host = hosts_[{unit.owner.module, unit.owner.optimizer}];
    host.host_ns += unit.duration_ns;
    host.wait_ns += std::min(wait_ns, unit.duration_ns);
  }
}

std::vector<LaunchTotal> LaunchBound::totals(const KernelTotals& kernels,
                                             const DeviceIdle& idle) const {
  std::map<Key, LaunchTotal> by_owner;
  for (const auto& [key, host] : hosts_) {
    by_owner[key].host_ns = host.host_ns;
    by_owner[key].wait_ns = host.wait_ns;
  }
  for (const IdleTotal& total : idle.totals().totals()) {
    if (total.cause != IdleCause::kHost) continue;
    for (const IdlePlace& place : total.places) {
      by_owner[{place.module, place.optimizer}].idle_ns += place.total_ns;
    }
  }
  const size_t modules = attribution_.tree().modules().size();
  for (int module = 0; static_cast<size_t>(module) < modules; ++module) {
    const ModuleKernels own = kernels.OfModule(module);
    if (own.count != 0) by_owner[{module, false}].kernels = own;
  }
  if (kernels.optimizer().count != 0) {
    by_owner[{kNoModule, true}].kernels = kernels.optimizer();
  }
  if (kernels.nobody().count != 0) {
    by_owner[{kNoModule, false}].kernels = kernels.nobody();
  }
  std::vector<LaunchTotal> totals;
  for (const auto& [key, total] : by_owner) {
    LaunchTotal& told = totals.emplace_back(total);
    std::tie(told.module, told.optimizer) = key;
  }
  std::stable_sort(totals.begin(), totals.end(),
                   [](const LaunchTotal& a, const LaunchTotal& b) {
                     return std::tie(b.idle_ns, b.kernels.total_ns) <
                            std::tie(a.idle_ns, a.kernels.total_ns);
                   });
  return totals;
}

}  // namespace torchtape::viewer
