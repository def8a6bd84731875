#ifndef TORCHTAPE_VIEWER_SRC_TOTALS_SAVED_TOTALS_H_
#define TORCHTAPE_VIEWER_SRC_TOTALS_SAVED_TOTALS_H_

// Adds up what autograd keeps for the backward pass: activations. Each storage
// counts once a step, however many nodes keep it and however many tensors lie
// in it, for the module that made it; parameters, and what existed before the
// step, do not count. What is kept of views and of broadcast tensors is the
// whole storage, since that is what stays in memory.

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "modules/module_tree.h"

namespace torchtape::viewer {

class SavedTotals {
 public:
  // A storage of this step is kept. `module` made it; kNoModule: nobody knows.
  void Save(const ModuleTree& tree, uint64_t storage, uint64_t bytes,
            int module);
  void StartStep();

  // The most of a step, in bytes: of a module with those inside of it, and of
  // all. Absent if nothing was kept.
  std::optional<uint64_t> Of(int module) const;
  std::optional<uint64_t> all() const;

 private:
  struct Sum {
    uint64_t now = 0;  // in this step
    uint64_t most = 0;
    void Add(uint64_t bytes);
  };

  std::vector<Sum> modules_;
  Sum all_;
  absl::flat_hash_set<uint64_t> counted_;  // storages, in this step
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_TOTALS_SAVED_TOTALS_H_
