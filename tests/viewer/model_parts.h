#ifndef TORCHTAPE_TESTS_VIEWER_MODEL_PARTS_H_
#define TORCHTAPE_TESTS_VIEWER_MODEL_PARTS_H_

// What a test's model is made of.

#include <cstdint>
#include <string>
#include <vector>

#include "torchtape/v1/tape.pb.h"

namespace torchtape::viewer {

// `parent` is the number of a module of the model, from 1; 0 for none.
inline v1::Module NewModule(const std::string& path, const std::string& type,
                            uint32_t parent) {
  v1::Module module;
  module.set_path(path);
  module.set_type(type);
  module.set_parent(parent);
  return module;
}

// Of 4 bytes an element, alone in a storage; `id` is the tensor's and the
// storage's.
inline v1::Parameter NewParameter(const std::string& path, uint32_t module,
                                  uint64_t id,
                                  const std::vector<int64_t>& sizes = {10}) {
  v1::Parameter parameter;
  parameter.set_path(path);
  parameter.set_module(module);
  parameter.set_tensor(id);
  parameter.set_storage(id);
  parameter.set_defined(true);
  parameter.mutable_type()->set_dtype(6);  // float
  uint64_t bytes = 4;
  for (int64_t size : sizes) {
    parameter.mutable_type()->add_sizes(size);
    bytes *= static_cast<uint64_t>(size);
  }
  parameter.set_bytes(bytes);
  return parameter;
}

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_TESTS_VIEWER_MODEL_PARTS_H_
