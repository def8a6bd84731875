#ifndef TORCHTAPE_VIEWER_SRC_TOTALS_KERNEL_TOTALS_H_
#define TORCHTAPE_VIEWER_SRC_TOTALS_KERNEL_TOTALS_H_

// Adds up what devices did, as CUPTI told of it: by kernel, by the op that
// launched it, by stream, and by module, forward and backward. An activity is
// known after the call that launched it, and the call's module after its step.
//
// Memory: the names, and the units of the calls that Launches knows.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "modules/attribution.h"
#include "modules/launches.h"
#include "torchtape/viewer/step_range.h"
#include "totals/busy_time.h"
#include "totals/device_totals.h"

namespace torchtape::viewer {

struct KernelTotal {
  v1::ActivityKind kind = v1::ACTIVITY_KIND_NONE;
  std::string name;  // as CUPTI tells it: mangled
  uint64_t count = 0, total_ns = 0, max_ns = 0, bytes = 0;
};

// Activities that were launched in an op, or in a backward node outside of all
// ops.
struct LaunchingOp {
  std::string name;  // empty: in neither
  uint64_t count = 0, total_ns = 0;
};

struct ActivityStream {
  uint32_t device = 0, context = 0, stream = 0;
  uint64_t count = 0, busy_ns = 0;
};

struct ActivityDevice {
  uint32_t device = 0;
  uint64_t busy_ns = 0;  // of all streams together, overlap counted once
  // From the first start to the last end of what was chosen.
  uint64_t span_ns = 0;
  std::vector<ActivityStream> streams;
};

// Without the modules inside.
struct ModuleKernels {
  uint64_t count = 0, total_ns = 0;

  void Add(const ModuleKernels& other) {
    count += other.count;
    total_ns += other.total_ns;
  }
};

class KernelTotals : public Visitor, public UnitVisitor {
 public:
  // The others must be called before this visitor, and outlive it.
  KernelTotals(const StepRange& steps, const Attribution* attribution,
               Launches* launches);

  void OnEnd(const SpanEnd& end) override;
  void OnLaunch(const LaunchCall& call) override;
  void OnActivity(const format::DeviceActivity& activity) override;
  void OnUnits(absl::Span<const Unit> units) override;

  // Of the chosen steps; those that took longest come first.
  std::vector<KernelTotal> kernels() const;
  std::vector<LaunchingOp> ops() const;
  std::vector<ActivityDevice> devices() const;
  // By the index of the module, with all modules inside. Time of all streams,
  // overlap counted twice.
  std::vector<DeviceModuleTime> modules() const;
  // What ops and nodes of the module itself launched, those of optimizers, and
  // all others: these add up to count() and total_ns().
  ModuleKernels OfModule(int module) const;
  const ModuleKernels& optimizer() const { return optimizer_; }
  ModuleKernels nobody() const;

  uint64_t count() const { return count_; }
  uint64_t total_ns() const { return total_ns_; }
  // Of these: the call that launched them, or its module, is not known.
  uint64_t unlaunched_ns() const { return unlaunched_ns_; }
  uint64_t unplaced_ns() const;
  // The largest of the alignment with the host.
  uint64_t error_ns() const { return error_ns_; }

 private:
  using Span = std::pair<uint32_t, uint64_t>;  // thread and number
  struct UnitKernels {
    bool known = false;
    Owner owner;
    bool backward = false;
    ModuleKernels waiting;  // for the owner
    uint32_t launches = 0;  // kept that refer to it
  };
  struct Own {
    DeviceModuleTime time;
    ModuleKernels kernels;
  };
  struct Stream {
    uint64_t count = 0;
    BusyTime busy;
  };
  struct Device {
    int64_t first_ns = INT64_MAX, last_ns = INT64_MIN;
    BusyTime busy;
    std::map<std::pair<uint32_t, uint32_t>, Stream> streams;
  };

  bool Counts(const LaunchPlace* place) const;
  void AddTo(const LaunchPlace& place, const ModuleKernels& kernels);
  void AddToOwner(const Owner& owner, bool backward,
                  const ModuleKernels& kernels);

  const StepRange steps_;
  const Attribution& attribution_;
  const Launches& launches_;
  absl::flat_hash_map<Span, UnitKernels> units_;
  absl::flat_hash_map<std::pair<int, std::string>, KernelTotal> kernels_;
  absl::flat_hash_map<std::string, LaunchingOp> ops_;
  std::map<uint32_t, Device> devices_;
  std::vector<Own> own_;                // by the index of the module
  ModuleKernels all_owns_, optimizer_;  // of all modules; of none
  uint64_t count_ = 0, total_ns_ = 0, unlaunched_ns_ = 0;
  uint64_t error_ns_ = 0;
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_TOTALS_KERNEL_TOTALS_H_
