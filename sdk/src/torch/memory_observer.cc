#include "torch/memory_observer.h"

#include <c10/core/CPUAllocator.h>

#include <atomic>

#include "absl/strings/str_cat.h"
#include "core/thread_recorder.h"
#include "torch/features.h"

namespace torchtape::internal {
namespace {

// The deleter of the allocator behind. Set before the first observed block and
// never changed, since blocks outlive recordings.
std::atomic<c10::DeleterFnPtr> original_deleter{nullptr};

constexpr uint32_t kCpu = 0;  // device type 0, no index

void DeleteObserved(void* block) {
  if (ThreadRecorder* recorder = ThreadRecorder::Current()) {
    const CostSample sample(&recorder->own_cost(), CostKind::kMemory);
    recorder->Free(reinterpret_cast<uintptr_t>(block));
  }
  original_deleter.load(std::memory_order_relaxed)(block);
}

class ObservedAllocator final : public PortableAllocator {
 public:
  void set_behind(c10::Allocator* behind) { behind_ = behind; }
  c10::Allocator* behind() const { return behind_; }

  // raw_deallocate() must reach the observer too; oneDNN relies on there being
  // a deleter.
  c10::DeleterFnPtr raw_deleter() const override { return &DeleteObserved; }

 protected:
  c10::DataPtr Allocate(size_t bytes) const override {
    c10::DataPtr data = AllocateBehind(bytes);
    void* block = data.get();
    // Only what our deleter will see freed is told of.
    if (block != nullptr && data.get_context() == block &&
        data.compare_exchange_deleter(
            original_deleter.load(std::memory_order_relaxed),
            &DeleteObserved)) {
      if (ThreadRecorder* recorder = ThreadRecorder::Current()) {
        const CostSample sample(&recorder->own_cost(), CostKind::kMemory);
        recorder->Allocate(kCpu, reinterpret_cast<uintptr_t>(block), bytes);
      }
    }
    return data;
  }

 private:
  c10::DataPtr AllocateBehind(size_t bytes) const {
    try {
      return behind_->allocate(bytes);
    } catch (...) {
      TellOutOfMemory(bytes);
      throw;
    }
  }
  static void TellOutOfMemory(size_t bytes) {
    ThreadRecorder* recorder = ThreadRecorder::Current();
    if (recorder == nullptr) return;
    try {
      recorder->Keep(absl::StrCat("cpu, ", bytes, " bytes"),
                     /*out_of_memory=*/true);
    } catch (...) {  // memory is out: what the program throws is what counts
    }
  }

  c10::Allocator* behind_ = nullptr;
};

// Never destroyed: a thread may be inside.
ObservedAllocator& Observer() {
  static ObservedAllocator* const observer = new ObservedAllocator;
  return *observer;
}

// A priority of our own is not needed: whoever set the allocator keeps theirs.
constexpr uint8_t kPriority = 255;

}  // namespace

absl::Status CheckMemoryObserver() {
  c10::Allocator* behind = c10::GetCPUAllocator();
  if (behind == &Observer()) return absl::OkStatus();
  const c10::DeleterFnPtr deleter = behind->raw_deleter();
  c10::DeleterFnPtr before = nullptr;
  if (deleter == nullptr ||
      (!original_deleter.compare_exchange_strong(before, deleter) &&
       before != deleter)) {
    return absl::UnimplementedError(
        "memory is not recorded: the program has a CPU allocator whose blocks "
        "cannot be followed");
  }
  return absl::OkStatus();
}

void InstallMemoryObserver() {
  // The program may have changed its allocator since the last time.
  if (!CheckMemoryObserver().ok()) return;
  c10::Allocator* behind = c10::GetCPUAllocator();
  if (behind == &Observer()) return;
  Observer().set_behind(behind);
  c10::SetCPUAllocator(&Observer(), kPriority);
}

void RemoveMemoryObserver() {
  if (c10::GetCPUAllocator() != &Observer()) return;
  c10::SetCPUAllocator(Observer().behind(), kPriority);
}

}  // namespace torchtape::internal
