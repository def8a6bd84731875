#include "support/fake_accelerator.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/EmptyTensor.h>
#include <ATen/Functions.h>
#include <ATen/detail/HPUHooksInterface.h>
#include <ATen/native/CPUFallback.h>
#include <ATen/ops/as_strided_native.h>
#include <ATen/ops/view_native.h>
#include <c10/core/Allocator.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <c10/core/impl/alloc_cpu.h>
#include <torch/library.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <utility>

namespace torchtape::testing {
namespace {

using c10::Device;
using c10::DeviceIndex;
using c10::Stream;

constexpr auto kType = c10::DeviceType::HPU;
constexpr int kStreams = 8;

struct State {
  std::atomic<int64_t> ends[kStreams] = {};  // of what each stream was given
  std::atomic<int64_t> now{0};
  std::atomic<int64_t> work{0};
  std::atomic<int64_t> capturing{FakeAccelerator::kNone};
  std::atomic<int> synchronizations{0};
  std::atomic<int> timing_events{0};
  std::atomic<int> captured{0};
  std::atomic<int> fail_from{0};
  std::atomic<bool> used{false};
  // Of the allocator, which holds the lock as it reports.
  std::mutex memory;
  size_t live_bytes = 0;
  size_t peak_bytes = 0;
  size_t reserved_bytes = 0;
};
State state;
thread_local c10::StreamId current_stream = 0;
// A kernel is computed by the CPU, with copies of which the device knows
// nothing.
thread_local bool in_kernel = false;

int64_t EndOf(c10::StreamId stream) {
  return std::max<int64_t>(state.ends[stream], state.now);
}

void RunUntil(int64_t ns) {
  int64_t now = state.now;
  while (now < ns && !state.now.compare_exchange_weak(now, ns)) {
  }
}

void Launch(int64_t cost_ns) {
  if (in_kernel || state.capturing == current_stream) return;
  state.ends[current_stream] = EndOf(current_stream) + cost_ns;
  state.work += cost_ns;
}

class Allocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    state.used = true;
    // What free() must know lies before the block.
    auto* header = static_cast<size_t*>(c10::alloc_cpu(bytes + kHeader));
    *header = bytes;
    void* block = reinterpret_cast<char*>(header) + kHeader;
    std::lock_guard<std::mutex> lock(state.memory);
    state.live_bytes += bytes;
    state.peak_bytes = std::max(state.peak_bytes, state.live_bytes);
    while (state.reserved_bytes < state.live_bytes) {
      state.reserved_bytes += FakeAccelerator::kSegmentBytes;
    }
    Report(block, static_cast<int64_t>(bytes));
    return {block, block, &Free, Device(kType, 0)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &Free; }
  void copy_data(void* to, const void* from, size_t bytes) const override {
    std::memcpy(to, from, bytes);
  }

 private:
  static constexpr size_t kHeader = 64;

  static void Free(void* block) {
    auto* header =
        reinterpret_cast<size_t*>(static_cast<char*>(block) - kHeader);
    const size_t bytes = *header;
    {
      std::lock_guard<std::mutex> lock(state.memory);
      state.live_bytes -= bytes;
      Report(block, -static_cast<int64_t>(bytes));
    }
    c10::free_cpu(header);
  }

  static void Report(void* block, int64_t bytes) {
    c10::reportMemoryUsageToProfiler(block, bytes, state.live_bytes,
                                     state.reserved_bytes, Device(kType, 0));
  }
};

Allocator* GetAllocator() {
  static Allocator* const allocator = new Allocator;
  return allocator;
}

struct Event {
  int64_t at = 0;
};

class Guard final : public c10::impl::DeviceGuardImplInterface {
 public:
  c10::DeviceType type() const override { return kType; }
  Device exchangeDevice(Device) const override { return Device(kType, 0); }
  Device getDevice() const override { return Device(kType, 0); }
  void setDevice(Device) const override {}
  void uncheckedSetDevice(Device) const noexcept override {}
  DeviceIndex deviceCount() const noexcept override { return 1; }

