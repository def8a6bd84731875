#include "torch/op_taps.h"

#include <ATen/core/dispatch/ObservedOperators.h>
#include <ATen/record_function.h>
#include <dlfcn.h>

#include "core/import_slots.h"
#include "core/thread_recorder.h"
#include "torch/memory_observer.h"
#include "torch/node_tap.h"
#include "torch/op_callbacks.h"
#include "torch/optimizer_tap.h"
#include "torch/script_tap.h"

namespace torchtape::internal {

Recorded tapped_options;
std::atomic<int> taps_announce{0};

namespace {

uint32_t CountTaps() {
  size_t count = 0;
  for (size_t i = 0; i < kTapTableCount; ++i) count += kTapTables[i]->count;
  return static_cast<uint32_t>(count);
}

// The library that an address belongs to, as dlsym() wants it; null if it is
// the program itself.
void* LibraryOf(const void* address) {
  Dl_info info;
  if (dladdr(address, &info) == 0) return nullptr;
  return dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
}

// A thread may be inside a wrapper at any time: the code stays for good, also
// when a plug-in that brought it is closed.
void StayLoaded() {
  Dl_info info;
  if (dladdr(reinterpret_cast<const void*>(&StayLoaded), &info) != 0) {
    dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
  }
}

class OpTaps : public OpSource {
 public:
  // False if LibTorch's functions were not found.
  bool Prepare() {
    void* const library =
        LibraryOf(reinterpret_cast<const void*>(&at::clearCallbacks));
    if (library == nullptr) return false;
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
    if (void* evaluate = dlsym(library, kEvaluateFunction)) {
      slots_.Replace(kEvaluateFunction, NodeTap(evaluate));
    }
    for (size_t i = 0; i < kScriptFunctionCount; ++i) {
      if (void* run = dlsym(library, kScriptFunctions[i])) {
        slots_.Replace(kScriptFunctions[i], ScriptTap(i, run));
      }
    }
    StayLoaded();
    return true;
  }

  absl::Status Install(const Recorded& what) override {
    tapped_options = what;
    callbacks_.Install(what);
    slots_.Place();
    HoldOptimizerTaps();
    if (what.memory || what.identities) return InstallMemoryObserver();
    return absl::OkStatus();
  }

  void Remove() override {
    RemoveMemoryObserver();
    ReleaseOptimizerTaps();
    slots_.PutBack();
    callbacks_.Remove();
  }

  void StepEnded() override {
    if (slots_.OutOfDate()) slots_.Place();
    RefreshOptimizerTaps();
    CallbacksBesideTaps::EndAudit();
  }

  const char* name() const override { return "taps"; }

 private:
  ImportSlots slots_;
  CallbacksBesideTaps callbacks_;
};

uint64_t TorchThread() { return at::RecordFunction::currentThreadId(); }

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

std::unique_ptr<OpSource> MakeOpTaps() {
  ThreadRecorder::SetTorchThread(&TorchThread);
  auto taps = std::make_unique<OpTaps>();
  if (!taps->Prepare()) return nullptr;
  return taps;
}

}  // namespace torchtape::internal
