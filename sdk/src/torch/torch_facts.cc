#include "torch/torch_facts.h"

#include <ATen/Version.h>
#include <torch/version.h>

namespace torchtape::internal {

TorchFacts ReadTorchFacts() { return {TORCH_VERSION, at::show_config()}; }

}  // namespace torchtape::internal
