#ifndef TORCHTAPE_SDK_TORCH_NODE_TAP_H_
#define TORCHTAPE_SDK_TORCH_NODE_TAP_H_

// The tap around each node of a backward pass: autograd's engine evaluates
// nodes by a function that is called through an import slot.

namespace torchtape::internal {

// Mangled name of the engine's function.
extern const char kEvaluateFunction[];

// Libraries were unloaded: other types of nodes may lie where known ones did.
void ForgetVtables();

// Remembers where the calls go on, and returns the wrapper.
const void* NodeTap(void* next);

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_TORCH_NODE_TAP_H_
