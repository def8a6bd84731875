#ifndef TORCHTAPE_VIEWER_SRC_REPORT_REPORT_STEPS_H_
#define TORCHTAPE_VIEWER_SRC_REPORT_REPORT_STEPS_H_

// Which steps a report keeps all events of, when its logs have more than fit:
// the same steps of all logs, so that ranks can be compared.

#include <cstdint>
#include <optional>
#include <vector>

#include "report/report_spans.h"

namespace torchtape::viewer {

// Events in one report: about 6 MB of page.
inline constexpr uint64_t kMostReportEvents = 1000000;

struct ReportStep {
  uint64_t number = 0;
  uint64_t ops = 0;
  uint64_t duration_ns = 0;  // 0: not known
};

// What a log asks for.
struct ReportSteps {
  uint64_t events = 0;
  std::vector<ReportStep> recorded;   // of the steps that were asked for
  std::optional<uint64_t> peak_step;  // with the peak of memory
};

// Of what `summary --json` says.
ReportSteps ReportStepsOf(const Json& summary);

// First the steps that a reader asks for: with the peak of memory of each log,
// the slowest, the median, the first and the last; then, as far as there is
// room, others at equal distances. At least one, if there is any. A step is as
// slow as the slowest log is in it.
KeptSteps ChooseSteps(const std::vector<ReportSteps>& logs,
                      uint64_t most_events);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_REPORT_REPORT_STEPS_H_
