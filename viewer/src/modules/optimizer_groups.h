#ifndef TORCHTAPE_VIEWER_SRC_MODULES_OPTIMIZER_GROUPS_H_
#define TORCHTAPE_VIEWER_SRC_MODULES_OPTIMIZER_GROUPS_H_

// Adds up the optimizers' time by parameter group. An op of an optimizer's step
// works for the group whose parameters it touches; one that touches none works
// for the group whose gradients or state it touches, which are those that were
// touched together with one group's parameters, directly or through others.
// What stays open, or is for several groups at once, is in no group.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "modules/attribution.h"
#include "torchtape/viewer/step_range.h"

namespace torchtape::viewer {

struct OptimizerGroup {
  std::string name;         // "Adam#1.0"
  std::string type;         // "Adam"
  uint64_t parameters = 0;  // elements, shared ones once
  uint64_t count = 0;       // units
  uint64_t time_ns = 0;
};

class OptimizerGroups : public Visitor, public UnitVisitor {
 public:
  // `attribution` must be called before this visitor, and outlive it.
  OptimizerGroups(const StepRange& steps, const Attribution* attribution)
      : steps_(steps), attribution_(*attribution) {}

  void OnOptimizer(const v1::Model& optimizer) override;
  void OnStep(const StepStart& start) override;
  void OnBegin(const SpanBegin& begin) override;
  void OnEnd(const SpanEnd& end) override;
  void OnUnits(absl::Span<const Unit> units) override;

  // As they are in the log; without what is in no group.
  const std::vector<OptimizerGroup>& groups() const { return groups_; }

 private:
  static constexpr int kNone = -1, kSeveral = -2;

  struct Work {
    uint64_t unit;
    std::vector<uint64_t> storages;
    int group = kNone;
  };

  int GroupOf(const Work& work) const;
  void Decide(std::vector<Work>* works);

  const StepRange steps_;
  const Attribution& attribution_;
  std::vector<OptimizerGroup> groups_;
  absl::flat_hash_map<std::string, int> by_name_;
  absl::flat_hash_map<uint64_t, int> parameters_;  // group by storage
  absl::flat_hash_map<uint64_t, int> others_;      // likewise, of this step
  std::map<uint32_t, std::vector<Work>> works_;    // of open steps, by thread
  absl::flat_hash_map<uint64_t, int> units_;       // group by unit
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_MODULES_OPTIMIZER_GROUPS_H_
