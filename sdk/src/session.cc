#include "session.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/device_call_taps.h"
#include "core/environment.h"
#include "core/kernel_recorder.h"
#include "core/module_names.h"
#include "core/recorder.h"
#include "core/synced_sink.h"
#include "core/thread_recorder.h"
#include "say.h"
#include "torch/device_events.h"
#include "torch/device_memory_tap.h"
#include "torch/memory_observer.h"
#include "torch/module_call.h"
#include "torch/op_callbacks.h"
#include "torch/op_taps.h"
#include "torch/saved_tensor_taps.h"
#include "torch/torch_facts.h"

namespace torchtape::internal {
namespace {

void SayError(const absl::Status& status) { Say(status.message()); }

// A log that was just made. Goes again unless it is kept.
class NewLog {
 public:
  explicit NewLog(const std::string& path) : path_(path) {}
  ~NewLog() {
    std::error_code error;
    if (!kept_ && std::filesystem::is_regular_file(path_, error)) {
      std::filesystem::remove(path_, error);
    }
  }
  void Keep() { kept_ = true; }

 private:
  const std::string path_;
  bool kept_ = false;
};

// Null if there is none such.
std::unique_ptr<OpSource> MakeSource(torchtape::OpSource wanted,
                                     uint64_t audit_every) {
  std::unique_ptr<OpSource> source;
  if (wanted != torchtape::OpSource::kCallbacks) {
    source = MakeOpTaps(audit_every);
  }
  if (wanted != torchtape::OpSource::kTaps && source == nullptr) {
    source = MakeOpCallbacks();
  }
  return source;
}

void WriteOptions(const TrackerOptions& options, v1::Options* message) {
  message->set_shapes(recorded.shapes);
  message->set_identities(recorded.identities);
  message->set_arguments(recorded.arguments);
  message->set_memory(recorded.memory);
  message->set_backward(recorded.backward);
  message->set_saved_tensors(recorded.saved_tensors);
  message->set_device_calls(recorded.device_calls);
  message->set_max_buffer_bytes(options.max_buffer_bytes);
  message->set_schedule(Describe(options.schedule));
  message->set_keep_last_steps(options.keep_last.steps);
  message->set_keep_last_bytes(options.keep_last.bytes);
}

// A tracker that is never destroyed still leaves a finished log, if the process
// ends in an orderly way.
void StopAtExit() {
  std::atexit([] { Session::Get().Stop().IgnoreError(); });
}

// Handlers run in reverse order: this one is registered once CUDA has started,
// and so comes before CUDA ends.
void StopBeforeDevice() {
  static const bool once = (StopAtExit(), true);
  (void)once;
}

// CUPTI's records of kernels, which end with this unless they are kept.
class Kernels {
 public:
  ~Kernels() {
    if (!kept_) CloseKernels();
  }
  void Keep() { kept_ = true; }

  // What serves of the level that is asked for; the log says what and why.
  DeviceTime Open(DeviceTime level, v1::Options* message) {
    if (level == DeviceTime::kKernels) {
      const absl::StatusOr<uint32_t> version =
          OpenKernels([](const char* what) { Say(what); });
      if (version.ok()) {
        message->set_cupti_version(*version);
        StopBeforeDevice();
      } else {
        message->set_no_kernels(std::string(version.status().message()));
        Say(absl::StrCat("no kernels, but device times of ops: ",
                         version.status().message()));
        level = DeviceTime::kOps;
      }
    }
    message->set_device_time(static_cast<v1::DeviceTimeLevel>(level));
    return level;
  }

