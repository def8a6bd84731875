#ifndef TORCHTAPE_VIEWER_SRC_REPORT_REPORT_STEPS_H_
#define TORCHTAPE_VIEWER_SRC_REPORT_REPORT_STEPS_H_

// Which steps a report keeps all events of, when a log has more than fit.

#include <cstdint>

#include "report/report_spans.h"

namespace torchtape::viewer {

// Events in one report: about 6 MB of page.
inline constexpr uint64_t kMostReportEvents = 1000000;

// `summary` is what `summary --json` says of the steps that were asked for.
// First the steps that a reader asks for: with the peak of memory, the slowest,
// the median, the first and the last; then, as far as there is room, others at
// equal distances. At least one, if there is any.
KeptSteps ChooseSteps(const Json& summary, uint64_t most_events);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_REPORT_REPORT_STEPS_H_
