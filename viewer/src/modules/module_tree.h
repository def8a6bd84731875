#ifndef TORCHTAPE_VIEWER_SRC_MODULES_MODULE_TREE_H_
#define TORCHTAPE_VIEWER_SRC_MODULES_MODULE_TREE_H_

// The modules of all models, and which storage is whose parameter.
//
// An index stays that of its module for good: a model that is told of again
// changes what is known of its modules, adds new ones, and removes none.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "torchtape/v1/tape.pb.h"

namespace torchtape::viewer {

inline constexpr int kNoModule = -1;

struct Module {
  std::string path;
  std::string type;
  int parent = kNoModule;
  int depth = 0;
  bool training = false;
  bool attached = true;  // false: known only from its calls
  // Elements and bytes; a shared parameter counts once. The own ones, then
  // those of the whole subtree. `bytes` includes buffers.
  uint64_t own_parameters = 0;
  uint64_t parameters = 0;
  uint64_t bytes = 0;
};

class ModuleTree {
 public:
  // A model of a name that is already known replaces what is known of it.
  void Add(const v1::Model& model);

  // A module that is called but is in no model, with a path that is not known
  // yet: its parent is the module that called it first.
  int AddCalled(const std::string& path, const std::string& type, int parent);

  // By index.
  const std::vector<Module>& modules() const { return modules_; }

  // The indices as one reads the tree: each module before its children.
  std::vector<int> Order() const;

  // The models as they are in the log.
  const std::vector<v1::Model>& models() const { return models_; }

  // Index of a module, or kNoModule.
  int Find(absl::string_view path) const;

  // The modules of a type, as "Net" or "torch::nn::LinearImpl".
  const std::vector<int>& OfType(absl::string_view type) const;

  // The nearest module that holds both, itself among them; kNoModule if none
  // does or one of them is kNoModule.
  int CommonOf(int a, int b) const;

  // Whether `module` is `outer` or within it.
  bool IsWithin(int module, int outer) const {
    return outer != kNoModule && CommonOf(module, outer) == outer;
  }

  // The nearest module that holds all that own what is in a storage; kNoModule
  // if nobody does.
  int OwnerOf(uint64_t storage) const {
    const auto it = storages_.find(storage);
    return it == storages_.end() ? kNoModule : it->second.owner;
  }

  // Whether the storage holds a parameter, not only buffers.
  bool HoldsParameter(uint64_t storage) const {
    const auto it = storages_.find(storage);
    return it != storages_.end() && it->second.parameter;
  }

  // Bytes of all parameters and buffers.
  uint64_t bytes() const { return bytes_; }

  // Grows with each change of the tree. What OfType() returned is of use for
  // as long as this stays.
  uint64_t revision() const { return revision_; }

 private:
  struct Storage {
    int owner = kNoModule;
    bool parameter = false;
  };

  int IndexOf(const std::string& path);
  std::vector<int> LoadModules(const v1::Model& model);
  void LoadParameters(const v1::Model& model);
  void AddParameter(const v1::Parameter& parameter,
                    const std::vector<int>& indices);
  void AddStorage(const v1::Parameter& parameter,
                  const std::vector<int>& owners);
  void Arrange();

  std::vector<v1::Model> models_;
  std::vector<Module> modules_;
  absl::flat_hash_map<std::string, int> by_path_;
  absl::flat_hash_map<std::string, std::vector<int>> by_type_;
  absl::flat_hash_map<uint64_t, Storage> storages_;
  uint64_t bytes_ = 0;
  uint64_t revision_ = 0;
};

// Its name in the module that holds it; its path if none does.
std::string NameOf(const Module& module);

// "Linear" of "torch::nn::LinearImpl".
absl::string_view ShortType(absl::string_view type);

// Product of the sizes; 0 if one of them makes no sense.
uint64_t ElementCount(const v1::TensorType& type);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_MODULES_MODULE_TREE_H_
