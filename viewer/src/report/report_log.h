#ifndef TORCHTAPE_VIEWER_SRC_REPORT_REPORT_LOG_H_
#define TORCHTAPE_VIEWER_SRC_REPORT_REPORT_LOG_H_

// One log's part of a report: its totals are read first, since they decide
// which events there is room for.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "report/report_steps.h"
#include "torchtape/viewer/verbs.h"

namespace torchtape::viewer {

struct LogSummary {
  std::string json;  // `summary --json --by=source`; as text it is small
  ReportSteps steps;
  std::vector<std::string> notes;
};

absl::StatusOr<LogSummary> SummarizeLog(const Log& log,
                                        const VerbOptions& options);

// What the page is told of a log, as PackReport(). Keeps at most `most_spans`
// spans, and as many allocations.
absl::StatusOr<std::string> PackLog(const Log& log, const VerbOptions& options,
                                    const LogSummary& summary,
                                    const KeptSteps& kept, size_t most_spans);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_REPORT_REPORT_LOG_H_
