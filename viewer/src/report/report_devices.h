#ifndef TORCHTAPE_VIEWER_SRC_REPORT_REPORT_DEVICES_H_
#define TORCHTAPE_VIEWER_SRC_REPORT_REPORT_DEVICES_H_

// Keeps for a report what streams of devices did: what they took for the kept
// spans and steps, and the kernels, copies and memsets that kept spans
// launched.
//
// Memory: of the kept spans and steps, the times and the last calls; of what
// they launched as much as may be kept.

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "report/report_spans.h"
#include "torchtape/format/device_times.h"

namespace torchtape::viewer {

class ReportDevices : public Visitor {
 public:
  // Which of them were recorded.
  struct Recorded {
    bool times = false;
    bool activities = false;
  };

  // `kept` and `spans` must outlive this; `spans` must be called before this
  // visitor. Keeps at most `most` activities.
  ReportDevices(Recorded recorded, const KeptSteps* kept,
                const ReportSpans* spans, size_t most)
      : recorded_(recorded), kept_(*kept), spans_(*spans), most_(most) {}

  void OnChunk(const ChunkStart&) override;
  void OnBegin(const SpanBegin& begin) override;
  void OnEnd(const SpanEnd& end) override;
  void OnDeviceTime(const format::DeviceTime& time) override;
  void OnLaunch(const LaunchCall& call) override;
  void OnActivity(const format::DeviceActivity& activity) override;

  // [{device, context, stream, error_ns}], the largest error of the alignment
  // with the host; `context` is null where streams have LibTorch's numbers.
  Json StreamsJson() const;
  // [{kind, name}] of activities.
  Json ActivitiesJson() const;
  // When there was no more room for activities; absent: there was.
  std::optional<int64_t> cut_at_ns() const { return cut_at_ns_; }

  // Moves the columns to the end of `columns`: times of a stream are in the
  // order in which they began.
  void TakeColumns(Columns* columns);

 private:
  static constexpr size_t kMaxLaunches = size_t{1} << 20;

  using SpanKey = std::pair<uint32_t, uint64_t>;  // thread and number
  struct StreamKey {
    uint32_t device_type;
    int32_t device_index;
    std::optional<uint32_t> context;  // of activities
    uint64_t stream;

    bool operator<(const StreamKey& other) const {
      return std::tie(device_type, device_index, context, stream) <
             std::tie(other.device_type, other.device_index, other.context,
                      other.stream);
    }
  };
  struct Time {
    int64_t start_ns;
    uint64_t duration_ns;
    int64_t span;           // kNoSpan: of a step, or nobody knows
    uint64_t step = 0;      // its number, then
    uint64_t activity = 0;  // 1 + index; 0: none
    uint64_t bytes = 0;     // that it copied or set
  };
  struct Stream {
    uint64_t error_ns = 0;
    std::vector<Time> times;
    absl::flat_hash_set<uint64_t> steps;  // that have one
  };

  uint64_t NumberOf(const format::DeviceActivity& activity);

  const Recorded recorded_;
  const KeptSteps& kept_;
  const ReportSpans& spans_;
  const size_t most_;
  // Kept spans without a time yet.
  absl::flat_hash_map<SpanKey, int64_t> waiting_;
  // Kept spans that may have launched something in this chunk, and those of
  // them that have ended.
  absl::flat_hash_map<SpanKey, int64_t> launching_;
  std::vector<SpanKey> ended_;
  absl::flat_hash_map<uint32_t, int64_t> launches_;  // of kept spans, by call
  std::deque<uint32_t> oldest_;                      // of these calls
  std::map<std::pair<int, std::string>, uint64_t> activity_numbers_;
  size_t activities_ = 0;
  std::optional<int64_t> cut_at_ns_;
  std::map<StreamKey, Stream> streams_;
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_REPORT_REPORT_DEVICES_H_
