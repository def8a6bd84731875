#include "modules/module_calls.h"

#include <algorithm>

namespace torchtape::viewer {

uint32_t ModuleCalls::Count(int module) {
  told_[module] = true;
  return ++counts_[module];
}

void ModuleCalls::StartStep() {
  counts_.clear();
  open_.clear();
}

void ModuleCalls::Push(int module, const Unit& unit, bool is_owner,
                       Path* open) {
  if (!open->empty()) {
    Open& parent = open->back();
    if (parent.first_child == kNoModule) {
      parent.first_child = module;
    } else if (parent.first_child == module && parent.entry != kNone) {
      entries_[parent.entry].may_be_more = true;
    }
  }
  Open entered = {module, 0, 0, kNone, kNoModule};
  if (is_owner && unit.module_span != 0) {
    entered.module_span = unit.module_span;
    entered.call = unit.call;
  } else if (!IsTold(module)) {
    entered.call = ++counts_[module];
    entered.entry = entries_.size();
    entries_.push_back({module, unit.step, false});
  }
  open->push_back(entered);
}

// Leaves what the unit is not in, and enters what it is in.
void ModuleCalls::Enter(const ModuleTree& tree, const Unit& unit, Path* open) {
  std::vector<int> path;
  for (int module = unit.owner.module; module != kNoModule;
       module = tree.modules()[module].parent) {
    path.push_back(module);
  }
  std::reverse(path.begin(), path.end());
  size_t same = 0;
  while (same < open->size() && same < path.size() &&
         (*open)[same].module == path[same]) {
    ++same;
  }
  const bool again = same == path.size() && unit.module_span != 0 &&
                     (*open)[same - 1].module_span != unit.module_span;
  open->resize(again ? same - 1 : same, Open());
  for (size_t i = open->size(); i < path.size(); ++i) {
    Push(path[i], unit, i + 1 == path.size(), open);
  }
}

void ModuleCalls::Number(const ModuleTree& tree, size_t first,
                         std::vector<Unit>* units) {
  entries_.clear();
  // What is open goes on, but its entry was told.
  for (auto& [thread, path] : open_) {
    for (Open& open : path) open.entry = kNone;
  }
  for (size_t i = first; i < units->size(); ++i) {
    Unit& unit = (*units)[i];
    Path& open = open_[unit.thread];
    if (unit.backward || unit.owner.optimizer || unit.leaves) {
      open.clear();
    } else if (unit.owner.module != kNoModule && unit.module_span == 0 &&
               IsTold(unit.owner.module)) {
      // Outside of the module's calls, which the log has: a look at its
      // weights.
      unit.call = 0;
    } else if (unit.owner.module != kNoModule) {
      Enter(tree, unit, &open);
      unit.call = open.back().call;
    }
  }
}

}  // namespace torchtape::viewer
