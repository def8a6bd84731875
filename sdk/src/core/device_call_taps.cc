#include "core/device_call_taps.h"

#include <dlfcn.h>
#include <link.h>

#include <cstdint>
#include <cstring>
#include <initializer_list>

#include "core/import_slots.h"
#include "core/loader_changes.h"
#include "core/thread_recorder.h"

namespace torchtape::internal {
namespace {

// As in the runtime's headers, which need not be there: cudaError_t, and what a
// program only hands through.
using Error = int;
using Stream = void*;
struct Dim3 {
  unsigned x, y, z;
};
struct LaunchConfig {
  Dim3 grid, block;
  size_t shared_bytes;
  Stream stream;
};

constexpr Error kSuccess = 0;

// A function of the runtime. The schema names what a tap tells of a call.
struct Function {
  const char* name;
  const char* schema;
  void* next = nullptr;
};
Function launch{"cudaLaunchKernel", "cudaLaunchKernel(int stream) -> int"};
Function launch_with{"cudaLaunchKernelExC",
                     "cudaLaunchKernelExC(int stream) -> int"};
Function launch_graph{"cudaGraphLaunch", "cudaGraphLaunch(int stream) -> int"};
Function copy{"cudaMemcpy", "cudaMemcpy(int bytes, int kind) -> int"};
Function copy_async{"cudaMemcpyAsync",
                    "cudaMemcpyAsync(int bytes, int kind, int stream) -> int"};
Function set_async{"cudaMemsetAsync",
                   "cudaMemsetAsync(int bytes, int stream) -> int"};
Function wait_stream{"cudaStreamSynchronize",
                     "cudaStreamSynchronize(int stream) -> int"};
Function wait_event{"cudaEventSynchronize", "cudaEventSynchronize() -> int"};
Function wait_device{"cudaDeviceSynchronize", "cudaDeviceSynchronize() -> int"};

// A span around the call of `function`.
class DeviceCall {
 public:
  DeviceCall(const Function& function, std::initializer_list<int64_t> arguments,
             const void* call_site) noexcept
      : recorder_(ThreadRecorder::Current()) {
    if (recorder_ == nullptr) return;
    ThreadRecorder::Call call;
    call.key = this;
    call.watch_exceptions = false;
    KnownOperator* known = recorder_->FindByAddress(function.name);
    if (known == nullptr) {
      known = recorder_->AddByAddress(function.name, SpanKind::kDeviceCall,
                                      function.name, "", function.schema);
    }
    if (known != nullptr) {
      Values& values = recorder_->values();
      values.Clear();
      for (const int64_t argument : arguments) values.Integer(argument);
      call.has_values = true;
      call.signature = recorder_->SignatureOf(
          known->id, reinterpret_cast<uintptr_t>(call_site));
    }
    recorder_->Begin(call);
  }

  // Passes on what the runtime has returned. An error is told.
  Error End(Error error) noexcept {
    const uint64_t ticks = Ticks();
    if (recorder_ == nullptr || recorder_ != ThreadRecorder::Current()) {
      return error;
    }
    uint32_t signature = 0;
    if (error != kSuccess && recorder_->WantsResult(this)) {
      Values& values = recorder_->values();
      values.Clear();
      values.Integer(error);
      signature = recorder_->SignatureOf(0);
    }
    recorder_->End(this, ticks, signature, false);
    return error;
  }

