#include "torch/torch_facts.h"

#include <ATen/Version.h>
#include <ATen/record_function.h>
#include <torch/version.h>

namespace torchtape::internal {

TorchFacts ReadTorchFacts() { return {TORCH_VERSION, at::show_config()}; }

uint64_t CurrentTorchThread() { return at::RecordFunction::currentThreadId(); }

}  // namespace torchtape::internal
