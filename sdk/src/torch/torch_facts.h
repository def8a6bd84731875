#ifndef TORCHTAPE_SDK_TORCH_TORCH_FACTS_H_
#define TORCHTAPE_SDK_TORCH_TORCH_FACTS_H_

#include <cstdint>

#include "core/model_facts.h"

namespace torchtape::internal {

// What LibTorch says of itself.
TorchFacts ReadTorchFacts();

// LibTorch's list of callbacks is made when it is first used, and destroyed at
// exit before what was made earlier. Exit handlers that remove a callback are
// registered after this.
void MakeCallbackList();

// The library with LibTorch's functions, as dlsym() wants it: a program may
// have loaded it for itself alone. Null if it is static.
void* TorchLibrary();

// LibTorch's number of the calling thread: backward nodes tell of the thread
// that made them by it.
uint64_t CurrentTorchThread();

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_TORCH_TORCH_FACTS_H_
