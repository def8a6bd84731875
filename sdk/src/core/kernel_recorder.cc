#include "core/kernel_recorder.h"

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <iterator>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "core/activity_buffers.h"
#include "core/activity_reader.h"
#include "core/clock.h"
#include "core/cupti.h"
#include "core/signals_blocked.h"
#include "core/thread_recorder.h"

namespace torchtape::internal {
namespace {

// How long activities that are over may wait in CUPTI's buffers: as long as
// what a killed process has of them is lost.
constexpr std::chrono::milliseconds kFlushEvery{100};

// The writer is behind: how long a record waits for room.
constexpr std::chrono::milliseconds kPatience{2000};

constexpr cupti::Kind kKinds[] = {cupti::kKernel, cupti::kCopy,
                                  cupti::kPeerCopy, cupti::kSet};

// Of those that CUPTI has in both domains, the ones that make a device do
// something of these kinds.
bool AsksDevice(cupti::Domain domain, absl::string_view name) {
  if (!absl::ConsumePrefix(&name, domain == cupti::kRuntime ? "cuda" : "cu")) {
    return false;
  }
  for (const char* start : {"Launch", "GraphLaunch", "Memcpy", "Memset"}) {
    if (absl::StartsWith(name, start)) {
      return !absl::StartsWith(name, "LaunchHostFunc");
    }
  }
  return false;
}

struct Call {
  cupti::Domain domain;
  uint32_t number;
};

// Their numbers differ from version to version; their names do not.
std::vector<Call> CallsThatAskDevice(const cupti::Library& library) {
  constexpr uint32_t kMost = 8192;
  std::vector<Call> calls;
  for (const cupti::Domain domain : {cupti::kRuntime, cupti::kDriver}) {
    const char* name = nullptr;
    for (uint32_t number = 1; number < kMost; ++number) {
      const cupti::Result result =
          library.GetCallbackName(domain, number, &name);
      if (result != cupti::kSuccess || name == nullptr) break;
      if (AsksDevice(domain, name)) calls.push_back({domain, number});
    }
  }
  return calls;
}

// On the thread that makes the call, before and after it.
void OnCall(void*, cupti::Domain, uint32_t, const cupti::CallData* data) {
  if (data->site != cupti::kEnter) return;
  if (ThreadRecorder* recorder = ThreadRecorder::Current()) {
    recorder->Launch(data->correlation);
  }
}

class KernelRecorder {
 public:
  static KernelRecorder& Get() {
    static KernelRecorder* const recorder = new KernelRecorder;
    return *recorder;
  }

  absl::StatusOr<uint32_t> Open(void (*say)(const char*));
  void Install();
  void Remove();
  void Close();

 private:
  static void RequestBuffer(uint8_t** buffer, size_t* bytes,
                            size_t* max_records);
  static void CompleteBuffer(void* context, uint32_t stream, uint8_t* buffer,
                             size_t bytes, size_t valid_bytes);

  absl::Status Subscribe();
  absl::Status Error(const char* what, cupti::Result result) const;
  void Fail(const char* what, cupti::Result result);
  void Leave();

  // Of the thread.
  void Consume();
  void Collect(bool all);
  void TellClock(ThreadRecorder* recorder);
  void Read(const ActivityBuffers::Full& full, ThreadRecorder* recorder);
  void TellLosses(ThreadRecorder* recorder);