 private:
  ThreadRecorder* const recorder_;  // null: nothing is recorded
};

int64_t NumberOf(Stream stream) {
  return static_cast<int64_t>(reinterpret_cast<uintptr_t>(stream));
}

// Calls on, inside of a span.
template <typename... Arguments>
Error Pass(const Function& function, std::initializer_list<int64_t> told,
           const void* call_site, Arguments... arguments) {
  const auto next = reinterpret_cast<Error (*)(Arguments...)>(function.next);
  DeviceCall call(function, told, call_site);
  return call.End(next(arguments...));
}

#define TORCHTAPE_CALL_SITE __builtin_return_address(0)

Error OnLaunch(const void* kernel, Dim3 grid, Dim3 block, void** arguments,
               size_t shared_bytes, Stream stream) {
  return Pass(launch, {NumberOf(stream)}, TORCHTAPE_CALL_SITE, kernel, grid,
              block, arguments, shared_bytes, stream);
}

Error OnLaunchWith(const LaunchConfig* config, const void* kernel,
                   void** arguments) {
  return Pass(launch_with, {config ? NumberOf(config->stream) : 0},
              TORCHTAPE_CALL_SITE, config, kernel, arguments);
}

Error OnLaunchGraph(void* graph, Stream stream) {
  return Pass(launch_graph, {NumberOf(stream)}, TORCHTAPE_CALL_SITE, graph,
              stream);
}

Error OnCopy(void* to, const void* from, size_t bytes, int kind) {
  return Pass(copy, {static_cast<int64_t>(bytes), kind}, TORCHTAPE_CALL_SITE,
              to, from, bytes, kind);
}

Error OnCopyAsync(void* to, const void* from, size_t bytes, int kind,
                  Stream stream) {
  return Pass(copy_async, {static_cast<int64_t>(bytes), kind, NumberOf(stream)},
              TORCHTAPE_CALL_SITE, to, from, bytes, kind, stream);
}

Error OnSetAsync(void* to, int value, size_t bytes, Stream stream) {
  return Pass(set_async, {static_cast<int64_t>(bytes), NumberOf(stream)},
              TORCHTAPE_CALL_SITE, to, value, bytes, stream);
}

Error OnWaitStream(Stream stream) {
  return Pass(wait_stream, {NumberOf(stream)}, TORCHTAPE_CALL_SITE, stream);
}

Error OnWaitEvent(void* event) {
  return Pass(wait_event, {}, TORCHTAPE_CALL_SITE, event);
}

Error OnWaitDevice() { return Pass(wait_device, {}, TORCHTAPE_CALL_SITE); }

#undef TORCHTAPE_CALL_SITE

const struct {
  Function* function;
  const void* tap;
} kTaps[] = {
    {&launch, reinterpret_cast<const void*>(&OnLaunch)},
    {&launch_with, reinterpret_cast<const void*>(&OnLaunchWith)},
    {&launch_graph, reinterpret_cast<const void*>(&OnLaunchGraph)},
    {&copy, reinterpret_cast<const void*>(&OnCopy)},
    {&copy_async, reinterpret_cast<const void*>(&OnCopyAsync)},
    {&set_async, reinterpret_cast<const void*>(&OnSetAsync)},
    {&wait_stream, reinterpret_cast<const void*>(&OnWaitStream)},
    {&wait_event, reinterpret_cast<const void*>(&OnWaitEvent)},
    {&wait_device, reinterpret_cast<const void*>(&OnWaitDevice)},
};

// The runtime, if it is loaded: wherever it lies, and whoever may see it.
void* RuntimeLibrary() {
  const char* path = nullptr;
  const auto look = [](dl_phdr_info* info, size_t, void* found) {
    const char* const slash = std::strrchr(info->dlpi_name, '/');
    const char* const name = slash ? slash + 1 : info->dlpi_name;
    if (std::strncmp(name, "libcudart.so", 12) != 0) return 0;
    *static_cast<const char**>(found) = info->dlpi_name;
    return 1;
  };
  dl_iterate_phdr(look, &path);
  // Never unloaded from now on: calls go on into it.
  return path ? dlopen(path, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE) : nullptr;
}

class DeviceCallTaps {
 public:
  static DeviceCallTaps& Get() {
    static DeviceCallTaps* const taps = new DeviceCallTaps;
    return *taps;
  }

  void Place() {
    placed_ = true;
    Find();
    if (found_) slots_.Place();
  }
  void PutBack() {
    if (placed_ && found_) slots_.PutBack();
    placed_ = false;
  }
  void Refresh() {
    if (placed_ && (!found_ || slots_.OutOfDate())) Place();
  }

 private:
  // Once; later calls look again only if libraries were loaded since.
  void Find() {
    const LoaderChanges changes = ReadLoaderChanges();
    if (found_ || !(changes != looked_)) return;
    looked_ = changes;
    void* const library = RuntimeLibrary();
    if (library == nullptr) return;
    for (const auto& [function, tap] : kTaps) {
      function->next = dlsym(library, function->name);
      if (function->next != nullptr) slots_.Replace(function->name, tap);
    }
    found_ = true;
  }

  ImportSlots slots_;
  LoaderChanges looked_;
  bool found_ = false;
  bool placed_ = false;
};

}  // namespace

void InstallDeviceCallTaps() { DeviceCallTaps::Get().Place(); }
void RemoveDeviceCallTaps() { DeviceCallTaps::Get().PutBack(); }
void RefreshDeviceCallTaps() { DeviceCallTaps::Get().Refresh(); }

}  // namespace torchtape::internal
