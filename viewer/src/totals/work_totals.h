#ifndef TORCHTAPE_VIEWER_SRC_TOTALS_WORK_TOTALS_H_
#define TORCHTAPE_VIEWER_SRC_TOTALS_WORK_TOTALS_H_

// Adds up what ops computed and moved: by operator, step and module.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/node_hash_map.h"
#include "absl/numeric/int128.h"
#include "modules/attribution.h"
#include "ops/op_work.h"
#include "torchtape/viewer/step_range.h"

namespace torchtape::viewer {

// A day's training is more than 2^64 FLOPs.
struct WorkSum {
  absl::uint128 matrix_flops = 0, arithmetic_flops = 0;
  absl::uint128 transcendental_calls = 0, moved_bytes = 0;
  uint64_t counted_ops = 0;
  // Ops of which nobody knows; their time.
  uint64_t unknown_ops = 0, unknown_ns = 0;
  // Of the counted ones whose time is known: what they computed in which time.
  absl::uint128 timed_flops = 0;
  uint64_t timed_ns = 0;

  absl::uint128 flops() const { return matrix_flops + arithmetic_flops; }
  bool empty() const { return counted_ops == 0 && unknown_ops == 0; }
  void Add(const SpanWork& work);
  void Add(const WorkSum& other);
};

struct DirectedWork {
  WorkSum forward, backward;

  WorkSum Both() const;
  bool empty() const { return forward.empty() && backward.empty(); }
  void Add(const DirectedWork& other);
};

class WorkTotals : public Visitor, public UnitVisitor {
 public:
  // Of spans that began in these steps. `work` and `attribution` must be called
  // before this visitor, and outlive it.
  WorkTotals(const StepRange& steps, const OpWork* work,
             const Attribution* attribution)
      : steps_(steps), work_(*work), attribution_(*attribution) {}

  void OnBegin(const SpanBegin& begin) override;
  void OnEnd(const SpanEnd& end) override;
  void OnUnits(absl::Span<const Unit> units) override;

  // The sums over names, over steps, and over modules, optimizer and
  // unattributed are all the same: all().
  const DirectedWork& all() const { return all_; }
  DirectedWork OfName(const std::string& name) const;
  DirectedWork OfStep(uint64_t number) const;
  // By the tree's index: of the module alone, and with all inside of it.
  std::vector<DirectedWork> OfModules() const;
  std::vector<DirectedWork> WithinModules() const;
  const DirectedWork& optimizer() const { return optimizer_; }
  const DirectedWork& unattributed() const { return nobody_; }

 private:
  DirectedWork* OfOperator(const Operator& op);
  DirectedWork* OfSpanStep(uint64_t step);
  DirectedWork* OfUnit(uint64_t unit);

  const StepRange steps_;
  const OpWork& work_;
  const Attribution& attribution_;
  DirectedWork all_, optimizer_, nobody_;
  std::map<std::string, DirectedWork> names_;
  std::vector<DirectedWork*> operators_;  // by the operator's id, into names_
  std::map<uint64_t, DirectedWork> by_step_;
  std::vector<DirectedWork> modules_;
  absl::flat_hash_map<uint32_t, uint64_t> units_;  // the last one, by thread
  absl::node_hash_map<uint64_t, DirectedWork> pending_;  // by unit
  // Most spans are of the step and the unit of the one before.
  uint64_t last_step_ = 0, last_unit_ = kNoUnit;
  DirectedWork* of_last_step_ = nullptr;
  DirectedWork* of_last_unit_ = nullptr;
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_TOTALS_WORK_TOTALS_H_
