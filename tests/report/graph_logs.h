#ifndef TORCHTAPE_TESTS_REPORT_GRAPH_LOGS_H_
#define TORCHTAPE_TESTS_REPORT_GRAPH_LOGS_H_

// Runs whose graphs are special.

#include "viewer/log_builder.h"

namespace torchtape::viewer {

// A net of three modules, "first" (20 parameters), "maybe" (6) and "last"
// (300), for four steps. The second one runs in the steps 1 and 3 only, and so
// do the edges to and from it; without it "last" reads from "first".
LogBuilder BranchingRun();

// The same net for two steps, in which "maybe" does no more than add.
LogBuilder AddingRun();

// The same net for two steps. In step 1 the product inside of "first" throws,
// and no backward pass follows.
LogBuilder ThrowingRun();

// The same net for a step in which "maybe" runs before and after "last", and
// "first" four times in a row at the end, each time reading what the one before
// made.
LogBuilder RepeatingRun();

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_TESTS_REPORT_GRAPH_LOGS_H_
