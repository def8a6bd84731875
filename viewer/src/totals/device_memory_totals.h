#ifndef TORCHTAPE_VIEWER_SRC_TOTALS_DEVICE_MEMORY_TOTALS_H_
#define TORCHTAPE_VIEWER_SRC_TOTALS_DEVICE_MEMORY_TOTALS_H_

// Memory by device: what the run allocated, and what the device's allocator
// said of itself. MemoryTotals tells who held it.
//
// Memory: one entry for each live allocation.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "replay/visitor.h"
#include "torchtape/viewer/step_range.h"

namespace torchtape::viewer {

struct DeviceMemoryTotal {
  std::string name;  // "cpu", "cuda:0"
  uint64_t alloc_count = 0, free_count = 0, allocated_bytes = 0;
  // The most that was live of what the log tells; absent where frees were lost
  // to damage.
  std::optional<uint64_t> peak_bytes;
  // The most that the allocator had given out, and that it held: older memory
  // included. Absent if it does not say, as that of the CPU.
  std::optional<uint64_t> allocator_peak_bytes, allocator_reserved_peak_bytes;
};

class DeviceMemoryTotals : public Visitor {
 public:
  explicit DeviceMemoryTotals(const StepRange& steps) : steps_(steps) {}

  void OnSeek(const Seek& seek) override;
  void OnChunk(const ChunkStart& start) override;
  void OnStep(const StepStart& start) override;
  void OnWindow(const v1::Window& window) override;
  void OnAllocate(const Allocation& allocation) override;
  void OnFree(const Allocation& free) override;
  void OnDeviceMemory(const format::DeviceMemory& memory) override;

  // Of devices that had memory in the steps, in the order of their types and
  // indices.
  std::vector<DeviceMemoryTotal> totals() const;

 private:
  using Device = std::pair<uint32_t, int32_t>;  // type and index
  struct Sum {
    uint64_t alloc_count = 0, free_count = 0, allocated_bytes = 0;
    uint64_t live_bytes = 0, peak_bytes = 0;
    std::optional<uint64_t> allocator_peak, reserved_peak;
  };
  struct Live {
    Device device;
    uint64_t bytes;
  };

  const StepRange steps_;
  bool counts_ = true;  // whether the step that is running was chosen
  bool sure_ = true;
  uint64_t live_bytes_ = 0;  // of all devices
  std::map<Device, Sum> sums_;
  absl::flat_hash_map<uint64_t, Live> live_;  // by storage
  // When the steps that were chosen began and ended.
  uint64_t begin_ns_ = ~uint64_t{0}, end_ns_ = ~uint64_t{0};
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_TOTALS_DEVICE_MEMORY_TOTALS_H_
