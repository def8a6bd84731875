#ifndef TORCHTAPE_FORMAT_DEVICE_TIMES_H_
#define TORCHTAPE_FORMAT_DEVICE_TIMES_H_

// The times of devices that a chunk tells of, see FORMAT.md "Device times".

#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "torchtape/v1/tape.pb.h"

namespace torchtape::format {

// How long a stream of a device took from one timing event to another: those
// around a span, or around a step.
struct DeviceTime {
  uint32_t device_type = 0;
  int32_t device_index = -1;
  uint64_t stream = 0;  // as LibTorch numbers the streams of the device
  uint32_t thread = 0;  // of the span; 0: `number` is that of a step
  uint64_t number = 0;
  int64_t clock_ns = 0;  // of the device's clock when it starts
  int64_t start_ns = 0;  // since the run's start, within `error_ns`
  uint64_t error_ns = 0;
  uint64_t duration_ns = 0;

  int64_t end_ns() const {
    return static_cast<int64_t>(static_cast<uint64_t>(start_ns) + duration_ns);
  }
};

// Tells `tell` of all in the chunk, of each device and stream in the order in
// which they became known. Fails with DataLoss where the columns contradict
// each other; what was told before is right.
absl::Status ReadDeviceTimes(
    const v1::Events& events,
    const std::function<void(const DeviceTime&)>& tell);

}  // namespace torchtape::format

#endif  // TORCHTAPE_FORMAT_DEVICE_TIMES_H_
