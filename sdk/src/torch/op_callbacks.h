#ifndef TORCHTAPE_SDK_TORCH_OP_CALLBACKS_H_
#define TORCHTAPE_SDK_TORCH_OP_CALLBACKS_H_

// Operators, backward nodes, ranges and TorchScript functions through
// LibTorch's RecordFunction: works on every build, and costs what
// RecordFunction costs.

#include <memory>

#include "core/op_source.h"

namespace torchtape::internal {

std::unique_ptr<OpSource> MakeOpCallbacks();

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_TORCH_OP_CALLBACKS_H_
