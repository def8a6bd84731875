#ifndef TORCHTAPE_SDK_TORCH_SCRIPT_TAP_H_
#define TORCHTAPE_SDK_TORCH_SCRIPT_TAP_H_

// The tap before a TorchScript function runs. Its interpreter calls operators
// where no tap is, so callbacks are asked for.

#include <cstddef>

namespace torchtape::internal {

// Functions of LibTorch that run TorchScript, by their mangled names.
inline constexpr size_t kScriptFunctionCount = 2;
extern const char* const kScriptFunctions[kScriptFunctionCount];

// Remembers where calls of one of them go on, and returns its wrapper.
const void* ScriptTap(size_t function, void* next);

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_TORCH_SCRIPT_TAP_H_
