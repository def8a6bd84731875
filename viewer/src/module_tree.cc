#include "module_tree.h"

#include <algorithm>

#include "absl/container/flat_hash_set.h"

namespace torchtape::viewer {
namespace {

// "model.fc" of "model.fc.weight".
absl::string_view ModulePath(absl::string_view parameter_path) {
  const size_t dot = parameter_path.rfind('.');
  return dot == absl::string_view::npos ? "" : parameter_path.substr(0, dot);
}

void AddOnce(int value, std::vector<int>* values) {
  if (std::find(values->begin(), values->end(), value) == values->end()) {
    values->push_back(value);
  }
}

}  // namespace

uint64_t ElementCount(const v1::TensorType& type) {
  uint64_t count = 1;
  for (int64_t size : type.sizes()) {
    if (size < 0 || __builtin_mul_overflow(count, size, &count)) return 0;
  }
  return count;
}

void ModuleTree::Add(const v1::Model& model) {
  const auto same = [&](const v1::Model& other) {
    return other.name() == model.name();
  };
  const auto known = std::find_if(models_.begin(), models_.end(), same);
  if (known != models_.end()) {
    *known = model;
  } else {
    models_.push_back(model);
  }
  modules_.clear();
  by_path_.clear();
  storages_.clear();
  bytes_ = 0;
  for (const v1::Model& each : models_) Load(each);
}

void ModuleTree::Load(const v1::Model& model) {
  const int base = static_cast<int>(modules_.size());
  for (const v1::Module& module : model.modules()) {
    const int index = static_cast<int>(modules_.size());
    Module added;
    added.path = module.path();
    added.type = module.type();
    added.training = module.training();
    // A parent comes before its children; anything else is damage.
    if (module.parent() != 0 &&
        module.parent() <= static_cast<uint32_t>(index - base)) {
      added.parent = base + static_cast<int>(module.parent()) - 1;
      added.depth = modules_[added.parent].depth + 1;
    }
    by_path_.try_emplace(added.path, index);
    modules_.push_back(std::move(added));
  }
  for (const v1::Parameter& parameter : model.parameters()) {
    if (parameter.defined()) AddParameter(parameter, base);
  }
}

void ModuleTree::AddParameter(const v1::Parameter& parameter, int base) {
  std::vector<int> owners;
  const int64_t owner = static_cast<int64_t>(base) + parameter.module() - 1;
  if (parameter.module() != 0 &&
      owner < static_cast<int64_t>(modules_.size())) {
    owners.push_back(static_cast<int>(owner));
  }
  for (const std::string& alias : parameter.aliases()) {
    const int other = Find(ModulePath(alias));
    if (other != kNoModule) AddOnce(other, &owners);
  }

  bytes_ += parameter.bytes();
  const uint64_t elements =
      parameter.buffer() ? 0 : ElementCount(parameter.type());
  // The owners and all modules around them: whoever is in, so are its parents.
  absl::flat_hash_set<int> holders;
  for (int index : owners) {
    modules_[index].own_parameters += elements;
    while (index != kNoModule && holders.insert(index).second) {
      index = modules_[index].parent;
    }
  }
  for (int index : holders) {
    modules_[index].parameters += elements;
    modules_[index].bytes += parameter.bytes();
  }

  if (parameter.storage() == 0) return;
  Storage& storage = storages_[parameter.storage()];
  storage.parameter |= !parameter.buffer();
  for (int index : owners) AddOnce(index, &storage.owners);
}

int ModuleTree::Find(absl::string_view path) const {
  const auto it = by_path_.find(path);
  return it == by_path_.end() ? kNoModule : it->second;
}

const std::vector<int>* ModuleTree::OwnersOf(uint64_t storage) const {
  const auto it = storages_.find(storage);
  return it == storages_.end() ? nullptr : &it->second.owners;
}

bool ModuleTree::HoldsParameter(uint64_t storage) const {
  const auto it = storages_.find(storage);
  return it != storages_.end() && it->second.parameter;
}

}  // namespace torchtape::viewer
