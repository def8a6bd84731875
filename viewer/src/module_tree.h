#ifndef TORCHTAPE_VIEWER_SRC_MODULE_TREE_H_
#define TORCHTAPE_VIEWER_SRC_MODULE_TREE_H_

// The modules of all attached models, and which storage is whose parameter.

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

  // Parents before children.
  const std::vector<Module>& modules() const { return modules_; }

  // The models as they are in the log.
  const std::vector<v1::Model>& models() const { return models_; }

  // Index of a module, or kNoModule.
  int Find(absl::string_view path) const;

  // The modules that own what is in a storage; null if nobody does.
  const std::vector<int>* OwnersOf(uint64_t storage) const;

  // Whether the storage holds a parameter, not only buffers.
  bool HoldsParameter(uint64_t storage) const;

  // Bytes of all parameters and buffers.
  uint64_t bytes() const { return bytes_; }

 private:
  struct Storage {
    std::vector<int> owners;
    bool parameter = false;
  };

  void Load(const v1::Model& model);
  void AddParameter(const v1::Parameter& parameter, int base);

  std::vector<v1::Model> models_;
  std::vector<Module> modules_;
  absl::flat_hash_map<std::string, int> by_path_;
  absl::flat_hash_map<uint64_t, Storage> storages_;
  uint64_t bytes_ = 0;
};

// Product of the sizes; 0 if one of them makes no sense.
uint64_t ElementCount(const v1::TensorType& type);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_MODULE_TREE_H_
