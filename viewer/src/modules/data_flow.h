#ifndef TORCHTAPE_VIEWER_SRC_MODULES_DATA_FLOW_H_
#define TORCHTAPE_VIEWER_SRC_MODULES_DATA_FLOW_H_

// Infers the module of an op that nothing else tells from the tensors that it
// reads and makes: the nearest module that holds both those who made what it
// reads and those who read what it makes. An op of which one side is not known,
// such as a loss, has no module.
//
// What nothing but an optimizer's ops reads is the optimizer's.

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "modules/unit.h"

namespace torchtape::viewer {

class DataFlow {
 public:
  // Units are numbered by their place in the vector that Infer() is given.
  void AddReads(uint32_t unit, absl::Span<const format::TensorId> tensors);
  void AddMakes(uint32_t unit, absl::Span<const format::TensorId> tensors);

  // The unit that made the first of these tensors that has a maker; else -1.
  int64_t MakerOf(absl::Span<const format::TensorId> tensors) const;

  // Gives an owner to those units of the forward pass that have none yet and
  // are of `first` or later.
  void Infer(const ModuleTree& tree, size_t first, std::vector<Unit>* units);

  void Clear();

 private:
  int64_t MakerOf(const format::TensorId& tensor) const;
  int Side(const ModuleTree& tree, int a, int b) const;
  void LookBack(const ModuleTree& tree, const std::vector<Unit>& units);
  void LookAhead(const ModuleTree& tree, size_t first,
                 std::vector<Unit>* units);

  absl::flat_hash_map<uint64_t, uint32_t> by_tensor_, by_storage_;
  // From who made to who reads, in the order of the latter.
  std::vector<std::pair<uint32_t, uint32_t>> edges_;
  // By unit: where what it reads comes from, where what it makes goes to.
  std::vector<int> from_, to_;
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_MODULES_DATA_FLOW_H_
