#ifndef TORCHTAPE_SDK_TORCH_DEVICE_FEATURES_H_
#define TORCHTAPE_SDK_TORCH_DEVICE_FEATURES_H_

// What features.h is, for devices; apart, since few files need so much of
// LibTorch's headers.

#include <c10/core/Device.h>

#include <type_traits>

#include "torch/features.h"

#if __has_include(<ATen/DeviceAccelerator.h>)
#include <ATen/Context.h>
#include <ATen/DeviceAccelerator.h>
#define TORCHTAPE_HAS_ACCELERATOR 1
#endif

namespace torchtape::internal {

// Whether devices tell the time between two events: from 2.4 on.
template <typename Guard, typename = void>
inline constexpr bool kHasElapsedTime = false;
template <typename Guard>
inline constexpr bool
    kHasElapsedTime<Guard, std::void_t<decltype(&Guard::elapsedTime)>> = true;

// Whether devices tell that a stream is captured into a graph: from 2.13 on.
template <typename Guard, typename = void>
inline constexpr bool kTellsCapture = false;
template <typename Guard>
inline constexpr bool
    kTellsCapture<Guard, std::void_t<decltype(&Guard::isStreamCapturing)>> =
        true;

// The type of the devices that are no CPU, if there are any, and whether the
// program uses one of them. Before 2.6 LibTorch does not know.
#ifdef TORCHTAPE_HAS_ACCELERATOR
inline Optional<c10::DeviceType> Accelerator() { return at::getAccelerator(); }
inline bool HasContext(c10::Device device) {
  return at::globalContext()
      .getAcceleratorHooksInterface(device.type())
      .hasPrimaryContext(device.index());
}
#else
inline Optional<c10::DeviceType> Accelerator() { return {}; }
inline bool HasContext(c10::Device) { return false; }
#endif

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_TORCH_DEVICE_FEATURES_H_
