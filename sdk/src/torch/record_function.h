#ifndef TORCHTAPE_SDK_TORCH_RECORD_FUNCTION_H_
#define TORCHTAPE_SDK_TORCH_RECORD_FUNCTION_H_

// What LibTorch's RecordFunction tells of a call, as the span that is recorded.

#include <ATen/record_function.h>

#include <memory>

namespace torchtape::internal {

// Callbacks for RecordFunction, for calls of every scope. They record nothing
// on threads that do not, let no exception into LibTorch, and keep no context:
// BeginSpan() returns null.
std::unique_ptr<at::ObserverContext> BeginSpan(
    const at::RecordFunction& function);
void EndSpan(const at::RecordFunction& function, at::ObserverContext* context);

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_TORCH_RECORD_FUNCTION_H_
