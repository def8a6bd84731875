#include "modules/data_flow.h"

namespace torchtape::viewer {
namespace {

// Beside the modules: no neighbour is known, or they have no module in common.
constexpr int kUnknown = kNoModule;
constexpr int kApart = -2;

bool IsForward(const Unit& unit) {
  return !unit.backward && !unit.owner.optimizer;
}

// A side of a unit is what its neighbours there say: those that have an owner,
// or, where none has, what is behind the others. What a residual connection
// brings from far away does not count beside what a module made just before.
int Nearest(int told, int behind) { return told != kUnknown ? told : behind; }

}  // namespace

int64_t DataFlow::MakerOf(const format::TensorId& tensor) const {
  auto it = by_tensor_.find(tensor.tensor);
  if (it != by_tensor_.end()) return it->second;
  // A view that no op was seen to make.
  it = by_storage_.find(tensor.storage);
  return it == by_storage_.end() ? -1 : int64_t{it->second};
}

int64_t DataFlow::MakerOf(absl::Span<const format::TensorId> tensors) const {
  for (const format::TensorId& tensor : tensors) {
    const int64_t maker = MakerOf(tensor);
    if (maker >= 0) return maker;
  }
  return -1;
}

void DataFlow::AddReads(uint32_t unit,
                        absl::Span<const format::TensorId> tensors) {
  for (const format::TensorId& tensor : tensors) {
    const int64_t maker = MakerOf(tensor);
    if (maker >= 0) edges_.emplace_back(static_cast<uint32_t>(maker), unit);
  }
}

void DataFlow::AddMakes(uint32_t unit,
                        absl::Span<const format::TensorId> tensors) {
  for (const format::TensorId& tensor : tensors) {
    if (tensor.tensor != 0) by_tensor_[tensor.tensor] = unit;
    if (tensor.storage != 0) by_storage_[tensor.storage] = unit;
  }
}

int DataFlow::Side(const ModuleTree& tree, int a, int b) const {
  if (a == kUnknown) return b;
  if (b == kUnknown) return a;
  if (a == kApart || b == kApart) return kApart;
  const int common = tree.CommonOf(a, b);
  return common == kNoModule ? kApart : common;
}

// An op that reads nothing, such as `arange`, comes from where its thread was.
void DataFlow::LookBack(const ModuleTree& tree,
                        const std::vector<Unit>& units) {
  absl::flat_hash_map<uint32_t, int> before;  // by thread
  auto edge = edges_.begin();
  for (uint32_t i = 0; i < units.size(); ++i) {
    const Unit& unit = units[i];
    if (!IsForward(unit)) {
      before[unit.thread] = kUnknown;
      continue;
    }
    int told = kUnknown, behind = kUnknown;
    while (edge != edges_.end() && edge->second < i) ++edge;
    for (; edge != edges_.end() && edge->second == i; ++edge) {
      const Unit& maker = units[edge->first];
      if (!IsForward(maker)) continue;
      if (maker.owner.known()) {
        told = Side(tree, told, maker.owner.module);
      } else {
        behind = Side(tree, behind, from_[edge->first]);
      }
    }
    from_[i] = Nearest(told, behind);
    if (unit.owner.known()) {
      before[unit.thread] = unit.owner.module;
    } else if (!unit.reads_tensors) {
      from_[i] = before.try_emplace(unit.thread, kUnknown).first->second;
    }
  }
}

// All who read what a unit makes come after it: when it is reached, they are
// done.
void DataFlow::LookAhead(const ModuleTree& tree, size_t first,
                         std::vector<Unit>* units) {
  std::vector<bool> feeds_optimizer(units->size()), feeds_others(units->size());
  std::vector<int> told(units->size(), kUnknown);
  std::vector<int>& behind = to_;
  auto edge = edges_.rbegin();
  for (uint32_t i = static_cast<uint32_t>(units->size()); i-- > 0;) {
    Unit& unit = (*units)[i];
    to_[i] = Nearest(told[i], behind[i]);
    const bool stray = from_[i] == kUnknown && to_[i] == kUnknown;
    if (i >= first && !unit.owner.known() && stray && feeds_optimizer[i] &&
        !feeds_others[i]) {
      unit.owner = {kNoModule, ModuleSource::kInferred, true};
    }
    for (; edge != edges_.rend() && edge->second == i; ++edge) {
      const uint32_t maker = edge->first;
      if (unit.owner.optimizer) {
        feeds_optimizer[maker] = true;
        continue;
      }
      feeds_others[maker] = true;
      if (unit.backward) continue;
      if (unit.owner.known()) {
        told[maker] = Side(tree, told[maker], unit.owner.module);
      } else {
        behind[maker] = Side(tree, behind[maker], to_[i]);
      }
    }
  }
}

void DataFlow::Infer(const ModuleTree& tree, size_t first,
                     std::vector<Unit>* units) {
  from_.assign(units->size(), kUnknown);
  to_.assign(units->size(), kUnknown);
  LookBack(tree, *units);
  LookAhead(tree, first, units);
  for (size_t i = first; i < units->size(); ++i) {
    Unit& unit = (*units)[i];
    if (unit.backward || unit.owner.known()) continue;
    if (unit.parameter_module != kNoModule &&
        (from_[i] != kUnknown || to_[i] != kUnknown)) {
      unit.owner = {unit.parameter_module, ModuleSource::kParameter, false};
    } else if (from_[i] >= 0 && to_[i] >= 0) {
      const int common = tree.CommonOf(from_[i], to_[i]);
      if (common != kNoModule) {
        unit.owner = {common, ModuleSource::kInferred, false};
      }
    }
    unit.leaves = !unit.owner.known() && from_[i] != kUnknown;
  }
}

// The next step is likely to have as many.
void DataFlow::Clear() {
  const size_t tensors = by_tensor_.size(), storages = by_storage_.size();
  by_tensor_.clear();
  by_tensor_.reserve(tensors);
  by_storage_.clear();
  by_storage_.reserve(storages);
  edges_.clear();
}

}  // namespace torchtape::viewer
