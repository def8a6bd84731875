#include "stated_cost.h"

#include <stdexcept>

#include "torchtape/format/log_reader.h"

namespace torchtape::benchmarks {

double StatedCostNs(const std::string& path) {
  const auto reader = format::LogReader::Open(format::OpenFile(path).value());
  if (!reader.ok()) throw std::runtime_error(reader.status().ToString());
  double ns = 0;
  for (const v1::OwnCost& cost :
       reader->index().value().statistics().own_costs()) {
    ns += static_cast<double>(cost.sampled_ns()) * cost.every();
  }
  return ns;
}

}  // namespace torchtape::benchmarks
