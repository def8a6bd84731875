#ifndef TORCHTAPE_VIEWER_SRC_REPORT_REPORT_PAGE_H_
#define TORCHTAPE_VIEWER_SRC_REPORT_REPORT_PAGE_H_

// The page of a report, made of viewer/report at build time. The data of a log
// go between its two parts, as base64.

#include "absl/strings/string_view.h"

namespace torchtape::viewer {

struct ReportPage {
  absl::string_view head, tail;  // empty: this build has no report
};

ReportPage GetReportPage();

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_REPORT_REPORT_PAGE_H_
