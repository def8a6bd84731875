#include "torch/device_memory_tap.h"

#include <c10/core/Device.h>
#include <dlfcn.h>

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "core/import_slots.h"
#include "core/thread_recorder.h"
#include "torch/torch_facts.h"

namespace torchtape::internal {
namespace {

// Up to LibTorch 2.0 the totals were signed: the same call for the machine.
constexpr const char* kReportMemory[] = {
    "_ZN3c1027reportMemoryUsageToProfilerEPvlmmNS_6DeviceE",
    "_ZN3c1027reportMemoryUsageToProfilerEPvlllNS_6DeviceE"};

// `bytes` is less than 0 for a free. The totals are those after it.
using ReportMemory = void (*)(void* block, int64_t bytes, uint64_t allocated,
                              uint64_t reserved, c10::Device device);
ReportMemory next;

void OnReport(void* block, int64_t bytes, uint64_t allocated, uint64_t reserved,
              c10::Device device) {
  ThreadRecorder* recorder =
      device.is_cpu() ? nullptr : ThreadRecorder::Current();
  if (recorder != nullptr) {
    const CostSample sample(&recorder->own_cost(), CostKind::kMemory);
    const uint32_t id = static_cast<uint32_t>(device.type()) << 8 |
                        static_cast<uint8_t>(device.index() + 1);
    const ThreadRecorder::DeviceTotals totals = {allocated, reserved};
    const auto address = reinterpret_cast<uintptr_t>(block);
    if (bytes >= 0) {
      recorder->Allocate(id, address, static_cast<uint64_t>(bytes), totals);
    } else {
      recorder->Free(id, address, totals);
    }
  }
  next(block, bytes, allocated, reserved, device);
}

// Of `bytes` that the device does not have, before its allocator throws.
constexpr char kReportOutOfMemory[] =
    "_ZN3c1028reportOutOfMemoryToProfilerElmmNS_6DeviceE";
using ReportOutOfMemory = void (*)(int64_t bytes, uint64_t allocated,
                                   uint64_t reserved, c10::Device device);
ReportOutOfMemory next_out_of_memory;

void OnOutOfMemory(int64_t bytes, uint64_t allocated, uint64_t reserved,
                   c10::Device device) {
  ThreadRecorder* recorder =
      device.is_cpu() ? nullptr : ThreadRecorder::Current();
  if (recorder != nullptr) {
    try {
      recorder->Keep(absl::StrCat(device.str(), ", ", bytes, " bytes"),
                     /*out_of_memory=*/true);
    } catch (...) {  // memory of the host is out, too
    }
  }
  next_out_of_memory(bytes, allocated, reserved, device);
}

class DeviceMemoryTap {
 public:
  static DeviceMemoryTap& Get() {
    static DeviceMemoryTap* const tap = new DeviceMemoryTap;
    return *tap;
  }

  void Place() {
    if (next != nullptr) slots_.Place();
  }
  void Refresh() {
    if (next != nullptr && slots_.OutOfDate()) slots_.Place();
  }
  void PutBack() { slots_.PutBack(); }

 private:
  DeviceMemoryTap() {
    void* const library = TorchLibrary();
    if (library == nullptr) return;
    for (const char* symbol : kReportMemory) {
      void* const report = dlsym(library, symbol);
      if (report == nullptr) continue;
      next = reinterpret_cast<ReportMemory>(report);
      slots_.Replace(symbol, reinterpret_cast<const void*>(&OnReport));
    }
    void* const report = dlsym(library, kReportOutOfMemory);
    if (report == nullptr) return;
    next_out_of_memory = reinterpret_cast<ReportOutOfMemory>(report);
    slots_.Replace(kReportOutOfMemory,
                   reinterpret_cast<const void*>(&OnOutOfMemory));
  }

  ImportSlots slots_;
};

}  // namespace

void InstallDeviceMemoryTap() { DeviceMemoryTap::Get().Place(); }

void RefreshDeviceMemoryTap() { DeviceMemoryTap::Get().Refresh(); }

void RemoveDeviceMemoryTap() { DeviceMemoryTap::Get().PutBack(); }

}  // namespace torchtape::internal
