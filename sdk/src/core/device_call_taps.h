#ifndef TORCHTAPE_SDK_CORE_DEVICE_CALL_TAPS_H_
#define TORCHTAPE_SDK_CORE_DEVICE_CALL_TAPS_H_

// Taps on what the host asks of a device through its runtime library: launches,
// copies, memsets and synchronisations. They stand in the import slots of the
// objects that call them, LibTorch's among them, so that nothing of the runtime
// is needed to build or to run: where it is not loaded, there is nothing to
// tap.
//
// CUDA's. A runtime that is linked statically cannot be tapped.

namespace torchtape::internal {

// Places the taps, and puts back what the slots held. Under a lock of the
// caller's.
void InstallDeviceCallTaps();
void RemoveDeviceCallTaps();

// Looks at libraries that were loaded since, while placed; the runtime may be
// among them.
void RefreshDeviceCallTaps();

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_CORE_DEVICE_CALL_TAPS_H_
