#include "torch/op_taps.h"

#include <ATen/core/dispatch/ObservedOperators.h>
#include <dlfcn.h>

#include "core/import_slots.h"
#include "core/thread_recorder.h"
#include "torch/callbacks_beside_taps.h"
#include "torch/module_taps.h"
#include "torch/node_tap.h"
#include "torch/optimizer_tap.h"
#include "torch/script_tap.h"
#include "torch/tap.h"
#include "torch/torch_facts.h"

namespace torchtape::internal {

std::atomic<int> taps_announce{0};

namespace {

uint32_t CountTaps() {
  size_t count = 0;
  for (size_t i = 0; i < kTapTableCount; ++i) count += kTapTables[i]->count;
  return static_cast<uint32_t>(count);
}

class OpTaps : public OpSource {
 public:
  explicit OpTaps(uint64_t audit_every) : audit_every_(audit_every) {}

  // False if LibTorch's functions were not found.
  bool Prepare() {
    void* const library = TorchLibrary();
    if (library == nullptr) return false;
    // Without it, backward nodes would be missing from the log.
    void* const evaluate = dlsym(library, kEvaluateFunction);
    if (evaluate == nullptr) return false;
    bool any = false;
    for (uint32_t number = 0; number < CountTaps(); ++number) {
      const TapFacts& tap = TapAt(number);
      tap.tap->next = dlsym(library, tap.symbol);
      // RecordFunction is silent about some operators, and so are taps.
      if (tap.tap->next == nullptr ||
          !c10::ObservedOperators::isObserved({tap.name, tap.overload})) {
        continue;
      }
      slots_.Replace(tap.symbol, tap.wrapper);
      any = true;
    }
    if (!any) return false;
    slots_.Replace(kEvaluateFunction, NodeTap(evaluate));
    for (size_t i = 0; i < kScriptFunctionCount; ++i) {
      if (void* run = dlsym(library, kScriptFunctions[i])) {
        slots_.Replace(kScriptFunctions[i], ScriptTap(i, run));
      }
    }
    AddModuleTaps(library, &slots_);
    return true;
  }

  void Install() override {
    callbacks_.Install();
    Place();
    HoldOptimizerTaps();
  }

  void Remove() override {
    ReleaseOptimizerTaps();
    slots_.PutBack();
    callbacks_.Remove();
  }

  void StepEnded() override {
    if (slots_.OutOfDate()) Place();
    RefreshOptimizerTaps();
    CallbacksBesideTaps::EndAudit();
    if (audit_every_ != 0 && ++steps_ % audit_every_ == 0) {
      callbacks_.StartAudit();
    }
  }

  const char* name() const override { return "taps"; }

 private:
  void Place() {
    if (slots_.OutOfDate()) ForgetVtables();
    slots_.Place();
  }

  const uint64_t audit_every_;
  uint64_t steps_ = 0;  // recorded ones
  ImportSlots slots_;
  CallbacksBesideTaps callbacks_;
};

}  // namespace

void AnnounceTaps(bool announce) {
  taps_announce.fetch_add(announce ? 1 : -1, std::memory_order_relaxed);
}

const char* TakeAnnouncedTap(ThreadRecorder* recorder) {
  const uint32_t announced = recorder->TakeAnnounced();
  return announced == 0 ? nullptr : TapAt(announced - 1).name;
}

const TapFacts& TapAt(uint32_t number) {
  const TapTable* const* table = kTapTables;
  while (number >= (*table)->count) number -= (*table++)->count;
  return (*table)->facts[number];
}

std::unique_ptr<OpSource> MakeOpTaps(uint64_t audit_every) {
  auto taps = std::make_unique<OpTaps>(audit_every);
  if (!taps->Prepare()) return nullptr;
  return taps;
}

}  // namespace torchtape::internal
