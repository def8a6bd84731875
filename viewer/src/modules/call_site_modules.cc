#include "modules/call_site_modules.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "source/user_frame.h"

namespace torchtape::viewer {
namespace {

// The modules of the class that a function is a member of. A constructor makes
// its module, and does not work for it.
const std::vector<int>* ModulesOf(const ModuleTree& tree,
                                  absl::string_view function) {
  for (size_t end = function.rfind("::"); end != absl::string_view::npos;
       end = function.rfind("::", end - 1)) {
    const absl::string_view type = function.substr(0, end);
    const std::vector<int>& modules = tree.OfType(type);
    if (!modules.empty()) {
      const size_t scope = type.rfind("::");
      const absl::string_view name =
          scope == absl::string_view::npos ? type : type.substr(scope + 2);
      return function.substr(end + 2) == name ? nullptr : &modules;
    }
    if (end == 0) break;
  }
  return nullptr;
}

bool Wants(const Unit& unit) {
  return !unit.backward && !unit.owner.known() && unit.call_site != nullptr;
}

// The innermost of these modules that holds `module`.
int HolderAmong(const ModuleTree& tree, const std::vector<int>& modules,
                int module) {
  while (module != kNoModule &&
         std::find(modules.begin(), modules.end(), module) == modules.end()) {
    module = tree.modules()[module].parent;
  }
  return module;
}

}  // namespace

CallSiteModules::Candidates& CallSiteModules::Of(const ModuleTree& tree,
                                                 const CallSite& call_site) {
  if (call_site.id >= sites_.size()) sites_.resize(call_site.id + 1);
  Candidates& candidates = sites_[call_site.id];
  if (candidates.known) return candidates;
  candidates.known = true;
  for (const CallSite* site = &call_site; site != nullptr;
       site = site->caller) {
    if (site->object == nullptr) break;
    if (IsLibTorch(*site->object)) continue;
    for (const SourceFrame& frame : lookup_(*site).frames) {
      if (frame.line == 0) continue;
      candidates.modules = ModulesOf(tree, frame.function);
      if (candidates.modules != nullptr) return candidates;
    }
  }
  return candidates;
}

// The modules of the units before and after on the same thread that are known,
// in the same stretch of forward pass.
void CallSiteModules::FindNeighbours(const std::vector<Unit>& units) {
  neighbours_.assign(units.size(), {});
  absl::flat_hash_map<uint32_t, int> last;  // by thread
  const auto pass = [&](size_t i, int Neighbours::*side) {
    int& module = last.try_emplace(units[i].thread, kNoModule).first->second;
    neighbours_[i].*side = module;
    if (units[i].backward || units[i].owner.optimizer) {
      module = kNoModule;
    } else if (units[i].owner.known()) {
      module = units[i].owner.module;
    }
  };
  for (size_t i = 0; i < units.size(); ++i) pass(i, &Neighbours::before);
  last.clear();
  for (size_t i = units.size(); i-- > 0;) pass(i, &Neighbours::after);
}

void CallSiteModules::Learn(const ModuleTree& tree,
                            const std::vector<Unit>& units) {
  for (size_t i = 0; i < units.size(); ++i) {
    if (!Wants(units[i])) continue;
    Candidates& site = Of(tree, *units[i].call_site);
    if (site.modules == nullptr || site.modules->size() == 1) continue;
    const int before = HolderAmong(tree, *site.modules, neighbours_[i].before);
    const int after = HolderAmong(tree, *site.modules, neighbours_[i].after);
    site.first |= before == kNoModule && after != kNoModule;
    site.last |= before != kNoModule && after == kNoModule;
  }
}

int CallSiteModules::Choose(const ModuleTree& tree,
                            const Candidates& candidates,
                            const Neighbours& neighbours) const {
  if (candidates.modules == nullptr) return kNoModule;
  const std::vector<int>& modules = *candidates.modules;
  if (modules.size() == 1) return modules[0];
  const int before = HolderAmong(tree, modules, neighbours.before);
  const int after = HolderAmong(tree, modules, neighbours.after);
  if (before == after && before != kNoModule) return before;
  if (before != kNoModule && after != kNoModule) {
    if (candidates.first == candidates.last) return kNoModule;
    return candidates.last ? before : after;
  }
  if (before != kNoModule || after != kNoModule) {
    return before != kNoModule ? before : after;
  }
  // No op inside of any is known: it may be the only one around here.
  const int around = tree.CommonOf(neighbours.before, neighbours.after);
  int only = kNoModule;
  for (int module : modules) {
    if (!tree.IsWithin(module, around)) continue;
    if (only != kNoModule) return kNoModule;
    only = module;
  }
  return only;
}

void CallSiteModules::Tell(const ModuleTree& tree, size_t first,
                           std::vector<Unit>* units) {
  if (std::none_of(units->begin(), units->end(), Wants)) return;
  if (revision_ != tree.revision()) sites_.clear();
  revision_ = tree.revision();
  FindNeighbours(*units);
  Learn(tree, *units);
  for (size_t i = first; i < units->size(); ++i) {
    Unit& unit = (*units)[i];
    if (!Wants(unit)) continue;
    const int module = Choose(tree, Of(tree, *unit.call_site), neighbours_[i]);
    if (module == kNoModule) continue;
    unit.owner = {module, ModuleSource::kCallSite, false};
  }
}

}  // namespace torchtape::viewer
