#include "torch/script_tap.h"

#include "torch/callbacks_beside_taps.h"

namespace torchtape::internal {
namespace {

// Member functions that take a stack of values, called as the platform calls
// those: with their object first.
using Run = void (*)(void* object, void* stack);
Run next[kScriptFunctionCount];

template <size_t function>
void OnRun(void* object, void* stack) {
  CallbacksBesideTaps::WatchScopes();
  next[function](object, stack);
}

constexpr Run kWrappers[kScriptFunctionCount] = {&OnRun<0>, &OnRun<1>};

}  // namespace

const char* const kScriptFunctions[kScriptFunctionCount] = {
    "_ZN5torch3jit13GraphFunction3runERSt6vectorIN3c106IValueESaIS4_EE",
    "_ZN5torch3jit13GraphExecutor3runERSt6vectorIN3c106IValueESaIS4_EE",
};

const void* ScriptTap(size_t function, void* target) {
  next[function] = reinterpret_cast<Run>(target);
  return reinterpret_cast<const void*>(kWrappers[function]);
}

}  // namespace torchtape::internal
