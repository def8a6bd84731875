#ifndef TORCHTAPE_VIEWER_SRC_SUMMARY_OWN_COST_JSON_H_
#define TORCHTAPE_VIEWER_SRC_SUMMARY_OWN_COST_JSON_H_

// What recording took of the program's own threads, as JSON; README.md
// ("own_cost") describes it.

#include "replay/log_counts.h"
#include "replay/log_state.h"

namespace torchtape::viewer {

// Of the whole log. Null if it was not measured.
Json OwnCostJson(const v1::Statistics& statistics, const LogCounts& counts);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_SUMMARY_OWN_COST_JSON_H_
