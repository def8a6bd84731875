#ifndef TORCHTAPE_VIEWER_SRC_TOTALS_SPAN_TOTALS_H_
#define TORCHTAPE_VIEWER_SRC_TOTALS_SPAN_TOTALS_H_

// Adds up spans by name: ops, backward nodes, ranges, scripts, modules.

#include <cstdint>
#include <string>
#include <vector>

#include "replay/visitor.h"
#include "torchtape/viewer/step_range.h"

namespace torchtape::viewer {

// All spans of one kind and name, whatever their overload.
struct SpanTotal {
  std::string name;
  uint64_t count = 0;
  uint64_t untimed_count = 0;  // of `count`: the end or its time is not known
  uint64_t threw_count = 0;
  uint64_t total_ns = 0;  // of the timed ones, children included
  uint64_t self_ns = 0;   // children left out
  uint64_t forward_count = 0, backward_count = 0;
  uint64_t forward_self_ns = 0, backward_self_ns = 0;
};

class SpanTotals : public Visitor {
 public:
  // Counts spans that began in these steps.
  explicit SpanTotals(const StepRange& steps) : steps_(steps) {}

  void OnBegin(const SpanBegin& begin) override;
  void OnEnd(const SpanEnd& end) override;

  // In the order of first use.
  std::vector<SpanTotal> OfKind(v1::SpanKind kind) const;

 private:
  SpanTotal& Of(const Operator& op);

  const StepRange steps_;
  std::vector<const Operator*> operators_;  // by id
  std::vector<SpanTotal> totals_;           // by id
  std::vector<uint32_t> order_;             // ids
};

// Whether a row comes before another one, sorted by "self", "total", "count",
// "name" or "mean" (time per call); descending, names ascending.
bool ComesBefore(const std::string& key, const SpanTotal& a,
                 const SpanTotal& b);

void SortTotals(const std::string& key, std::vector<SpanTotal>* totals);

// Keeps those whose name contains `text`; all if it is empty.
void FilterTotals(const std::string& text, std::vector<SpanTotal>* totals);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_TOTALS_SPAN_TOTALS_H_
