#ifndef TORCHTAPE_SDK_TORCH_MODULE_TREE_H_
#define TORCHTAPE_SDK_TORCH_MODULE_TREE_H_

// A model's modules, parameters and buffers as plain values, and an optimizer's
// groups of parameters.

#include "absl/strings/string_view.h"
#include "core/model_facts.h"

namespace torch {
namespace nn {
class Module;
}
namespace jit {
struct Module;
}
namespace optim {
class Optimizer;
}
}  // namespace torch

namespace torchtape::internal {

// Modules and tensors that are reached twice are described once. May throw what
// LibTorch throws.
ModelFacts DescribeModel(const torch::nn::Module& model,
                         absl::string_view name);
ModelFacts DescribeModel(const torch::jit::Module& model,
                         absl::string_view name);

// The root is the optimizer, of `type`; inside of it are its groups, "0", "1".
ModelFacts DescribeOptimizer(const torch::optim::Optimizer& optimizer,
                             absl::string_view name, absl::string_view type);

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_TORCH_MODULE_TREE_H_
