#include "modules/module_tree.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/strip.h"

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
  ++revision_;
  const auto same = [&](const v1::Model& other) {
    return other.name() == model.name();
  };
  const auto known = std::find_if(models_.begin(), models_.end(), same);
  if (known != models_.end()) {
    *known = model;
  } else {
    models_.push_back(model);
  }
  LoadModules(model);
  Arrange();
  storages_.clear();
  bytes_ = 0;
  for (Module& module : modules_) {
    module.own_parameters = module.parameters = module.bytes = 0;
  }
  for (const v1::Model& each : models_) LoadParameters(each);
}

int ModuleTree::AddCalled(const std::string& path, const std::string& type,
                          int parent) {
  ++revision_;
  const int index = IndexOf(path);
  Module& module = modules_[index];
  module.type = type;
  module.parent = parent;
  module.depth = parent == kNoModule ? 0 : modules_[parent].depth + 1;
  module.attached = false;
  by_type_[type].push_back(index);
  return index;
}

int ModuleTree::IndexOf(const std::string& path) {
  const auto [it, added] =
      by_path_.try_emplace(path, static_cast<int>(modules_.size()));
  if (added) {
    modules_.emplace_back();
    modules_.back().path = path;
  }
  return it->second;
}

// A parent comes before its children, and a path comes once; anything else is
// damage, and left out lest a module be inside of itself.
std::vector<int> ModuleTree::LoadModules(const v1::Model& model) {
  std::vector<int> indices;
  absl::flat_hash_set<int> seen;
  for (const v1::Module& module : model.modules()) {
    const int index = IndexOf(module.path());
    const bool has_parent =
        module.parent() != 0 && module.parent() <= indices.size();
    const int parent = has_parent ? indices[module.parent() - 1] : kNoModule;
    indices.push_back(index);
    if (!seen.insert(index).second) continue;
    Module& changed = modules_[index];
    changed.type = module.type();
    changed.training = module.training();
    changed.attached = true;
    changed.parent = parent;
  }
  return indices;
}

// From what the parents are: depths and types.
void ModuleTree::Arrange() {
  by_type_.clear();
  for (int index : Order()) {
    Module& module = modules_[index];
    module.depth =
        module.parent == kNoModule ? 0 : modules_[module.parent].depth + 1;
    by_type_[module.type].push_back(index);
  }
}

std::vector<int> ModuleTree::Order() const {
  // Of each module, behind those that have no parent; the last one first.
  std::vector<std::vector<int>> children(modules_.size() + 1);
  for (size_t i = modules_.size(); i-- > 0;) {
    children[static_cast<size_t>(modules_[i].parent + 1)].push_back(
        static_cast<int>(i));
  }
  std::vector<int> order, next = children[0];
  while (!next.empty()) {
    const int index = next.back();
    next.pop_back();
    order.push_back(index);
    const std::vector<int>& inside = children[static_cast<size_t>(index + 1)];
    next.insert(next.end(), inside.begin(), inside.end());
  }
  return order;
}

void ModuleTree::LoadParameters(const v1::Model& model) {
  std::vector<int> indices;
  for (const v1::Module& module : model.modules()) {
    indices.push_back(Find(module.path()));
  }
  for (const v1::Parameter& parameter : model.parameters()) {
    if (parameter.defined()) AddParameter(parameter, indices);
  }
}

void ModuleTree::AddParameter(const v1::Parameter& parameter,
                              const std::vector<int>& indices) {
  std::vector<int> owners;
  if (parameter.module() != 0 && parameter.module() <= indices.size()) {
    owners.push_back(indices[parameter.module() - 1]);
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
  if (parameter.storage() != 0) AddStorage(parameter, owners);
}

void ModuleTree::AddStorage(const v1::Parameter& parameter,
                            const std::vector<int>& owners) {
  if (owners.empty()) return;
  const auto [it, added] = storages_.try_emplace(parameter.storage());
  Storage& storage = it->second;
  storage.parameter |= !parameter.buffer();
  if (added) storage.owner = owners[0];
  for (int index : owners) storage.owner = CommonOf(storage.owner, index);
}

int ModuleTree::Find(absl::string_view path) const {
  const auto it = by_path_.find(path);
  return it == by_path_.end() ? kNoModule : it->second;
}

const std::vector<int>& ModuleTree::OfType(absl::string_view type) const {
  static const std::vector<int> none;
  const auto it = by_type_.find(type);
  return it == by_type_.end() ? none : it->second;
}

int ModuleTree::CommonOf(int a, int b) const {
  if (a == kNoModule || b == kNoModule) return kNoModule;
  while (a != b) {
    int& deeper = modules_[a].depth >= modules_[b].depth ? a : b;
    deeper = modules_[deeper].parent;
    if (deeper == kNoModule) return kNoModule;
  }
  return a;
}

std::string NameOf(const Module& module) {
  const size_t dot = module.path.rfind('.');
  return module.parent == kNoModule || dot == std::string::npos
             ? module.path
             : module.path.substr(dot + 1);
}

absl::string_view ShortType(absl::string_view type) {
  absl::ConsumePrefix(&type, "(anonymous namespace)::");
  if (absl::ConsumePrefix(&type, "torch::nn::")) {
    absl::ConsumeSuffix(&type, "Impl");
  }
  return type;
}

}  // namespace torchtape::viewer
