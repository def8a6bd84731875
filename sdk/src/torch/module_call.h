#ifndef TORCHTAPE_SDK_TORCH_MODULE_CALL_H_
#define TORCHTAPE_SDK_TORCH_MODULE_CALL_H_

// A call of a module as a span. Who tells of it: a scope of the program's
// (torchtape/module.h) or a tap (module_taps.h). Where both tell of the same
// call, the inner one sees that the outer one has told, and is silent.

#include <cstddef>
#include <cstdint>

namespace torch {
namespace nn {
class Module;
}
}  // namespace torch

namespace torchtape::internal {

struct CallFrame;
class ThreadRecorder;

// From the outside to the inside of one call. A holder stands where the module
// is called; a scope stands in its forward; a tap before LibTorch's forward.
enum class ModuleTeller { kHolder, kScope, kTap };

// Whether scopes and holders tell: while a step is recorded.
void RecordModuleScopes(bool on);

// What ThreadRecorder::End() knows the span by: an address inside the module,
// one for each teller.
inline const void* KeyOf(const torch::nn::Module& module, ModuleTeller teller) {
  return reinterpret_cast<const char*>(&module) + static_cast<size_t>(teller);
}

// Begins the span of the call that has this frame. False if none begins,
// because nothing is recorded or the same call is being told already.
// `watch_exceptions`: as in ThreadRecorder::Call.
bool BeginModule(const torch::nn::Module& module, ModuleTeller teller,
                 const CallFrame* frame, bool watch_exceptions) noexcept;

// One call of a tapped module. Ends with its destructor at the latest, so that
// an exception passes through unharmed and is told of.
class ModuleCall {
 public:
  ModuleCall(const torch::nn::Module& module, const CallFrame* frame) noexcept {
    if (BeginModule(module, ModuleTeller::kTap, frame, false)) {
      key_ = KeyOf(module, ModuleTeller::kTap);
    }
  }
  void End() noexcept {
    if (key_ != nullptr) EndModule(false);
  }
  ~ModuleCall() {
    if (__builtin_expect(key_ != nullptr, 0)) EndModule(true);
  }

  ModuleCall(const ModuleCall&) = delete;
  ModuleCall& operator=(const ModuleCall&) = delete;

 private:
  void EndModule(bool threw) noexcept;

  const void* key_ = nullptr;  // null: not recorded, or ended
};

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_TORCH_MODULE_CALL_H_
