#ifndef TORCHTAPE_VIEWER_SRC_REPORT_REPORT_DEVICES_H_
#define TORCHTAPE_VIEWER_SRC_REPORT_REPORT_DEVICES_H_

// Keeps for a report what streams of devices took for the kept spans and steps.

#include <cstdint>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "report/report_spans.h"
#include "torchtape/format/device_times.h"

namespace torchtape::viewer {

class ReportDevices : public Visitor {
 public:
  // `recorded`: device times were recorded. `kept` and `spans` must outlive
  // this; `spans` must be called before this visitor.
  ReportDevices(bool recorded, const KeptSteps* kept, const ReportSpans* spans)
      : recorded_(recorded), kept_(*kept), spans_(*spans) {}

  void OnBegin(const SpanBegin& begin) override;
  void OnDeviceTime(const format::DeviceTime& time) override;

  // [{device, stream, error_ns}], the largest error of the alignment with the
  // host.
  Json StreamsJson() const;

  // Moves the columns to the end of `columns`: times of a stream are in the
  // order in which they began.
  void TakeColumns(Columns* columns);

 private:
  struct StreamKey {
    uint32_t device_type;
    int32_t device_index;
    uint64_t stream;

    bool operator<(const StreamKey& other) const {
      return std::tie(device_type, device_index, stream) <
             std::tie(other.device_type, other.device_index, other.stream);
    }
  };
  struct Time {
    int64_t start_ns;
    uint64_t duration_ns;
    int64_t span;   // kNoSpan: of a step
    uint64_t step;  // its number, then
  };
  struct Stream {
    uint64_t error_ns = 0;
    std::vector<Time> times;
  };

  const bool recorded_;
  const KeptSteps& kept_;
  const ReportSpans& spans_;
  // Kept spans without a time yet, by thread and number.
  absl::flat_hash_map<std::pair<uint32_t, uint64_t>, int64_t> waiting_;
  std::map<StreamKey, Stream> streams_;
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_REPORT_REPORT_DEVICES_H_
