#ifndef TORCHTAPE_VIEWER_SRC_REPORT_REPORT_JSON_H_
#define TORCHTAPE_VIEWER_SRC_REPORT_REPORT_JSON_H_

// What a report says in JSON beside its columns: the tables that the columns'
// numbers point into, and how far the events are complete.

#include "replay/log_counts.h"
#include "replay/replay.h"
#include "report/report_devices.h"
#include "report/report_memory.h"

namespace torchtape::viewer {

struct ReportFacts {
  const Json& summary;  // as of `summary --json --by=source`
  const Json& chosen;   // the steps that were asked for: {first, last} or null
  const KeptSteps& kept;
  const LogCounts& counts;
  const ReplayReport& report;
  const Attribution& attribution;
  const ReportSpans& spans;
  const ReportMemory& memory;
  const ReportDevices& devices;
  const std::vector<std::string>& notes;
};

Json ReportJson(const ReportFacts& facts);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_REPORT_REPORT_JSON_H_
