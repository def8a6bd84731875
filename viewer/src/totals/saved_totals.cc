#include "totals/saved_totals.h"

#include <algorithm>

namespace torchtape::viewer {

void SavedTotals::Sum::Add(uint64_t bytes) {
  now += bytes;
  most = std::max(most, now);
}

void SavedTotals::Save(const ModuleTree& tree, uint64_t storage, uint64_t bytes,
                       int module) {
  if (tree.OwnerOf(storage) != kNoModule) return;
  if (!counted_.insert(storage).second) return;
  const std::vector<Module>& modules = tree.modules();
  if (modules_.size() < modules.size()) modules_.resize(modules.size());
  all_.Add(bytes);
  for (; module != kNoModule; module = modules[module].parent) {
    modules_[module].Add(bytes);
  }
}

void SavedTotals::StartStep() {
  counted_.clear();
  all_.now = 0;
  for (Sum& module : modules_) module.now = 0;
}

std::optional<uint64_t> SavedTotals::Of(int module) const {
  const auto index = static_cast<size_t>(module);
  if (index >= modules_.size() || modules_[index].most == 0) return {};
  return modules_[index].most;
}

std::optional<uint64_t> SavedTotals::all() const {
  if (all_.most == 0) return {};
  return all_.most;
}

}  // namespace torchtape::viewer
