#ifndef TORCHTAPE_BENCHMARKS_STATED_COST_H_
#define TORCHTAPE_BENCHMARKS_STATED_COST_H_

#include <string>

namespace torchtape::benchmarks {

// What the log says that recording took of the program's threads, in ns.
double StatedCostNs(const std::string& path);

}  // namespace torchtape::benchmarks

#endif  // TORCHTAPE_BENCHMARKS_STATED_COST_H_
