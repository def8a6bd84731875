#include "torchtape/format/device_activities.h"

namespace torchtape::format {
namespace {

// Sums are modulo 2^64.
uint64_t Plus(uint64_t a, int64_t b) { return a + static_cast<uint64_t>(b); }

absl::Status ReadLaunches(const v1::Launches& launches,
                          const std::function<void(const Launch&)>& launched) {
  const int count = launches.times_size();
  if (launches.correlations_size() != count || launches.spans_size() != count) {
    return absl::DataLossError("launches: columns of different lengths");
  }
  Launch launch;
  launch.thread = launches.thread();
  uint64_t correlation = 0, span = 0;
  for (int i = 0; i < count; ++i) {
    launch.time_ns = Plus(launch.time_ns, launches.times(i));
    correlation = Plus(correlation, launches.correlations(i));
    span = Plus(span, launches.spans(i));
    launch.correlation = static_cast<uint32_t>(correlation);
    launch.span.reset();
    if (span != 0) launch.span = span - 1;
    launched(launch);
  }
  return absl::OkStatus();
}

absl::Status ReadStream(
    const v1::Events& events, const v1::DeviceActivities& columns,
    const std::function<void(const DeviceActivity&)>& tell) {
  const int count = columns.names_size();
  if (columns.kinds().size() != static_cast<size_t>(count) ||
      columns.starts_size() != count || columns.durations_size() != count ||
      columns.correlations_size() != count || columns.bytes_size() != count) {
    return absl::DataLossError(
        "device activities: columns of different lengths");
  }
  DeviceActivity activity;
  activity.device = columns.device();
  activity.context = columns.context();
  activity.stream = columns.stream();
  activity.error_ns = events.activity_clock().error_ns();
  uint64_t start = static_cast<uint64_t>(events.activity_clock().offset_ns());
  uint64_t correlation = 0;
  for (int i = 0; i < count; ++i) {
    const uint32_t name = columns.names(i);
    if (name >= static_cast<uint32_t>(events.activity_names_size())) {
      return absl::DataLossError("device activities: a name that is not there");
    }
    start = Plus(start, columns.starts(i));
    correlation = Plus(correlation, columns.correlations(i));
    activity.kind = static_cast<v1::ActivityKind>(
        static_cast<uint8_t>(columns.kinds()[static_cast<size_t>(i)]));
    activity.name = events.activity_names(static_cast<int>(name));
    activity.start_ns = static_cast<int64_t>(start);
    activity.duration_ns = columns.durations(i);
    activity.correlation = static_cast<uint32_t>(correlation);
    activity.bytes = columns.bytes(i);
    tell(activity);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadDeviceActivities(
    const v1::Events& events,
    const std::function<void(const Launch&)>& launched,
    const std::function<void(const DeviceActivity&)>& tell) {
  for (const v1::Launches& launches : events.launches()) {
    absl::Status status = ReadLaunches(launches, launched);
    if (!status.ok()) return status;
  }
  if (!events.activities().empty() && !events.has_activity_clock()) {
    return absl::DataLossError("device activities: without a clock");
  }
  for (const v1::DeviceActivities& columns : events.activities()) {
    absl::Status status = ReadStream(events, columns, tell);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace torchtape::format
