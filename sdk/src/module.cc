#include "torchtape/module.h"

#include "core/call_paths.h"
#include "core/thread_recorder.h"
#include "torch/module_call.h"

namespace torchtape {

std::atomic<bool> internal::module_calls_recorded{false};

void internal::RecordModuleScopes(bool on) { module_calls_recorded = on; }

using internal::ModuleTeller;
using internal::ThreadRecorder;

// Not inlined, so that the frame is its own.
__attribute__((noinline)) void ModuleScope::Begin(
    const torch::nn::Module& module, bool by_holder) noexcept {
  const ModuleTeller teller =
      by_holder ? ModuleTeller::kHolder : ModuleTeller::kScope;
  const auto* frame = internal::CallFrame::At(__builtin_frame_address(0));
  if (internal::BeginModule(module, teller, frame, /*watch_exceptions=*/true)) {
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
