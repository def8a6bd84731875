#ifndef TORCHTAPE_SDK_CORE_MODULE_NAMES_H_
#define TORCHTAPE_SDK_CORE_MODULE_NAMES_H_

// What module calls are named after: a module's path in the attached model that
// it belongs to; else its type and a number, "Linear#2".
//
// A module is known by its address, and that it is the same by who owns it: a
// module that was attached and is gone has no say about what lies at its
// address now. Of a module that no shared_ptr owns, only its type is compared.
//
// There is one in a process. Threads ask it once for each module they meet;
// what it answers holds until `version()` changes.

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "core/model_facts.h"

namespace torchtape::internal {

struct ModuleName {
  std::string path;  // "model.fc", or "Linear#2"
  std::string type;  // "Linear"
};

// "Linear" of "torch::nn::LinearImpl".
absl::string_view ShortTypeName(absl::string_view type);

class ModuleNames {
 public:
  static ModuleNames& Get();

  // Takes the place of what was attached under this name before. Of a module in
  // several models, the one that was attached first names it.
  void Attach(const ModelFacts& model);

  // The name of the module at `address`. `type` as typeid() calls it in source.
  ModuleName Find(const void* address, absl::string_view type);

  // Forgets everything: a recording is over. Memory that was kept of modules
  // that are gone is given back.
  void Clear();

  // From any thread, without a lock.
  uint64_t version() const { return version_.load(std::memory_order_relaxed); }

 private:
  struct Attached {
    std::string path;
    std::string type;  // as Find() is given it
    std::weak_ptr<const void> instance;
    bool owned;
  };
  struct Model {
    std::string name;
    absl::flat_hash_map<const void*, Attached> modules;
  };

  const Attached* FindAttached(const void* address, absl::string_view type);

  std::atomic<uint64_t> version_{1};
  std::mutex mutex_;
  std::vector<Model> models_;
  // Modules of no model: the number that each has among those of its type.
  absl::flat_hash_map<std::pair<const void*, std::string>, uint32_t> numbers_;
  absl::flat_hash_map<std::string, uint32_t> counts_;
};

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_CORE_MODULE_NAMES_H_
