#ifndef TORCHTAPE_VIEWER_SRC_TOTALS_DEVICE_TOTALS_H_
#define TORCHTAPE_VIEWER_SRC_TOTALS_DEVICE_TOTALS_H_

// Adds up what devices took: by stream, by step, and by module, forward and
// backward. A time is known after its span, and the span's module after the
// step; what waits for the other is kept.
//
// Memory: the spans that may still get a time, at most kMaxWaiting, and the
// times of the steps.

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "modules/attribution.h"
#include "torchtape/viewer/step_range.h"
#include "totals/busy_time.h"

namespace torchtape::viewer {

// Absent: no span of the module has a time.
struct DeviceModuleTime {
  std::optional<uint64_t> forward_ns, backward_ns;
};

struct DeviceStreamTotal {
  uint64_t stream = 0;
  uint64_t times = 0;  // of spans
  uint64_t busy_ns = 0;
};

struct DeviceTotal {
  uint32_t device_type = 0;
  int32_t device_index = -1;
  uint64_t busy_ns = 0;   // of all streams together, overlap counted once
  uint64_t error_ns = 0;  // the largest of the alignment with the host
  std::vector<DeviceStreamTotal> streams;
};

class DeviceTotals : public Visitor, public UnitVisitor {
 public:
  // `attribution` must be called before this visitor, and outlive it.
  DeviceTotals(const v1::Run& run, const StepRange& steps,
               const Attribution* attribution)
      : level_(run.options().device_time() == v1::DEVICE_TIME_LEVEL_KERNELS
                   ? v1::DEVICE_TIME_LEVEL_STEPS
                   : run.options().device_time()),
        steps_(steps),
        attribution_(*attribution) {}

  void OnEnd(const SpanEnd& end) override;
  void OnDeviceTime(const format::DeviceTime& time) override;
  void OnUnits(absl::Span<const Unit> units) override;

  bool any() const { return !devices_.empty() || !step_ns_.empty(); }

  // In the order of their types and indices.
  std::vector<DeviceTotal> devices() const;
  // What a step took on the stream that was current; absent if not known.
  std::optional<uint64_t> StepNs(uint64_t step) const;
  // By the index of the module, with all modules inside.
  std::vector<DeviceModuleTime> modules() const;
  std::optional<uint64_t> optimizer_ns() const { return optimizer_ns_; }

  // Times whose span came too long before them, or was lost to damage.
  uint64_t unplaced() const { return unplaced_ + times_.size(); }

 private:
  static constexpr size_t kMaxWaiting = size_t{1} << 18;

  using Span = std::pair<uint32_t, uint64_t>;  // thread and number
  // What a time counts for.
  struct Owner {
    enum Kind { kModuleCall, kInnerCall, kUnit, kOptimizer } kind;
    int module = kNoModule;
    bool backward = false;
    bool counts = false;  // its step was chosen
  };
  struct Stream {
    uint64_t times = 0;
    BusyTime busy;
  };
  struct Device {
    uint64_t error_ns = 0;
    BusyTime busy;
    std::map<uint64_t, Stream> streams;
  };
  struct Own {
    std::optional<uint64_t> call_ns, op_ns, backward_ns;
  };

  void Expect(const Span& span, const Owner& owner);
  void Place(const Owner& owner, const format::DeviceTime& time);
  Own& Of(int module);

  const v1::DeviceTimeLevel level_;
  const StepRange steps_;
  const Attribution& attribution_;
  absl::flat_hash_map<Span, Owner> owners_;  // that wait for their time
  std::deque<Span> oldest_;                  // of these, the oldest first
  absl::flat_hash_map<Span, format::DeviceTime> times_;  // or for their owner
  std::map<std::pair<uint32_t, int32_t>, Device> devices_;
  std::map<uint64_t, uint64_t> step_ns_;
  std::vector<Own> own_;
  std::optional<uint64_t> optimizer_ns_;
  uint64_t unplaced_ = 0;
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_TOTALS_DEVICE_TOTALS_H_
