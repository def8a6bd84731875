#include "torchtape/module.h"

#include "core/thread_recorder.h"
#include "torch/module_call.h"

namespace torchtape {

std::atomic<bool> internal::module_calls_recorded{false};

void internal::RecordModuleScopes(bool on) { module_calls_recorded = on; }

using internal::ModuleTeller;
using internal::ThreadRecorder;

// Not inlined, so that the call site is the program's.
__attribute__((noinline)) void ModuleScope::Begin(
    const torch::nn::Module& module, bool by_holder) noexcept {
  const ModuleTeller teller =
      by_holder ? ModuleTeller::kHolder : ModuleTeller::kScope;
  if (internal::BeginModule(module, teller, __builtin_return_address(0),
                            /*watch_exceptions=*/true)) {
    key_ = internal::KeyOf(module, teller);
  }
}

void ModuleScope::End() noexcept {
  const uint64_t ticks = internal::Ticks();
  if (ThreadRecorder* recorder = ThreadRecorder::Current()) {
    recorder->End(key_, ticks, /*signature=*/0, /*identities=*/false);
  }
}

}  // namespace torchtape
