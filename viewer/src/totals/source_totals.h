#ifndef TORCHTAPE_VIEWER_SRC_TOTALS_SOURCE_TOTALS_H_
#define TORCHTAPE_VIEWER_SRC_TOTALS_SOURCE_TOTALS_H_

// Adds up ops and backward nodes by the line of the user's that they work for.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "source/source_lines.h"
#include "torchtape/viewer/step_range.h"
#include "totals/span_totals.h"

namespace torchtape::viewer {

// A line of source. Self time is of all its ops and backward nodes. All else is
// of those that are not inside of another one of the same line: `sum.count`
// counts the ops among them, `sum.total_ns` has the backward nodes too.
struct SourceTotal {
  SourceFrame frame;           // empty: what has no known line
  SpanTotal sum;               // its name: file, line and function
  std::vector<SpanTotal> ops;  // the calls, by name
  std::vector<SpanTotal>
      backward;  // the backward nodes of these calls, by name
};

class SourceTotals : public Visitor {
 public:
  // Counts spans that began in these steps. `lines` must be called before this
  // visitor, and outlive it.
  SourceTotals(const StepRange& steps, const SourceLines* lines)
      : steps_(steps), lines_(*lines) {}

  void OnBegin(const SpanBegin& begin) override;
  void OnEnd(const SpanEnd& end) override;

  // In the order of first use; the first is what has no known line.
  std::vector<SourceTotal> totals() const;

 private:
  struct OpenSpan {
    size_t line;
    bool outermost;  // of its line
  };
  struct Line {
    SourceFrame frame;
    SpanTotal sum;
    std::map<const Operator*, SpanTotal> ops, backward;
  };

  size_t IndexOf(const SourceFrame* frame);

  const StepRange steps_;
  const SourceLines& lines_;
  std::vector<Line> totals_ = std::vector<Line>(1);
  absl::flat_hash_map<const SourceFrame*, size_t> by_frame_;
  absl::flat_hash_map<std::string, size_t> by_name_;
  absl::flat_hash_map<uint32_t, std::vector<OpenSpan>> open_;  // by thread
};

// "model.cc:42 Net::forward": what sorting and filters see.
std::string NameOf(const SourceFrame& frame);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_TOTALS_SOURCE_TOTALS_H_
