#include "torch/optimizer_tap.h"

#include <ATen/core/Tensor.h>
#include <dlfcn.h>

#include <atomic>
#include <iterator>
#include <mutex>
#include <utility>

#include "core/import_slots.h"
#include "core/op_source.h"
#include "core/thread_recorder.h"
#include "torch/met_optimizers.h"
#include "torch/torch_facts.h"

namespace torchtape::internal {
namespace {

struct Optimizer {
  const char* symbol;
  const char* range;
  const char* type;
};
constexpr Optimizer kOptimizers[] = {
    {"_ZN5torch5optim3SGD4stepESt8functionIFN2at6TensorEvEE",
     "Optimizer.step#SGD.step", "SGD"},
    {"_ZN5torch5optim4Adam4stepESt8functionIFN2at6TensorEvEE",
     "Optimizer.step#Adam.step", "Adam"},
    {"_ZN5torch5optim5AdamW4stepESt8functionIFN2at6TensorEvEE",
     "Optimizer.step#AdamW.step", "AdamW"},
    {"_ZN5torch5optim7RMSprop4stepESt8functionIFN2at6TensorEvEE",
     "Optimizer.step#RMSprop.step", "RMSprop"},
    {"_ZN5torch5optim7Adagrad4stepESt8functionIFN2at6TensorEvEE",
     "Optimizer.step#Adagrad.step", "Adagrad"},
    {"_ZN5torch5optim5LBFGS4stepESt8functionIFN2at6TensorEvEE",
     "Optimizer.step#LBFGS.step", "LBFGS"},
};
constexpr size_t kOptimizerCount = std::size(kOptimizers);

// Member functions, called as the platform calls those: with their object
// first. The closure is passed by address, and only passes through.
using Step = at::Tensor (*)(void* optimizer, void* closure);
Step original_steps[kOptimizerCount];

std::atomic<OptimizerWatcher> watcher{nullptr};
thread_local int depth = 0;  // steps inside steps

void Begin(const char* range, const void* site, ThreadRecorder* recorder,
           const void* key) {
  ThreadRecorder::Call call;
  call.key = key;
  call.watch_exceptions = false;
  call.in_libtorch = true;
  if (recorded.Times(DeviceTime::kModules)) {
    call.timed = ThreadRecorder::Call::kAlways;
  }
  try {
    KnownOperator* known = recorder->FindByText(SpanKind::kRange, range);
    if (known == nullptr) known = recorder->AddByText(SpanKind::kRange, range);
    if (known != nullptr) {
      recorder->values().Clear();
      call.signature = recorder->SignatureOf(
          known->id, reinterpret_cast<uintptr_t>(site), false);
    }
  } catch (...) {
    // No memory for a new name: the span is dropped and counted.
  }
  recorder->Begin(call);
}

// Ends the span when the step is over, or has thrown.
class StepCall {
 public:
  StepCall(const Optimizer& kind, const void* optimizer,
           const void* site) noexcept
      : optimizer_(optimizer), recorder_(ThreadRecorder::Current()) {
    ++depth;
    if (recorder_ == nullptr) return;
    MeetOptimizer(*static_cast<const torch::optim::Optimizer*>(optimizer),
                  kind.type, recorder_);
    Begin(kind.range, site, recorder_, this);
  }
  ~StepCall() {
    const uint64_t ticks = Ticks();
    --depth;
    if (recorder_ != nullptr && recorder_ == ThreadRecorder::Current()) {
      if (ended_) {
        recorder_->End(this, ticks, 0, false);
      } else {
        recorder_->EndThrown(this, ticks);
      }
    }
    const OptimizerWatcher told = watcher.load(std::memory_order_acquire);
    if (ended_ && depth == 0 && told != nullptr) {
      told(reinterpret_cast<uintptr_t>(optimizer_));
    }
  }
  void End() noexcept { ended_ = true; }

 private:
  const void* optimizer_;
  ThreadRecorder* recorder_;  // null: nothing is recorded
  bool ended_ = false;
};

template <size_t number>
at::Tensor OnStep(void* optimizer, void* closure) {
  StepCall call(kOptimizers[number], optimizer, __builtin_return_address(0));
  at::Tensor loss = original_steps[number](optimizer, closure);
  call.End();
  return loss;
}

template <size_t... numbers>
const Step* Wrappers(std::index_sequence<numbers...>) {
  static constexpr Step wrappers[] = {&OnStep<numbers>...};
  return wrappers;
}

class OptimizerTaps {
 public:
  static OptimizerTaps& Get() {
    static OptimizerTaps* const taps = new OptimizerTaps;
    return *taps;
  }

  void Hold() {
    std::lock_guard<std::mutex> lock(mutex_);
    if (holders_++ == 0) slots_.Place();
  }
  void Release() {
    std::lock_guard<std::mutex> lock(mutex_);
    if (--holders_ == 0) slots_.PutBack();
  }
  void Refresh() {
    std::lock_guard<std::mutex> lock(mutex_);
    if (holders_ != 0 && slots_.OutOfDate()) slots_.Place();
  }

 private:
  OptimizerTaps() {
    void* const library = TorchLibrary();
    if (library == nullptr) return;
    const Step* const wrappers =
        Wrappers(std::make_index_sequence<kOptimizerCount>());
    for (size_t i = 0; i < kOptimizerCount; ++i) {
      void* const step = dlsym(library, kOptimizers[i].symbol);
      if (step == nullptr) continue;
      original_steps[i] = reinterpret_cast<Step>(step);
      slots_.ReplaceVirtual(kOptimizers[i].symbol, step,
                            reinterpret_cast<const void*>(wrappers[i]));
    }
  }

  std::mutex mutex_;  // never held while a step is made
  ImportSlots slots_;
  int holders_ = 0;
};

}  // namespace

void HoldOptimizerTaps() { OptimizerTaps::Get().Hold(); }

void ReleaseOptimizerTaps() { OptimizerTaps::Get().Release(); }

void RefreshOptimizerTaps() { OptimizerTaps::Get().Refresh(); }

void SetOptimizerWatcher(OptimizerWatcher to) {
  watcher.store(to, std::memory_order_release);
}

}  // namespace torchtape::internal