 private:
  bool kept_ = false;
};

// Null if no device times were asked for, or none can be had, which the log
// then says. Never destroyed, as threads may be inside.
DeviceTimer* MakeDeviceTimer(DeviceTime level, v1::Options* message) {
  if (level == DeviceTime::kOff) return nullptr;
  // Kernels tell of what is inside of steps.
  if (level == DeviceTime::kKernels) level = DeviceTime::kSteps;
  const absl::StatusOr<DeviceEvents*> events = TorchDeviceEvents();
  if (!events.ok()) {
    message->set_no_device_time(std::string(events.status().message()));
    return nullptr;
  }
  static DeviceTimer* const timer =
      new DeviceTimer(*events, [](const char* what) { Say(what); });
  recorded.device_time = level;
  recorded.timed_device_type = TimedDeviceType();
  return timer;
}

}  // namespace

Session& Session::Get() {
  static Session* const session = new Session;
  return *session;
}

Session::Session() {
  // Threads may join the recording before anything is hooked.
  ThreadRecorder::SetTorchThread(&CurrentTorchThread);
  Recorder::Get().set_on_error(&SayError);
  Recorder::Get().set_on_no_journal([](const absl::Status& status) {
    Say(absl::StrCat("no journal, so a crash loses about a second: ",
                     status.message()));
  });
  Recorder::Get().set_on_keeps_all([](const absl::Status& status) {
    Say(absl::StrCat("keep_last: the log keeps everything from here on: ",
                     status.message()));
  });
  MakeCallbackList();
  StopAtExit();
}

absl::Status Session::Start(const TrackerOptions& options,
                            const std::string& path, v1::Run run) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (active_) {
    return absl::FailedPreconditionError(
        "another tracker is recording in this process");
  }
  source_ = MakeSource(options.op_source, options.audit_every);
  if (source_ == nullptr) {
    return absl::UnimplementedError(
        "taps were asked for, and this LibTorch cannot be tapped");
  }
  run.set_op_source(source_->name());
  // Ids of storages need to know of frees.
  observes_memory_ = false;
  if (options.memory || options.identities) {
    const absl::Status observes = CheckMemoryObserver();
    observes_memory_ = observes.ok();
    if (options.memory && !observes_memory_) SayError(observes);
  }
  recorded = {options.shapes,
              options.identities,
              options.arguments,
              options.memory && observes_memory_,
              options.backward,
              options.saved_tensors && options.shapes && options.identities &&
                  CanTapSavedTensors(),
              options.device_calls};
  WriteOptions(options, run.mutable_options());
  Kernels kernels;
  const DeviceTime device_time =
      kernels.Open(options.device_time, run.mutable_options());
  timer_ = MakeDeviceTimer(device_time, run.mutable_options());
  planner_ = StepPlanner(options.schedule);
  plan_ = StepPlan::kOff;
  auto sink = format::CreateFile(path);
  if (!sink.ok()) return sink.status();
  NewLog log(path);
  RecorderOptions recorder_options;
  if (options.sync_within_ms != 0) {
    // Events wait for their chunk, and the chunk for the disk. A day is for
    // ever, and far from what the clock's type can hold.
    constexpr uint64_t kDayMs = 86'400'000;
    const std::chrono::nanoseconds within =
        std::chrono::milliseconds(std::min(options.sync_within_ms, kDayMs));
    recorder_options.flush_ns = static_cast<uint64_t>(within.count()) / 4 * 3;
    sink = std::make_unique<SyncedSink>(*std::move(sink), within / 4);
  }
  recorder_options.max_buffer_bytes = options.max_buffer_bytes;
  recorder_options.retention.keep_last = options.keep_last;
  // A small bound has small rings, so that it has some.
  while (recorder_options.ring_words * sizeof(uint64_t) >
         options.max_buffer_bytes / 4) {
    recorder_options.ring_words /= 2;
  }
  recorder_options.encoder.memory = recorded.memory;
  recorder_options.encoder.identities = options.identities;
  recorder_options.encoder.recording = false;
  // What is not a file, such as a device, has nothing beside it.
  std::error_code error;
  if (std::filesystem::is_regular_file(path, error)) {
    recorder_options.journal_path = format::JournalPath(path);
  }
  absl::Status status =
      Recorder::Get().Start(recorder_options, *std::move(sink), std::move(run));
  if (!status.ok()) return status;
  log.Keep();
  kernels.Keep();
  active_ = true;
  path_ = path;
  if (timer_ != nullptr) timer_->Start();
  FollowPlan();
  TimeStep();
  if (isatty(STDERR_FILENO)) {
    Say(absl::StrCat("recording to ", path, " (", source_->name(), ")"));
  }
  return absl::OkStatus();
}

void Session::FollowPlan() {
  const StepPlan plan = planner_.Current();
  if (plan == plan_) return;
  if (plan_ == StepPlan::kOff) {
    source_->Install();
    if (observes_memory_) {
      InstallMemoryObserver();
      InstallDeviceMemoryTap();
    }
    if (recorded.saved_tensors) InstallSavedTensorTaps();
    if (recorded.device_calls) InstallDeviceCallTaps();
  }
  if ((plan == StepPlan::kRecord) != (plan_ == StepPlan::kRecord)) {
    if (plan == StepPlan::kRecord) {
      InstallKernels();
    } else {
      RemoveKernels();
    }
    if (ThreadRecorder* recorder = ThreadRecorder::Current()) {
      recorder->Window(plan == StepPlan::kRecord);
    }
  }
  if (plan == StepPlan::kOff) Unhook();
  RecordModuleScopes(plan != StepPlan::kOff);
  plan_ = plan;
}

// Ends the device's part of the step that was timed, and begins that of the one
// that is running, if it is recorded.
void Session::TimeStep() {
  if (timer_ == nullptr) return;
  timer_->EndStep();
  if (plan_ == StepPlan::kRecord) timer_->BeginStep(planner_.step());
  if (ThreadRecorder* recorder = ThreadRecorder::Current()) {
    timer_->Resolve(recorder);
  }
}

void Session::Unhook() {
  RemoveMemoryObserver();
  RemoveDeviceMemoryTap();
  RemoveSavedTensorTaps();
  RemoveDeviceCallTaps();
  source_->Remove();
}

void Session::Step() {
  std::lock_guard<std::mutex> lock(mutex_);
  if (!active_) return;
  planner_.Step();
  if (plan_ != StepPlan::kOff) {
    source_->StepEnded();
    if (observes_memory_) RefreshDeviceMemoryTap();
    RefreshSavedTensorTaps();
    RefreshDeviceCallTaps();
  }
  const StepPlan plan = planner_.Current();
  if (ThreadRecorder* recorder = ThreadRecorder::Current()) {
    recorder->Step(planner_.step(), plan == StepPlan::kRecord);
  }
  FollowPlan();
  TimeStep();
}

void Session::StartEpoch() {
  std::lock_guard<std::mutex> lock(mutex_);
  if (!active_) return;
  planner_.StartEpoch();
  const StepPlan before = plan_;
  FollowPlan();
  if (plan_ != before) TimeStep();
}

absl::Status Session::Stop() {
  // In a forked child the lock may be held for ever by a thread that is gone.
  if (Recorder::Get().forked()) return absl::OkStatus();
  std::lock_guard<std::mutex> lock(mutex_);
  if (!active_) return absl::OkStatus();
  active_ = false;
  if (plan_ != StepPlan::kOff) Unhook();
  RecordModuleScopes(false);
  plan_ = StepPlan::kOff;
  CloseKernels();
  if (timer_ != nullptr) timer_->Stop(ThreadRecorder::Current());
  absl::Status status = Recorder::Get().Stop();
  ModuleNames::Get().Clear();
  if (isatty(STDERR_FILENO) && status.ok()) {
    Say(absl::StrCat("wrote ", path_, "; see: torchtape summary ", path_));
  }
  return status;
}

}  // namespace torchtape::internal
