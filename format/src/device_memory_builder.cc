#include "device_memory_builder.h"

#include <utility>

namespace torchtape::format {
namespace {

// The difference to what was there before, which it takes the place of.
int64_t Change(uint64_t* before, uint64_t now) {
  const auto change = static_cast<int64_t>(now - *before);
  *before = now;
  return change;
}

}  // namespace

void DeviceMemoryBuilder::Add(uint32_t device, uint64_t time_ns,
                              uint64_t allocated_bytes,
                              uint64_t reserved_bytes) {
  auto [found, added] = devices_.try_emplace(device);
  Device& last = found->second;
  if (added) {
    last.columns.set_device_type(device >> 8);
    last.columns.set_device_index(static_cast<int32_t>(device & 0xff) - 1);
  }
  last.columns.add_times(Change(&last.time_ns, time_ns));
  last.columns.add_allocated(Change(&last.allocated_bytes, allocated_bytes));
  last.columns.add_reserved(Change(&last.reserved_bytes, reserved_bytes));
}

void DeviceMemoryBuilder::Finish(v1::Events* events) {
  for (auto& [device, last] : devices_) {
    *events->add_device_memory() = std::move(last.columns);
  }
  devices_.clear();
}

}  // namespace torchtape::format
