#ifndef TORCHTAPE_VIEWER_SRC_MODULES_PARAMETER_USE_H_
#define TORCHTAPE_VIEWER_SRC_MODULES_PARAMETER_USE_H_

// Which modules' parameters and buffers an op reads or changes. A view has the
// storage of what it looks at, so it is the same parameter.

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "modules/module_tree.h"
#include "replay/visitor.h"

namespace torchtape::viewer {

struct ParameterUse {
  // The nearest module that holds all of them; kNoModule if it reads none.
  int module = kNoModule;
  bool changes = false;  // writes to a parameter, not only to buffers
  bool only = false;     // reads nothing else
};

class ParameterUses {
 public:
  // `tree` must outlive this.
  explicit ParameterUses(const ModuleTree* tree) : tree_(*tree) {}

  ParameterUse Of(const Operator& op, const Values& inputs);

  // What the op made from nothing but parameters stands for them, such as a
  // weight of another type. Call it when such an op has ended.
  void NoteDerived(int module, const Values& outputs);

  // Forgets what was derived: to be called at each step.
  void Age() { derived_.clear(); }

 private:
  int OwnerOf(uint64_t storage) const;
  bool ChangesParameter(const Operator& op, const Values& inputs);
  const std::vector<bool>& WrittenBy(const Operator& op);

  const ModuleTree& tree_;
  absl::flat_hash_map<uint64_t, int> derived_;  // by storage
  // By the operator's id: which arguments it writes to.
  absl::flat_hash_map<uint32_t, std::vector<bool>> written_;
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_MODULES_PARAMETER_USE_H_
