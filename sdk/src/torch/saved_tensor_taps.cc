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

// Its memory; null of what has none.
const c10::StorageImpl* StorageOf(const at::Tensor& tensor) {
  if (!tensor.defined()) return nullptr;
  const c10::TensorImpl* impl = tensor.unsafeGetTensorImpl();
  if (impl->layout() != c10::kStrided || !impl->has_storage()) return nullptr;
  return impl->unsafe_storage().unsafeGetStorageImpl();
}

uint64_t AddressOf(const c10::StorageImpl& storage) {
  return reinterpret_cast<uintptr_t>(storage.data_ptr().get());
}

void OnConstruct(void* saved, const at::Tensor& tensor, bool is_output,
                 bool is_inplace_on_view) {
  construct(saved, tensor, is_output, is_inplace_on_view);
  ThreadRecorder* const recorder = ThreadRecorder::Current();
  if (recorder == nullptr) return;
  if (const c10::StorageImpl* storage = StorageOf(tensor)) {
    recorder->Save(AddressOf(*storage), storage->nbytes());
  }
}

// The tensor is the first member, in all versions.
void OnReset(void* saved) {
  if (ThreadRecorder* const recorder = ThreadRecorder::Current()) {
    const auto& tensor = *static_cast<const at::Tensor*>(saved);
    if (const c10::StorageImpl* storage = StorageOf(tensor)) {
      recorder->Release(AddressOf(*storage));
    }
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