  cupti::Library library_ = {};
  ActivityBuffers buffers_;
  std::vector<Call> calls_;
  void (*say_)(const char*) = nullptr;
  void* subscriber_ = nullptr;     // null: not opened
  std::atomic<bool> open_{false};  // the same, for CUPTI's threads
  bool installed_ = false;
  bool said_ = false;

  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool closing_ = false;
  uint64_t losses_[3] = {};  // in the order of v1::ActivityLoss; of the thread
};

// ---------------------------------------------------------------------------
// CUPTI's client.

absl::Status KernelRecorder::Error(const char* what,
                                   cupti::Result result) const {
  if (result == cupti::kOtherClient) {
    return absl::FailedPreconditionError(
        "CUPTI is in use by another client, such as a profiler");
  }
  const char* text = nullptr;
  library_.GetResultString(result, &text);
  return absl::UnavailableError(
      absl::StrCat(what, ": ", text ? text : "error", " (", result, ")"));
}

absl::Status KernelRecorder::Subscribe() {
  cupti::Result result = library_.Subscribe(&subscriber_, &OnCall, nullptr);
  if (result != cupti::kSuccess) {
    subscriber_ = nullptr;
    return Error("cuptiSubscribe", result);
  }
  result = library_.ActivityRegisterCallbacks(&RequestBuffer, &CompleteBuffer);
  if (result == cupti::kSuccess) {
    open_.store(true, std::memory_order_release);
    return absl::OkStatus();
  }
  Leave();
  return Error("cuptiActivityRegisterCallbacks", result);
}

absl::StatusOr<uint32_t> KernelRecorder::Open(void (*say)(const char*)) {
  absl::StatusOr<cupti::Library> library = cupti::Load();
  if (!library.ok()) return library.status();
  library_ = *library;
  uint32_t version = 0;
  const cupti::Result result = library_.GetVersion(&version);
  if (result != cupti::kSuccess) return Error("cuptiGetVersion", result);
  if (!cupti::IsKnownVersion(version)) {
    return absl::UnimplementedError(
        absl::StrCat("records of CUPTI's version ", version, " are not known"));
  }
  if (!buffers_.has_memory()) {
    return absl::ResourceExhaustedError("no memory for CUPTI's buffers");
  }
  say_ = say;
  said_ = closing_ = false;
  for (uint64_t& loss : losses_) loss = 0;
  // What an earlier recording has left is not of this one.
  while (uint8_t* const left = buffers_.TakeFull().buffer) {
    buffers_.Release(left);
  }
  if (absl::Status status = Subscribe(); !status.ok()) return status;
  calls_ = CallsThatAskDevice(library_);
  try {
    const SignalsBlocked blocked;
    thread_ = std::thread([this] { Consume(); });
  } catch (const std::exception& error) {
    Leave();
    return absl::ResourceExhaustedError(error.what());
  }
  return version;
}

void KernelRecorder::Leave() {
  open_.store(false, std::memory_order_release);
  library_.Unsubscribe(std::exchange(subscriber_, nullptr));
}

void KernelRecorder::Fail(const char* what, cupti::Result result) {
  if (std::exchange(said_, true) || say_ == nullptr) return;
  const absl::Status status = Error(what, result);
  say_(
      absl::StrCat("kernels are missing: ", absl::string_view(status.message()))
          .c_str());
}

void KernelRecorder::Install() {
  if (subscriber_ == nullptr || installed_) return;
  installed_ = true;
  for (const cupti::Kind kind : kKinds) {
    const cupti::Result result = library_.ActivityEnable(kind);
    if (result != cupti::kSuccess) Fail("cuptiActivityEnable", result);
  }
  for (const Call& call : calls_) {
    const cupti::Result result =
        library_.EnableCallback(1, subscriber_, call.domain, call.number);
    if (result != cupti::kSuccess) Fail("cuptiEnableCallback", result);
  }
}

void KernelRecorder::Remove() {
  if (!std::exchange(installed_, false)) return;
  for (const Call& call : calls_) {
    library_.EnableCallback(0, subscriber_, call.domain, call.number);
  }
  for (const cupti::Kind kind : kKinds) library_.ActivityDisable(kind);
}

void KernelRecorder::Close() {
  if (subscriber_ == nullptr) return;
  Remove();
  {
    std::lock_guard<std::mutex> lock(mutex_);
    closing_ = true;
  }
  wake_.notify_all();
  thread_.join();
  Leave();
}

void KernelRecorder::RequestBuffer(uint8_t** buffer, size_t* bytes,
                                   size_t* max_records) {
  // CUPTI may ask once more when it has been left.
  *buffer = Get().open_.load(std::memory_order_acquire) ? Get().buffers_.Take()
                                                        : nullptr;
  *bytes = *buffer == nullptr ? 0 : ActivityBuffers::kBytes;
  *max_records = 0;  // as many as fit
}

void KernelRecorder::CompleteBuffer(void*, uint32_t, uint8_t* buffer, size_t,
                                    size_t valid_bytes) {
  const bool open = Get().open_.load(std::memory_order_acquire);
  Get().buffers_.Complete(buffer, open ? valid_bytes : 0);
}

// ---------------------------------------------------------------------------
// The thread that empties the buffers.

void KernelRecorder::Consume() {
  pthread_setname_np(pthread_self(), "torchtape-cupti");
  bool closing = false;
  while (!closing) {
    {
      std::unique_lock<std::mutex> lock(mutex_);
      wake_.wait_for(lock, kFlushEvery, [this] { return closing_; });
      closing = closing_;
    }
    Collect(/*all=*/false);
    if (closing) Collect(/*all=*/true);
  }
}

// `all`: also those that are not over.
void KernelRecorder::Collect(bool all) {
  library_.ActivityFlushAll(all ? cupti::kFlushForced : 0);
  size_t dropped = 0;
  if (library_.ActivityGetNumDroppedRecords(nullptr, 0, &dropped) ==
      cupti::kSuccess) {
    losses_[ActivityReader::kDropped] += dropped;
  }
  // Null once nothing is recorded any more; then buffers still go round.
  ThreadRecorder* const recorder = ThreadRecorder::Current();
  bool told_clock = false;
  while (true) {
    const ActivityBuffers::Full full = buffers_.TakeFull();
    if (full.buffer == nullptr) break;
    if (recorder != nullptr) {
      if (!std::exchange(told_clock, true)) TellClock(recorder);
      Read(full, recorder);
    }
    buffers_.Release(full.buffer);
  }
  if (told_clock) TellClock(recorder);
  if (recorder != nullptr) TellLosses(recorder);
}

// Puts a record. The writer makes room, unless it is stuck.
template <typename PutRecord>
bool PutPatiently(PutRecord put) {
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (!put()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

// The reading that took the shortest is the most exact.
void KernelRecorder::TellClock(ThreadRecorder* recorder) {
  uint64_t least = UINT64_MAX, before = 0, cupti_ns = 0, after = 0;
  for (int i = 0; i < 5; ++i) {
    uint64_t ns = 0;
    const uint64_t first = Ticks();
    if (library_.GetTimestamp(&ns) != cupti::kSuccess) return;
    const uint64_t last = Ticks();
    if (last - first >= least) continue;
    least = last - first;
    before = first, cupti_ns = ns, after = last;
  }
  PutPatiently(
      [&] { return recorder->PutActivityClock(before, cupti_ns, after); });
}

void KernelRecorder::Read(const ActivityBuffers::Full& full,
                          ThreadRecorder* recorder) {
  ActivityReader reader(library_, full);
  ThreadRecorder::Activity activity;
  while (reader.Next(&activity, losses_)) {
    bool put = false;
    try {
      put = PutPatiently([&] { return recorder->Put(activity); });
    } catch (const std::exception&) {
      // No memory for its name.
    }
    if (!put) ++losses_[ActivityReader::kDropped];
  }
}

void KernelRecorder::TellLosses(ThreadRecorder* recorder) {
  if ((losses_[0] | losses_[1] | losses_[2]) == 0) return;
  if (PutPatiently([&] { return recorder->PutActivityLoss(losses_); })) {
    for (uint64_t& loss : losses_) loss = 0;
  }
}

// Whether there is a recorder, with its buffers. Who asked for no kernels has
// none.
std::atomic<bool> was_opened{false};

}  // namespace

absl::StatusOr<uint32_t> OpenKernels(void (*say)(const char* what)) {
  was_opened = true;
  return KernelRecorder::Get().Open(say);
}
void InstallKernels() {
  if (was_opened) KernelRecorder::Get().Install();
}
void RemoveKernels() {
  if (was_opened) KernelRecorder::Get().Remove();
}
void CloseKernels() {
  if (was_opened) KernelRecorder::Get().Close();
}

}  // namespace torchtape::internal
