#ifndef TORCHTAPE_VIEWER_SRC_SUMMARY_WORK_JSON_H_
#define TORCHTAPE_VIEWER_SRC_SUMMARY_WORK_JSON_H_

// What was computed and moved, as JSON. README.md ("FLOPs") describes it.

#include "replay/value_reader.h"
#include "totals/work_totals.h"

namespace torchtape::viewer {

// Null if there was no op to count.
Json WorkJson(const DirectedWork& work);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_SUMMARY_WORK_JSON_H_
