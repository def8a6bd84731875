#include "report/report_devices.h"

#include <algorithm>

#include "torchtape/format/names.h"

namespace torchtape::viewer {

void ReportDevices::OnBegin(const SpanBegin& begin) {
  if (!recorded_) return;
  const uint32_t thread = begin.thread.facts.number();
  const int64_t span = spans_.Current(thread);
  if (span != ReportSpans::kNoSpan) {
    waiting_[{thread, begin.frame.number}] = span;
  }
}

void ReportDevices::OnDeviceTime(const format::DeviceTime& time) {
  Time kept = {time.start_ns, time.duration_ns, ReportSpans::kNoSpan, 0};
  if (time.thread == 0) {
    if (!kept_.Contains(time.number)) return;
    kept.step = time.number;
  } else {
    const auto span = waiting_.find({time.thread, time.number});
    if (span == waiting_.end()) return;
    kept.span = span->second;
    waiting_.erase(span);
  }
  Stream& stream = streams_[{time.device_type, time.device_index, time.stream}];
  stream.error_ns = std::max(stream.error_ns, time.error_ns);
  stream.times.push_back(kept);
}

Json ReportDevices::StreamsJson() const {
  Json json = Json::array();
  for (const auto& [key, stream] : streams_) {
    json.push_back(
        {{"device", format::DeviceName(key.device_type, key.device_index)},
         {"stream", key.stream},
         {"error_ns", stream.error_ns}});
  }
  return json;
}

void ReportDevices::TakeColumns(Columns* columns) {
  Column stream_of, start, duration, span, step;
  uint64_t number = 0;
  for (auto& [key, stream] : streams_) {
    // Outer ones before those inside of them.
    std::stable_sort(stream.times.begin(), stream.times.end(),
                     [](const Time& a, const Time& b) {
                       if (a.start_ns != b.start_ns) {
                         return a.start_ns < b.start_ns;
                       }
                       return a.duration_ns > b.duration_ns;
                     });
    int64_t last_ns = 0;
    for (const Time& time : stream.times) {
      stream_of.Add(number);
      start.AddSigned(time.start_ns - last_ns);
      last_ns = time.start_ns;
      duration.Add(time.duration_ns);
      span.Add(static_cast<uint64_t>(time.span + 1));
      step.Add(time.step);
    }
    ++number;
  }
  columns->emplace_back("device_stream", std::move(stream_of));
  columns->emplace_back("device_start", std::move(start));
  columns->emplace_back("device_duration", std::move(duration));
  columns->emplace_back("device_span", std::move(span));
  columns->emplace_back("device_step", std::move(step));
}

}  // namespace torchtape::viewer
