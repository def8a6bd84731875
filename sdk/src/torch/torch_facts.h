#ifndef TORCHTAPE_SDK_TORCH_TORCH_FACTS_H_
#define TORCHTAPE_SDK_TORCH_TORCH_FACTS_H_

#include <cstdint>

#include "core/model_facts.h"

namespace torchtape::internal {

// What LibTorch says of itself.
TorchFacts ReadTorchFacts();

// LibTorch's number of the calling thread: backward nodes tell of the thread
// that made them by it.
uint64_t CurrentTorchThread();

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_TORCH_TORCH_FACTS_H_
