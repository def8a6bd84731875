#ifndef TORCHTAPE_SDK_TORCH_DEVICE_EVENTS_H_
#define TORCHTAPE_SDK_TORCH_DEVICE_EVENTS_H_

// Timing events of the devices that this LibTorch has, through c10's interface
// for all of them: no header or library of a device is needed.

#include "absl/status/statusor.h"
#include "core/device_events.h"

namespace torchtape::internal {

// Lives as long as the process. Fails with Unimplemented, saying why there are
// none: no device, or a LibTorch that is too old.
absl::StatusOr<DeviceEvents*> TorchDeviceEvents();

// The type of the devices, as c10 numbers it. Only where there are events.
int TimedDeviceType();

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_TORCH_DEVICE_EVENTS_H_
