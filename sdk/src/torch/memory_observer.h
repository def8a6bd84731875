#ifndef TORCHTAPE_SDK_TORCH_MEMORY_OBSERVER_H_
#define TORCHTAPE_SDK_TORCH_MEMORY_OBSERVER_H_

// Sees every allocation and free of CPU memory on every thread, by standing in
// front of LibTorch's CPU allocator. Does not touch the memory or its address;
// works beside Kineto, which is told by the allocator behind.

#include "absl/status/status.h"

namespace torchtape::internal {

// Whether allocations can be observed: fails with Unimplemented if the
// program's CPU allocator has no deleter of its own that could be followed, or
// another than at the first time.
absl::Status CheckMemoryObserver();

// Does nothing where CheckMemoryObserver() fails.
void InstallMemoryObserver();

// Memory that was allocated in between is still freed through the observer,
// which then only passes it on.
void RemoveMemoryObserver();

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_TORCH_MEMORY_OBSERVER_H_
