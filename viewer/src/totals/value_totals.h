#ifndef TORCHTAPE_VIEWER_SRC_TOTALS_VALUE_TOTALS_H_
#define TORCHTAPE_VIEWER_SRC_TOTALS_VALUE_TOTALS_H_

// The values that the program logged, by name.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "replay/visitor.h"
#include "torchtape/viewer/step_range.h"

namespace torchtape::viewer {

struct ValueTotal {
  std::string name;
  uint64_t count = 0;
  double first = 0, last = 0, least = 0, greatest = 0;
  uint64_t first_step = 0, last_step = 0;
};

class ValueTotals : public Visitor {
 public:
  explicit ValueTotals(const StepRange& steps) : steps_(steps) {}

  void OnValue(const v1::LoggedValue& value) override;

  // In the order of first use.
  const std::vector<ValueTotal>& totals() const { return totals_; }

 private:
  const StepRange steps_;
  absl::flat_hash_map<std::string, size_t> index_;
  std::vector<ValueTotal> totals_;
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_TOTALS_VALUE_TOTALS_H_
