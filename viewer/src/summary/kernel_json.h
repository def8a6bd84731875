#ifndef TORCHTAPE_VIEWER_SRC_SUMMARY_KERNEL_JSON_H_
#define TORCHTAPE_VIEWER_SRC_SUMMARY_KERNEL_JSON_H_

// Kernels, copies and memsets as JSON; README.md ("Kernels") describes it.

#include "replay/log_counts.h"
#include "replay/log_state.h"
#include "summary/summary.h"

namespace torchtape::viewer {

// Whether kernels were asked for.
bool WantsKernels(const v1::Options& options);

// Of the whole log: what was recorded and lost. Null if they were not asked
// for.
Json KernelCountsJson(const v1::Run& run, const LogCounts& counts);

// The same with the totals. Names are demangled.
Json KernelsJson(const SummaryFacts& facts);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_SUMMARY_KERNEL_JSON_H_
