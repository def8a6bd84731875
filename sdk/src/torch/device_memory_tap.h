#ifndef TORCHTAPE_SDK_TORCH_DEVICE_MEMORY_TAP_H_
#define TORCHTAPE_SDK_TORCH_DEVICE_MEMORY_TAP_H_

// Sees every allocation and free of the memory of devices other than the CPU,
// on every thread: their allocators report each of them to the profiler by a
// function of c10's, whether one is running or not, and that call goes through
// an import slot. The profiler is still told.

namespace torchtape::internal {

void InstallDeviceMemoryTap();

// Also finds allocators in libraries that were loaded since. While installed.
void RefreshDeviceMemoryTap();

void RemoveDeviceMemoryTap();

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_TORCH_DEVICE_MEMORY_TAP_H_
