#ifndef TORCHTAPE_VIEWER_SRC_TOTALS_OWN_COST_H_
#define TORCHTAPE_VIEWER_SRC_TOTALS_OWN_COST_H_

// What recording took of the program's own threads, from the samples that the
// log states. An estimate: one call in so many was measured.

#include <cstdint>
#include <vector>

#include "torchtape/v1/tape.pb.h"

namespace torchtape::viewer {

// Of one kind on one thread.
struct CostEntry {
  uint32_t thread;  // 0: of threads that are not listed
  v1::CostKind kind;
  uint64_t samples;
  double ns_per_call;
  double total_ns;
};

// Without those that make no sense. Empty: not measured.
std::vector<CostEntry> CostEntries(const v1::Statistics& statistics);

// How much longer recording made the thread that it took most of, of what the
// thread would have taken without: 0.01 is one percent. Less than 0: not known.
double Slowdown(const std::vector<CostEntry>& entries, uint64_t recorded_ns);

// "ops", "backward nodes", ...
const char* CostKindText(v1::CostKind kind);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_TOTALS_OWN_COST_H_
