#include "torchtape/format/device_memory.h"

namespace torchtape::format {

absl::Status ReadDeviceMemory(
    const v1::Events& events,
    const std::function<void(const DeviceMemory&)>& tell) {
  for (const v1::DeviceMemory& columns : events.device_memory()) {
    const int count = columns.times_size();
    if (columns.allocated_size() != count || columns.reserved_size() != count) {
      return absl::DataLossError("device memory: columns of different lengths");
    }
    DeviceMemory memory;
    memory.device_type = columns.device_type();
    memory.device_index = columns.device_index();
    for (int i = 0; i < count; ++i) {
      memory.time_ns += static_cast<uint64_t>(columns.times(i));
      memory.allocated_bytes += static_cast<uint64_t>(columns.allocated(i));
      memory.reserved_bytes += static_cast<uint64_t>(columns.reserved(i));
      tell(memory);
    }
  }
  return absl::OkStatus();
}

}  // namespace torchtape::format
