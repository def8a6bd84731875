#ifndef TORCHTAPE_VIEWER_SRC_REPORT_REPORT_SPANS_H_
#define TORCHTAPE_VIEWER_SRC_REPORT_REPORT_SPANS_H_

// Keeps the spans of some steps for a report: when, what, for which module and
// line, of which shapes, and who made what they read.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "modules/attribution.h"
#include "ops/op_work.h"
#include "replay/visitor.h"
#include "report/report_columns.h"
#include "source/source_lines.h"

namespace torchtape::viewer {

// Of which steps a report keeps the events.
struct KeptSteps {
  bool all = true;
  std::set<uint64_t> steps = {};  // unless all

  bool Contains(uint64_t step) const { return all || steps.count(step) > 0; }
};

// Texts that occur again and again. 0 is the empty one.
class TextTable {
 public:
  uint32_t Intern(const std::string& text);
  const std::vector<std::string>& texts() const { return texts_; }

 private:
  std::vector<std::string> texts_ = {""};
  absl::flat_hash_map<std::string, uint32_t> ids_;
};

class ReportSpans : public Visitor, public UnitVisitor {
 public:
  // `kept`, `attribution`, `lines` and `work` must outlive this; all but the
  // first must be called before this visitor, and `attribution` must tell it of
  // units. Keeps at most `most` spans.
  ReportSpans(const KeptSteps* kept, const Attribution* attribution,
              const SourceLines* lines, const OpWork* work, size_t most)
      : kept_(*kept),
        attribution_(*attribution),
        lines_(*lines),
        work_(*work),
        most_(most) {}

  void OnChunk(const ChunkStart&) override { signatures_.clear(); }
  void OnStep(const StepStart&) override { forward_ops_.Age(); }
  void OnBegin(const SpanBegin& begin) override;
  void OnEnd(const SpanEnd& end) override;
  void OnUnits(absl::Span<const Unit> units) override;

  // The innermost open span that is kept of a thread, or kNoSpan.
  int64_t Current(uint32_t thread) const;
  static constexpr int64_t kNoSpan = -1;

  size_t count() const { return count_; }
  // When there was no more room; absent: there was.
  std::optional<uint64_t> cut_at_ns() const { return cut_at_ns_; }
  const std::vector<std::string>& texts() const { return texts_.texts(); }
  Json LinesJson() const;
  // [matrix, arithmetic, transcendental, bytes, on the CPU] of each kind of
  // work.
  Json WorksJson() const;

  // Moves the columns to the end of `columns`.
  void TakeColumns(Columns* columns);

 private:
  // What is said of a signature's tensors, in texts of `texts_`.
  struct Types {
    uint32_t all = 0;            // "self=float32[8, 16], dim=0"
    std::vector<uint32_t> each;  // of each tensor, in the order of the ids
  };

  const Types& TypesOf(const Values& values, const Operator& op, bool inputs);
  void AddModule(const SpanBegin& begin);
  uint32_t IndexOf(const SpanWork& work);
  void AddEdges(const SpanBegin& begin, const Types& types);
  uint32_t LineOf(uint32_t thread);

  const KeptSteps& kept_;
  const Attribution& attribution_;
  const SourceLines& lines_;
  const OpWork& work_;
  const size_t most_;

  size_t count_ = 0;
  std::optional<uint64_t> cut_at_ns_;
  uint64_t last_start_ns_ = 0;
  TextTable texts_;
  // By the signature's address: it is the same within a chunk.
  absl::flat_hash_map<const v1::Signature*, Types> signatures_;
  absl::flat_hash_map<const SourceFrame*, uint32_t> line_ids_;
  absl::flat_hash_map<std::string, uint32_t> line_names_;
  std::vector<SourceFrame> line_frames_;
  absl::flat_hash_map<uint32_t, std::vector<int64_t>> open_;  // by thread
  absl::flat_hash_map<uint64_t, int64_t> producers_;          // by tensor
  ForwardOps<int64_t> forward_ops_;

  Column start_, name_, thread_, depth_, line_, inputs_;
  Column forward_, edges_, edge_from_, edge_type_;
  std::vector<uint64_t> durations_;  // + 1; 0: not known
  std::vector<uint32_t> outputs_;
  std::vector<uint32_t> modules_;  // 1 + index; 0: nobody's
  std::vector<uint8_t> sources_;   // who told
  // 0: counted elsewhere, 1: nobody knows, else 2 + index into `works_`.
  std::vector<uint32_t> work_ids_;
  std::vector<Work> works_;
  absl::flat_hash_map<std::string, uint32_t> work_index_;
  // Spans and their units, whose modules are not told yet.
  std::vector<std::pair<size_t, uint64_t>> pending_;
  std::vector<uint8_t> threw_;
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_REPORT_REPORT_SPANS_H_
