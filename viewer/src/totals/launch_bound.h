#ifndef TORCHTAPE_VIEWER_SRC_TOTALS_LAUNCH_BOUND_H_
#define TORCHTAPE_VIEWER_SRC_TOTALS_LAUNCH_BOUND_H_

// Which modules are launch-bound: what they launch takes a device less time
// than the host takes to launch it, so that the device waits for the host.
// README.md ("Launch-bound modules") has the definition and its source.
//
// Memory: the modules, and the units of a step that waited for a device.

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "modules/attribution.h"
#include "torchtape/viewer/step_range.h"
#include "totals/device_idle.h"
#include "totals/kernel_totals.h"

namespace torchtape::viewer {

// Of a module without those inside of it, of optimizers, or of nobody.
struct LaunchTotal {
  int module = kNoModule;
  bool optimizer = false;
  ModuleKernels kernels;  // with copies and memsets
  // Of its outermost ops and backward nodes on the host, and of this in calls
  // that wait for a device.
  uint64_t host_ns = 0, wait_ns = 0;
  // Time in which a device was idle because of the host, which was in it.
  uint64_t idle_ns = 0;

  // Needs to know waits.
  bool IsLaunchBound() const;
};

class LaunchBound : public Visitor, public UnitVisitor {
 public:
  // Counts what began in these steps. `attribution` must be called before this
  // visitor, and outlive it.
  LaunchBound(const StepRange& steps, const Attribution* attribution)
      : steps_(steps), attribution_(*attribution) {}

  void OnEnd(const SpanEnd& end) override;
  void OnUnits(absl::Span<const Unit> units) override;

  // Those with the longest idle time first, of all that have anything. Each
  // column adds up to the whole of the steps: all activities, the time of all
  // outermost ops and backward nodes, the waits in them, and the idle time
  // because of the host.
  std::vector<LaunchTotal> totals(const KernelTotals& kernels,
                                  const DeviceIdle& idle) const;

 private:
  struct Host {
    uint64_t host_ns = 0, wait_ns = 0;
  };
  using Key = std::pair<int, bool>;  // module, optimizer

  const StepRange steps_;
  const Attribution& attribution_;
  std::map<Key, Host> hosts_;
  absl::flat_hash_map<uint64_t, uint64_t> waits_;  // ns, by unit
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_TOTALS_LAUNCH_BOUND_H_
