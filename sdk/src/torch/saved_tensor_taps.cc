#include "torch/saved_tensor_taps.h"

#include <ATen/core/Tensor.h>
#include <dlfcn.h>

#include "core/import_slots.h"
#include "core/thread_recorder.h"
#include "torch/torch_facts.h"

namespace torchtape::internal {
namespace {

constexpr char kComplete[] =
    "_ZN5torch8autograd13SavedVariableC1ERKN2at6TensorEbb";
constexpr char kBase[] = "_ZN5torch8autograd13SavedVariableC2ERKN2at6TensorEbb";
constexpr char kReset[] = "_ZN5torch8autograd13SavedVariable10reset_dataEv";

// Member functions, called as the platform calls those: with their object
// first.
using Construct = void (*)(void* saved, const at::Tensor& tensor,
                           bool is_output, bool is_inplace_on_view);
using Reset = void (*)(void* saved);
Construct construct;
Reset reset;

struct Memory {
  uint64_t address = 0;  // 0: there is none to tell of
  uint64_t bytes = 0;    // of the storage
};

// Tensors that stand for others, as those of a tracer, throw when asked.
Memory MemoryOf(const at::Tensor& tensor) noexcept {
  try {
    if (!tensor.defined()) return {};
    const c10::TensorImpl* impl = tensor.unsafeGetTensorImpl();
    if (impl->layout() != c10::kStrided || !impl->has_storage()) return {};
    const c10::Storage& storage = impl->unsafe_storage();
    return {reinterpret_cast<uintptr_t>(storage.data_ptr().get()),
            storage.nbytes()};
  } catch (...) {
    return {};
  }
}

void OnConstruct(void* saved, const at::Tensor& tensor, bool is_output,
                 bool is_inplace_on_view) {
  construct(saved, tensor, is_output, is_inplace_on_view);
  ThreadRecorder* const recorder = ThreadRecorder::Current();
  if (recorder == nullptr) return;
  const CostSample sample(&recorder->own_cost(), CostKind::kMemory);
  const Memory memory = MemoryOf(tensor);
  if (memory.address != 0) recorder->Save(memory.address, memory.bytes);
}

// The tensor is the first member, in all versions.
void OnReset(void* saved) {
  if (ThreadRecorder* const recorder = ThreadRecorder::Current()) {
    const CostSample sample(&recorder->own_cost(), CostKind::kMemory);
    const Memory memory = MemoryOf(*static_cast<const at::Tensor*>(saved));
    if (memory.address != 0) recorder->Release(memory.address);
  }
  reset(saved);
}

class SavedTensorTaps {
 public:
  static SavedTensorTaps& Get() {
    static SavedTensorTaps* const taps = new SavedTensorTaps;
    return *taps;
  }

  bool found() const { return construct != nullptr && reset != nullptr; }
  void Place() {
    if (found()) slots_.Place();
    placed_ = found();
  }
  void PutBack() {
    if (placed_) slots_.PutBack();
    placed_ = false;
  }
  void Refresh() {
    if (placed_ && slots_.OutOfDate()) slots_.Place();
  }

 private:
  SavedTensorTaps() {
    void* const library = TorchLibrary();
    if (library == nullptr) return;
    construct = reinterpret_cast<Construct>(dlsym(library, kComplete));
    reset = reinterpret_cast<Reset>(dlsym(library, kReset));
    if (!found()) return;
    const auto on_construct = reinterpret_cast<const void*>(&OnConstruct);
    slots_.Replace(kComplete, on_construct);
    slots_.Replace(kBase, on_construct);
    slots_.Replace(kReset, reinterpret_cast<const void*>(&OnReset));
  }

  ImportSlots slots_;
  bool placed_ = false;
};

}  // namespace

bool CanTapSavedTensors() { return SavedTensorTaps::Get().found(); }
void InstallSavedTensorTaps() { SavedTensorTaps::Get().Place(); }
void RemoveSavedTensorTaps() { SavedTensorTaps::Get().PutBack(); }
void RefreshSavedTensorTaps() { SavedTensorTaps::Get().Refresh(); }

}  // namespace torchtape::internal