  Stream getStream(Device device) const override {
    return Stream(Stream::UNSAFE, device, current_stream);
  }
  Stream getDefaultStream(Device device) const override {
    return Stream(Stream::UNSAFE, device, 0);
  }
  Stream getStreamFromGlobalPool(Device device, bool) const override {
    return Stream(Stream::UNSAFE, device, 1);
  }
  Stream exchangeStream(Stream stream) const override {
    const c10::StreamId before = current_stream;
    current_stream = stream.id();
    return Stream(Stream::UNSAFE, stream.device(), before);
  }
  bool isStreamCapturing(const Stream& stream) const override {
    return state.capturing == stream.id();
  }

  void record(void** event, const Stream& stream, const DeviceIndex,
              const c10::EventFlag flag) const override {
    if (flag == c10::EventFlag::BACKEND_DEFAULT) {
      const int number = ++state.timing_events;
      TORCH_CHECK(state.fail_from == 0 || number < state.fail_from,
                  "the fake device is lost");
      state.captured += state.capturing == stream.id();
    }
    if (*event == nullptr) *event = new Event;
    static_cast<Event*>(*event)->at = EndOf(stream.id());
  }
  void block(void* event, const Stream& stream) const override {
    state.ends[stream.id()] =
        std::max(EndOf(stream.id()), static_cast<Event*>(event)->at);
  }
  bool queryEvent(void* event) const override {
    return event == nullptr || static_cast<Event*>(event)->at <= state.now;
  }
  double elapsedTime(void* from, void* to, const DeviceIndex) const override {
    TORCH_CHECK(queryEvent(from) && queryEvent(to), "an event is not over");
    const int64_t ns =
        static_cast<Event*>(to)->at - static_cast<Event*>(from)->at;
    return static_cast<double>(ns) / 1e6;
  }
  void destroyEvent(void* event, const DeviceIndex) const noexcept override {
    delete static_cast<Event*>(event);
  }

