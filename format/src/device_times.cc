#include "torchtape/format/device_times.h"

namespace torchtape::format {
namespace {

// Sums are modulo 2^64.
uint64_t Plus(uint64_t a, int64_t b) { return a + static_cast<uint64_t>(b); }

const v1::DeviceClock* ClockOf(const v1::Events& events,
                               const v1::DeviceTimes& times) {
  for (const v1::DeviceClock& clock : events.device_clocks()) {
    if (clock.device_type() == times.device_type() &&
        clock.device_index() == times.device_index()) {
      return &clock;
    }
  }
  return nullptr;
}

void ReadStream(const v1::DeviceTimes& times, const v1::DeviceClock& clock,
                const std::function<void(const DeviceTime&)>& tell) {
  DeviceTime time;
  time.device_type = times.device_type();
  time.device_index = times.device_index();
  time.stream = times.stream();
  time.error_ns = clock.error_ns();
  uint64_t start = 0;
  for (int i = 0; i < times.threads_size(); ++i) {
    time.thread = times.threads(i);
    time.number = Plus(time.number, times.numbers(i));
    start = Plus(start, times.starts(i));
    time.clock_ns = static_cast<int64_t>(start);
    time.start_ns = static_cast<int64_t>(Plus(start, clock.offset_ns()));
    time.duration_ns = times.durations(i);
    tell(time);
  }
}

}  // namespace

absl::Status ReadDeviceTimes(
    const v1::Events& events,
    const std::function<void(const DeviceTime&)>& tell) {
  for (const v1::DeviceTimes& times : events.device_times()) {
    const int count = times.threads_size();
    if (times.numbers_size() != count || times.starts_size() != count ||
        times.durations_size() != count) {
      return absl::DataLossError("device times: columns of different lengths");
    }
    const v1::DeviceClock* clock = ClockOf(events, times);
    if (clock == nullptr) {
      return absl::DataLossError("device times: a device without a clock");
    }
    ReadStream(times, *clock, tell);
  }
  return absl::OkStatus();
}

}  // namespace torchtape::format
