#include "report/report_devices.h"

#include <algorithm>

#include "dump/dump.h"
#include "output/text_escape.h"
#include "source/function_name.h"
#include "torchtape/format/names.h"

namespace torchtape::viewer {
namespace {

constexpr uint32_t kCuda = 1;  // c10::DeviceType

}  // namespace

// A call is told in the chunk in which its span ends, or while it is open.
void ReportDevices::OnChunk(const ChunkStart&) {
  for (const SpanKey& key : ended_) launching_.erase(key);
  ended_.clear();
}

void ReportDevices::OnBegin(const SpanBegin& begin) {
  if (!recorded_.times && !recorded_.activities) return;
  const uint32_t thread = begin.thread.facts.number();
  const int64_t span = spans_.Current(thread);
  if (span == ReportSpans::kNoSpan) return;
  const SpanKey key = {thread, begin.frame.number};
  if (recorded_.times) waiting_[key] = span;
  if (recorded_.activities) launching_[key] = span;
}

void ReportDevices::OnEnd(const SpanEnd& end) {
  if (!recorded_.activities) return;
  ended_.emplace_back(end.thread.facts.number(), end.frame.number);
}

void ReportDevices::OnDeviceTime(const format::DeviceTime& time) {
  Time kept = {time.start_ns, time.duration_ns, ReportSpans::kNoSpan};
  if (time.thread == 0) {
    if (!kept_.Contains(time.number)) return;
    kept.step = time.number;
  } else {
    const auto span = waiting_.find({time.thread, time.number});
    if (span == waiting_.end()) return;
    kept.span = span->second;
    waiting_.erase(span);
  }
  Stream& stream =
      streams_[{time.device_type, time.device_index, {}, time.stream}];
  // One time a step, as one a span.
  if (time.thread == 0 && !stream.steps.insert(time.number).second) return;
  stream.error_ns = std::max(stream.error_ns, time.error_ns);
  stream.times.push_back(kept);
}

void ReportDevices::OnLaunch(const LaunchCall& call) {
  const format::Launch& launch = call.launch;
  int64_t span = ReportSpans::kNoSpan;
  if (launch.span) {
    const auto found = launching_.find({launch.thread, *launch.span});
    if (found != launching_.end()) span = found->second;
  }
  if (span == ReportSpans::kNoSpan) {
    launches_.erase(launch.correlation);
    return;
  }
  const auto [known, added] =
      launches_.insert_or_assign(launch.correlation, span);
  if (!added) return;
  oldest_.push_back(launch.correlation);
  if (oldest_.size() <= kMaxLaunches) return;
  launches_.erase(oldest_.front());
  oldest_.pop_front();
}

// Without a kept span, nobody knows its step.
void ReportDevices::OnActivity(const format::DeviceActivity& activity) {
  const auto launch = launches_.find(activity.correlation);
  const bool launched = launch != launches_.end();
  if (!launched && !kept_.all) return;
  if (activities_ >= most_) {
    if (!cut_at_ns_) cut_at_ns_ = activity.start_ns;
    return;
  }
  ++activities_;
  Stream& stream = streams_[{kCuda, static_cast<int32_t>(activity.device),
                             activity.context, activity.stream}];
  stream.error_ns = std::max(stream.error_ns, activity.error_ns);
  stream.times.push_back({activity.start_ns, activity.duration_ns,
                          launched ? launch->second : ReportSpans::kNoSpan, 0,
                          NumberOf(activity), activity.bytes});
}

uint64_t ReportDevices::NumberOf(const format::DeviceActivity& activity) {
  return activity_numbers_
      .try_emplace({activity.kind, std::string(activity.name)},
                   activity_numbers_.size() + 1)
      .first->second;
}

Json ReportDevices::ActivitiesJson() const {
  std::vector<Json> rows(activity_numbers_.size());
  for (const auto& [key, number] : activity_numbers_) {
    const auto kind = static_cast<v1::ActivityKind>(key.first);
    rows[number - 1] = {{"kind", ActivityKindName(kind)},
                        {"name", ToUtf8(FunctionName(key.second))}};
  }
  return rows;
}

Json ReportDevices::StreamsJson() const {
  Json json = Json::array();
  for (const auto& [key, stream] : streams_) {
    json.push_back(
        {{"device", format::DeviceName(key.device_type, key.device_index)},
         {"context", key.context ? Json(*key.context) : Json(nullptr)},
         {"stream", key.stream},
         {"error_ns", stream.error_ns}});
  }
  return json;
}

void ReportDevices::TakeColumns(Columns* columns) {
  Column stream_of, start, duration, span, step, activity, bytes;
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
      // A log may tell of any times: the difference wraps, as the sum does.
      start.AddSigned(
          static_cast<int64_t>(static_cast<uint64_t>(time.start_ns) -
                               static_cast<uint64_t>(last_ns)));
      last_ns = time.start_ns;
      duration.Add(time.duration_ns);
      span.Add(static_cast<uint64_t>(time.span + 1));
      step.Add(time.step);
      activity.Add(time.activity);
      bytes.Add(time.bytes);
    }
    ++number;
  }
  columns->emplace_back("device_stream", std::move(stream_of));
  columns->emplace_back("device_start", std::move(start));
  columns->emplace_back("device_duration", std::move(duration));
  columns->emplace_back("device_span", std::move(span));
  columns->emplace_back("device_step", std::move(step));
  columns->emplace_back("device_activity", std::move(activity));
  columns->emplace_back("device_bytes", std::move(bytes));
}

}  // namespace torchtape::viewer
