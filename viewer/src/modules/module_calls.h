#ifndef TORCHTAPE_VIEWER_SRC_MODULES_MODULE_CALLS_H_
#define TORCHTAPE_VIEWER_SRC_MODULES_MODULE_CALLS_H_

// Numbers the calls of modules that nobody told of: a module is entered with
// the first of the ops inside of it that follow each other on a thread, and
// left with the last. So calls never overlap, and a graph of them has no cycle.

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "modules/unit.h"

namespace torchtape::viewer {

// A module was entered that has no module call in the log.
struct Entry {
  int module = kNoModule;
  uint64_t step = 0;
  // Before it was left, the child that it began with was entered once more: it
  // may be two calls that follow each other.
  bool may_be_more = false;
};

class ModuleCalls {
 public:
  // Numbers those units of the forward pass that have an owner but no call yet
  // and are of `first` or later.
  void Number(const ModuleTree& tree, size_t first, std::vector<Unit>* units);

  // Of the units that Number() was given last.
  const std::vector<Entry>& entries() const { return entries_; }

  // A module call of the log: how-many-th of its step.
  uint32_t Count(int module);
  // Whether the log has calls of the module.
  bool IsTold(int module) const { return told_.contains(module); }

  // To be called at each step.
  void StartStep();

 private:
  struct Open {
    int module;
    uint64_t module_span;  // 0: nobody told of the call
    uint32_t call;
    size_t entry;  // kNone for a call that the log has
    int first_child = kNoModule;
  };
  using Path = std::vector<Open>;
  static constexpr size_t kNone = ~size_t{0};

  void Enter(const ModuleTree& tree, const Unit& unit, Path* open);
  void Push(int module, const Unit& unit, bool is_owner, Path* open);

  absl::flat_hash_map<int, uint32_t> counts_;  // in this step
  absl::flat_hash_map<int, bool> told_;
  absl::flat_hash_map<uint32_t, Path> open_;  // by thread
  std::vector<Entry> entries_;
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_MODULES_MODULE_CALLS_H_
