#include "core/module_names.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace torchtape::internal {

// Modules that are made as training goes must not fill the memory: those that
// come later have no number.
static constexpr size_t kMostNumbers = 8192;

absl::string_view ShortTypeName(absl::string_view type) {
  absl::ConsumePrefix(&type, "(anonymous namespace)::");
  if (absl::ConsumePrefix(&type, "torch::nn::")) {
    absl::ConsumeSuffix(&type, "Impl");
  }
  return type;
}

ModuleNames& ModuleNames::Get() {
  static ModuleNames* const names = new ModuleNames;
  return *names;
}

void ModuleNames::Attach(const ModelFacts& facts) {
  Model model{facts.name, {}};
  for (const ModuleFacts& module : facts.modules) {
    if (module.address == nullptr) continue;
    // Of a module that is reached twice, the first path counts.
    model.modules.try_emplace(
        module.address,
        Attached{module.path, module.type, module.instance, module.owned});
  }
  std::lock_guard<std::mutex> lock(mutex_);
  const auto known = std::find_if(
      models_.begin(), models_.end(),
      [&facts](const Model& other) { return other.name == facts.name; });
  if (known != models_.end()) {
    *known = std::move(model);
  } else {
    models_.push_back(std::move(model));
  }
  version_.fetch_add(1, std::memory_order_relaxed);
}

ModuleName ModuleNames::Find(const void* address, absl::string_view type) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (const Attached* attached = FindAttached(address, type)) {
    return {attached->path, std::string(ShortTypeName(attached->type))};
  }
  ModuleName name;
  name.type = std::string(ShortTypeName(type));
  const auto key = std::make_pair(address, name.type);
  auto number = numbers_.find(key);
  if (number == numbers_.end()) {
    if (numbers_.size() >= kMostNumbers) return {name.type, name.type};
    number = numbers_.emplace(key, ++counts_[name.type]).first;
  }
  name.path = absl::StrCat(name.type, "#", number->second);
  return name;
}

const ModuleNames::Attached* ModuleNames::FindAttached(const void* address,
                                                       absl::string_view type) {
  for (Model& model : models_) {
    const auto found = model.modules.find(address);
    if (found == model.modules.end()) continue;
    const Attached& attached = found->second;
    // What lives at this address is this module, if that lives at all.
    if (attached.owned ? !attached.instance.expired() : attached.type == type) {
      return &attached;
    }
  }
  return nullptr;
}

void ModuleNames::Clear() {
  std::lock_guard<std::mutex> lock(mutex_);
  models_.clear();
  numbers_.clear();
  counts_.clear();
  version_.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace torchtape::internal
