#ifndef TORCHTAPE_SDK_CORE_MODEL_FACTS_H_
#define TORCHTAPE_SDK_CORE_MODEL_FACTS_H_

// What the files that see LibTorch's headers hand to those that see protobuf's,
// as plain values. LibTorch ships headers of a protobuf of its own, so no file
// may see both.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace torchtape::internal {

struct ModuleFacts {
  std::string path;
  std::string type;  // as typeid() calls it in source, or as TorchScript does
  uint32_t parent = 0;  // 1-based index; 0 for the root
  bool training = false;
  // Which module it is, of the program's own; null for one of TorchScript.
  const void* address = nullptr;
  std::weak_ptr<const void> instance;
  bool owned = false;  // a shared_ptr owns it, so `instance` tells
};

struct ParameterFacts {
  std::string path;
  std::vector<std::string> aliases;  // further paths of the same tensor
  uint32_t module = 0;               // 1-based index of the owner
  bool buffer = false;
  bool defined = false;  // the rest only if so
  uint64_t tensor_address = 0;
  uint64_t memory_address = 0;
  uint64_t bytes = 0;
  uint32_t dtype = 0;
  uint32_t device_type = 0;
  int32_t device_index = -1;
  uint32_t layout = 0;
  bool requires_grad = false;
  std::vector<int64_t> sizes;
  std::vector<int64_t> strides;
  bool strided = false;  // `strides` is meant: the tensor is not contiguous
  int64_t offset = 0;
};

// Parents come before their children.
struct ModelFacts {
  std::string name;
  bool optimizer = false;  // its modules are its class, and its groups in that
  std::vector<ModuleFacts> modules;
  std::vector<ParameterFacts> parameters;
};

struct TorchFacts {
  std::string version;
  std::string build;
};

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_CORE_MODEL_FACTS_H_
