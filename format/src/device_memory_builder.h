#ifndef TORCHTAPE_FORMAT_SRC_DEVICE_MEMORY_BUILDER_H_
#define TORCHTAPE_FORMAT_SRC_DEVICE_MEMORY_BUILDER_H_

// Builds the columns of v1::DeviceMemory, chunk after chunk.

#include <cstdint>
#include <map>

#include "torchtape/v1/tape.pb.h"

namespace torchtape::format {

class DeviceMemoryBuilder {
 public:
  // `device`: device type << 8 | device index + 1.
  void Add(uint32_t device, uint64_t time_ns, uint64_t allocated_bytes,
           uint64_t reserved_bytes);

  // Appends what there is to a chunk, and starts the next one.
  void Finish(v1::Events* events);

 private:
  struct Device {
    uint64_t time_ns = 0, allocated_bytes = 0, reserved_bytes = 0;
    v1::DeviceMemory columns;
  };
  std::map<uint32_t, Device> devices_;
};

}  // namespace torchtape::format

#endif  // TORCHTAPE_FORMAT_SRC_DEVICE_MEMORY_BUILDER_H_
