#include "modules/optimizer_groups.h"

#include <algorithm>

#include "modules/optimizer_step.h"

namespace torchtape::viewer {

void OptimizerGroups::OnOptimizer(const v1::Model& optimizer) {
  if (optimizer.modules().empty()) return;
  std::vector<int> indices;  // by module
  for (const v1::Module& module : optimizer.modules()) {
    indices.push_back(kNone);
    if (module.parent() == 0) continue;
    const auto [it, added] =
        by_name_.try_emplace(module.path(), static_cast<int>(groups_.size()));
    if (added) groups_.emplace_back();
    OptimizerGroup& group = groups_[it->second];
    group.name = module.path();
    group.type = optimizer.modules(0).type();
    group.parameters = 0;
    indices.back() = it->second;
  }
  for (const v1::Parameter& parameter : optimizer.parameters()) {
    const uint64_t module = parameter.module();
    if (module == 0 || module > indices.size()) continue;  // damage
    const int group = indices[module - 1];
    if (group == kNone) continue;
    groups_[group].parameters += ElementCount(parameter.type());
    if (parameter.storage() != 0) parameters_[parameter.storage()] = group;
  }
}

void OptimizerGroups::OnStep(const StepStart&) {
  others_.clear();
  units_.clear();  // told before their optimizer's step had ended
}

void OptimizerGroups::OnBegin(const SpanBegin& begin) {
  if (parameters_.empty() || !IsInOptimizerStep(begin.thread)) return;
  const uint32_t thread = begin.thread.facts.number();
  const uint64_t unit = attribution_.CurrentUnit(thread);
  if (unit == kNoUnit) return;
  std::vector<Work>& works = works_[thread];
  if (works.empty() || works.back().unit != unit) works.push_back({unit, {}});
  for (const format::TensorId& input : begin.inputs.tensors) {
    if (input.storage != 0) works.back().storages.push_back(input.storage);
  }
}

void OptimizerGroups::OnEnd(const SpanEnd& end) {
  if (!IsOptimizerStep(*end.frame.op)) return;
  const auto works = works_.find(end.thread.facts.number());
  if (works == works_.end()) return;
  Decide(&works->second);
  works_.erase(works);
}

// Parameters tell, if it touches any; else what else is known.
int OptimizerGroups::GroupOf(const Work& work) const {
  for (const auto* known : {&parameters_, &others_}) {
    int group = kNone;
    for (uint64_t storage : work.storages) {
      const auto it = known->find(storage);
      if (it == known->end() || it->second == group) continue;
      group = group == kNone ? it->second : kSeveral;
    }
    if (group != kNone) return group;
  }
  return kNone;
}

// Each round may tell of storages that tell of other ops.
void OptimizerGroups::Decide(std::vector<Work>* works) {
  for (bool learned = true; learned;) {
    learned = false;
    for (Work& work : *works) {
      if (work.group != kNone) continue;
      work.group = GroupOf(work);
      if (work.group == kNone) continue;
      learned = true;
      if (work.group == kSeveral) continue;
      for (uint64_t storage : work.storages) {
        if (!parameters_.contains(storage)) {
          others_.try_emplace(storage, work.group);
        }
      }
    }
  }
  for (const Work& work : *works) {
    if (work.group >= 0) units_[work.unit] = work.group;
  }
}

void OptimizerGroups::OnUnits(absl::Span<const Unit> units) {
  for (const Unit& unit : units) {
    const auto it = units_.find(unit.number);
    if (it == units_.end()) continue;
    if (steps_.Contains(unit.step) && unit.owner.optimizer) {
      OptimizerGroup& group = groups_[it->second];
      ++group.count;
      group.time_ns += unit.duration_ns;
    }
    units_.erase(it);
  }
}

}  // namespace torchtape::viewer