  void synchronizeEvent(void* event) const override {
    ++state.synchronizations;
    RunUntil(static_cast<Event*>(event)->at);
  }
  void synchronizeStream(const Stream& stream) const override {
    ++state.synchronizations;
    RunUntil(EndOf(stream.id()));
  }
  void synchronizeDevice(const DeviceIndex) const override {
    ++state.synchronizations;
    FakeAccelerator::Finish();
  }
};
C10_REGISTER_GUARD_IMPL(HPU, Guard)

class HPUHooks final : public at::HPUHooksInterface {
 public:
  explicit HPUHooks(at::HPUHooksArgs) {}
  void init() const override {}
  bool hasHPU() const override { return true; }
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasPrimaryContext(DeviceIndex) const override { return state.used; }
  DeviceIndex deviceCount() const override { return 1; }
  DeviceIndex getCurrentDevice() const override { return 0; }
  const at::Generator& getDefaultGenerator(DeviceIndex) const override {
    return at::detail::getDefaultCPUGenerator();
  }
};

// A tensor of the CPU over the same bytes.
at::Tensor OnHost(const at::Tensor& tensor) {
  if (tensor.device().type() != kType) return tensor;
  return at::from_blob(tensor.data_ptr(), tensor.sizes(), tensor.strides(),
                       tensor.options().device(c10::kCPU));
}

at::Tensor Empty(c10::SymIntArrayRef size, std::optional<at::ScalarType> dtype,
                 std::optional<at::Layout>, std::optional<Device>,
                 std::optional<bool>,
                 std::optional<at::MemoryFormat> memory_format) {
  return at::detail::empty_generic(C10_AS_INTARRAYREF_SLOW(size),
                                   GetAllocator(),
                                   c10::DispatchKeySet(c10::DispatchKey::HPU),
                                   c10::dtype_or_default(dtype), memory_format);
}

at::Tensor EmptyStrided(c10::SymIntArrayRef size, c10::SymIntArrayRef stride,
                        std::optional<at::ScalarType> dtype,
                        std::optional<at::Layout>, std::optional<Device>,
                        std::optional<bool>) {
  return at::detail::empty_strided_generic(
      C10_AS_INTARRAYREF_SLOW(size), C10_AS_INTARRAYREF_SLOW(stride),
      GetAllocator(), c10::DispatchKeySet(c10::DispatchKey::HPU),
      c10::dtype_or_default(dtype));
}

// A copy to the host waits for the device, as long as it is not asked not to.
at::Tensor CopyFrom(const at::Tensor& from, const at::Tensor& to,
                    bool non_blocking) {
  Launch(FakeAccelerator::kCopyNs);
  OnHost(to).copy_(OnHost(from));
  if (to.device().type() != kType && !non_blocking && !in_kernel) {
    RunUntil(EndOf(current_stream));
  }
  return to;
}

at::Tensor CopyFromAndResize(const at::Tensor& from, const at::Tensor& to) {
  if (from.sizes() != to.sizes()) to.resize_(from.sizes());
  return CopyFrom(from, to, false);
}

const at::Tensor& Resize(const at::Tensor& tensor, c10::SymIntArrayRef size,
                         std::optional<at::MemoryFormat>) {
  c10::TensorImpl* impl = tensor.unsafeGetTensorImpl();
  const auto sizes = C10_AS_INTARRAYREF_SLOW(size);
  const size_t bytes =
      static_cast<size_t>(c10::multiply_integers(sizes)) * impl->itemsize();
  c10::StorageImpl* storage = impl->unsafe_storage().unsafeGetStorageImpl();
  if (storage->nbytes() < bytes) {
    storage->set_data_ptr_noswap(GetAllocator()->allocate(bytes));
    storage->set_nbytes(bytes);
  }
  impl->set_sizes_contiguous(sizes);
  return tensor;
}

at::Tensor View(const at::Tensor& tensor, c10::SymIntArrayRef size) {
  return at::native::view(tensor, C10_AS_INTARRAYREF_SLOW(size));
}

at::Tensor AsStrided(const at::Tensor& tensor, c10::SymIntArrayRef size,
                     c10::SymIntArrayRef stride,
                     std::optional<c10::SymInt> offset) {
  std::optional<int64_t> start;
  if (offset) start = offset->expect_int();
  return at::native::as_strided_tensorimpl(
      tensor, C10_AS_INTARRAYREF_SLOW(size), C10_AS_INTARRAYREF_SLOW(stride),
      start);
}

at::Scalar Item(const at::Tensor& tensor) {
  Launch(FakeAccelerator::kCopyNs);
  RunUntil(EndOf(current_stream));
  return OnHost(tensor).item();
}

void RunOnHost(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  Launch(FakeAccelerator::kKernelNs);
  const bool before = std::exchange(in_kernel, true);
  at::native::cpu_fallback(op, stack);
  in_kernel = before;
}

TORCH_LIBRARY_IMPL(aten, HPU, library) {
  c10::SetAllocator(kType, GetAllocator());
  library.impl("empty.memory_format", Empty);
  library.impl("empty_strided", EmptyStrided);
  library.impl("_copy_from", CopyFrom);
  library.impl("_copy_from_and_resize", CopyFromAndResize);
  library.impl("resize_", Resize);
  library.impl("view", View);
  library.impl("as_strided", AsStrided);
  library.impl("_local_scalar_dense", Item);
}

TORCH_LIBRARY_IMPL(_, HPU, library) {
  library.fallback(torch::CppFunction::makeFromBoxedFunction<&RunOnHost>());
}

}  // namespace

void FakeAccelerator::Reset() {
  Finish();
  state.work = 0;
  state.capturing = kNone;
  state.synchronizations = state.timing_events = state.captured = 0;
  state.fail_from = 0;
  state.peak_bytes = state.live_bytes;
}

int64_t FakeAccelerator::WorkNs() { return state.work; }

void FakeAccelerator::Finish() {
  for (const std::atomic<int64_t>& end : state.ends) RunUntil(end);
}

int FakeAccelerator::Synchronizations() { return state.synchronizations; }
int FakeAccelerator::TimingEvents() { return state.timing_events; }
int FakeAccelerator::CapturedTimingEvents() { return state.captured; }
void FakeAccelerator::Capture(int64_t stream) { state.capturing = stream; }
void FakeAccelerator::FailFrom(int timing_event) {
  state.timing_events = 0;
  state.fail_from = timing_event;
}
bool FakeAccelerator::IsUsed() { return state.used; }
size_t FakeAccelerator::LiveBytes() { return state.live_bytes; }
size_t FakeAccelerator::PeakBytes() { return state.peak_bytes; }
size_t FakeAccelerator::ReservedBytes() { return state.reserved_bytes; }

}  // namespace torchtape::testing

// The registry knows it by this name, in this namespace.
namespace at {
namespace {
using HPUHooks = torchtape::testing::HPUHooks;
}
REGISTER_HPU_HOOKS(HPUHooks)
}  // namespace at
