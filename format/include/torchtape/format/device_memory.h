#ifndef TORCHTAPE_FORMAT_DEVICE_MEMORY_H_
#define TORCHTAPE_FORMAT_DEVICE_MEMORY_H_

// What allocators of devices said of themselves, see FORMAT.md "Device memory".

#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "torchtape/v1/tape.pb.h"

namespace torchtape::format {

struct DeviceMemory {
  uint32_t device_type = 0;
  int32_t device_index = -1;
  uint64_t time_ns = 0;
  uint64_t allocated_bytes = 0;  // that the program has
  uint64_t reserved_bytes = 0;   // that the allocator holds of the device
};

// Tells `tell` of all in the chunk, device by device. Fails with DataLoss where
// columns contradict each other; what was told before is right.
absl::Status ReadDeviceMemory(
    const v1::Events& events,
    const std::function<void(const DeviceMemory&)>& tell);

}  // namespace torchtape::format

#endif  // TORCHTAPE_FORMAT_DEVICE_MEMORY_H_
