#ifndef TORCHTAPE_SDK_TORCH_MODULE_TAPS_H_
#define TORCHTAPE_SDK_TORCH_MODULE_TAPS_H_

// Taps on the modules that LibTorch comes with: wrappers of every
// `torch::nn::XImpl::forward` that it exports. The list is generated for the
// LibTorch at hand (cmake/TorchtapeModuleTaps.cmake); the types are those of
// its headers.

#include <cstddef>
#include <cstdint>
#include <utility>

#include "core/call_paths.h"
#include "torch/module_call.h"

namespace torchtape::internal {

class ImportSlots;

struct ModuleTap {
  const char* symbol;  // mangled: it encodes the types
  const void* wrapper;
  void** next;  // where the calls go on: LibTorch's function
};

// Generated.
extern const ModuleTap* const kModuleTaps;
extern const size_t kModuleTapCount;

// Asks for the taps of all functions that `library` has, a handle of dlopen().
void AddModuleTaps(void* library, ImportSlots* slots);

// Of one member function. `number` is its own: several have the same type.
template <typename Method, uint32_t number>
struct ModuleWrapper;

template <typename Class, typename Result, typename... Arguments,
          uint32_t number>
struct ModuleWrapper<Result (Class::*)(Arguments...), number> {
  static void* next;

  // Member functions are called with their object first.
  static Result Call(Class* self, Arguments... arguments) {
    ModuleCall call(*self, CallFrame::At(__builtin_frame_address(0)));
    Result result = reinterpret_cast<Result (*)(Class*, Arguments...)>(next)(
        self, std::forward<Arguments>(arguments)...);
    call.End();
    return result;
  }
};

template <typename Class, typename Result, typename... Arguments,
          uint32_t number>
void* ModuleWrapper<Result (Class::*)(Arguments...), number>::next = nullptr;

template <typename Class, typename Result, typename... Arguments,
          uint32_t number>
struct ModuleWrapper<Result (Class::*)(Arguments...) const, number>
    : ModuleWrapper<Result (Class::*)(Arguments...), number> {};

#define TORCHTAPE_MODULE_TAP(type, function, number, symbol)               \
  {                                                                        \
    symbol,                                                                \
        reinterpret_cast<const void*>(                                     \
            &ModuleWrapper<decltype(&torch::nn::type::function),           \
                           number>::Call),                                 \
        &ModuleWrapper<decltype(&torch::nn::type::function), number>::next \
  }

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_TORCH_MODULE_TAPS_H_
