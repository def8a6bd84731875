#ifndef TORCHTAPE_FORMAT_DEVICE_ACTIVITIES_H_
#define TORCHTAPE_FORMAT_DEVICE_ACTIVITIES_H_

// What devices did, as a chunk tells of it: kernels, copies and memsets, and
// the calls of the host that launched them. See FORMAT.md "Device activities".

#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "torchtape/v1/tape.pb.h"

namespace torchtape::format {

struct DeviceActivity {
  v1::ActivityKind kind = v1::ACTIVITY_KIND_NONE;
  absl::string_view name;  // as CUPTI tells it; lives as long as the chunk
  uint32_t device = 0;     // CUDA's number
  uint32_t context = 0;    // CUPTI's numbers
  uint32_t stream = 0;
  uint32_t correlation = 0;  // which call launched it
  int64_t start_ns = 0;      // since the run's start, within `error_ns`
  uint64_t error_ns = 0;
  uint64_t duration_ns = 0;
  uint64_t bytes = 0;  // copied or set

  int64_t end_ns() const {
    return static_cast<int64_t>(static_cast<uint64_t>(start_ns) + duration_ns);
  }
};

// A call that asked a device for something.
struct Launch {
  uint32_t thread = 0;
  uint64_t time_ns = 0;
  uint32_t correlation = 0;
  absl::optional<uint64_t> span;  // the innermost one in which it was made
};

// Tells `launched` of all calls in the chunk and then `tell` of all activities.
// Those of a chunk were launched in it or in an earlier one; a call may launch
// several (a graph) or none. Fails with DataLoss where the columns contradict
// each other; what was told before is right.
absl::Status ReadDeviceActivities(
    const v1::Events& events,
    const std::function<void(const Launch&)>& launched,
    const std::function<void(const DeviceActivity&)>& tell);

}  // namespace torchtape::format

#endif  // TORCHTAPE_FORMAT_DEVICE_ACTIVITIES_H_
