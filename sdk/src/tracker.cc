#include "torchtape/tracker.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <memory>
#include <mutex>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "automatic.h"
#include "core/add_model.h"
#include "core/device_call_taps.h"
#include "core/device_timer.h"
#include "core/environment.h"
#include "core/kernel_recorder.h"
#include "core/module_names.h"
#include "core/op_source.h"
#include "core/recorder.h"
#include "core/schedule.h"
#include "core/synced_sink.h"
#include "core/thread_recorder.h"
#include "torch/device_events.h"
#include "torch/device_memory_tap.h"
#include "torch/memory_observer.h"
#include "torch/module_call.h"
#include "torch/module_tree.h"
#include "torch/op_callbacks.h"
#include "torch/op_taps.h"
#include "torch/saved_tensor_taps.h"
#include "torch/torch_facts.h"

namespace torchtape {
namespace {

using internal::Recorder;
using internal::StepPlan;
using internal::ThreadRecorder;

void Say(const std::string& what) {
  std::fprintf(stderr, "torchtape: %s\n", what.c_str());
}

void SayError(const absl::Status& status) {
  Say(std::string(status.message()));
}

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

// Runs `body` and lets nothing out of it.
template <typename Body>
absl::Status Guarded(Body&& body) noexcept {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("");
  } catch (const std::system_error& error) {
    return absl::UnavailableError(
        error.what());  // there is no thread to be had
  } catch (const std::exception& error) {
    return absl::InternalError(error.what());
  } catch (...) {
    return absl::InternalError("an unknown exception");
  }
}

// Null if there is none such.
std::unique_ptr<internal::OpSource> MakeSource(OpSource wanted,
                                               uint64_t audit_every) {
  std::unique_ptr<internal::OpSource> source;
  if (wanted != OpSource::kCallbacks)
    source = internal::MakeOpTaps(audit_every);
  if (wanted != OpSource::kTaps && source == nullptr) {
    source = internal::MakeOpCallbacks();
  }
  return source;
}

void WriteOptions(const TrackerOptions& options, v1::Options* message) {
  const internal::Recorded& recorded = internal::recorded;
  message->set_shapes(recorded.shapes);
  message->set_identities(recorded.identities);
  message->set_arguments(recorded.arguments);
  message->set_memory(recorded.memory);
  message->set_backward(recorded.backward);
  message->set_saved_tensors(recorded.saved_tensors);
  message->set_device_calls(recorded.device_calls);
  message->set_max_buffer_bytes(options.max_buffer_bytes);
  message->set_schedule(internal::Describe(options.schedule));
  message->set_keep_last_steps(options.keep_last.steps);
  message->set_keep_last_bytes(options.keep_last.bytes);
}

// A tracker that is never destroyed still leaves a finished log, if the process
// ends in an orderly way.
void StopAtExit();

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
    if (!kept_) internal::CloseKernels();
  }
  void Keep() { kept_ = true; }

  // What serves of the level that is asked for; the log says what and why.
  DeviceTime Open(DeviceTime level, v1::Options* message) {
    if (level == DeviceTime::kKernels) {
      const absl::StatusOr<uint32_t> version =
          internal::OpenKernels([](const char* what) { Say(what); });
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
internal::DeviceTimer* MakeDeviceTimer(DeviceTime level, v1::Options* message) {
  if (level == DeviceTime::kOff) return nullptr;
  // Kernels tell of what is inside of steps.
  if (level == DeviceTime::kKernels) level = DeviceTime::kSteps;
  const absl::StatusOr<internal::DeviceEvents*> events =
      internal::TorchDeviceEvents();
  if (!events.ok()) {
    message->set_no_device_time(std::string(events.status().message()));
    return nullptr;
  }
  static internal::DeviceTimer* const timer =
      new internal::DeviceTimer(*events, [](const char* what) { Say(what); });
  internal::recorded.device_time = level;
  internal::recorded.timed_device_type = internal::TimedDeviceType();
  return timer;
}

// The recording that is going on, if any. Outlives every tracker, since the
// process may end while one lives.
class Session {
 public:
  static Session& Get() {
    static Session* const session = new Session;
    return *session;
  }

  absl::Status Start(const TrackerOptions& options, const std::string& path,
                     v1::Run run);
  absl::Status Stop();
  void Step();
  void StartEpoch();

 private:
  Session() {
    // Threads may join the recording before anything is hooked.
    ThreadRecorder::SetTorchThread(&internal::CurrentTorchThread);
    Recorder::Get().set_on_error(&SayError);
    Recorder::Get().set_on_no_journal([](const absl::Status& status) {
      Say(absl::StrCat("no journal, so a crash loses about a second: ",
                       status.message()));
    });
    Recorder::Get().set_on_keeps_all([](const absl::Status& status) {
      Say(absl::StrCat("keep_last: the log keeps everything from here on: ",
                       status.message()));
    });
    internal::MakeCallbackList();
    StopAtExit();
  }

  // Hooks and unhooks as the schedule wants it for the step that is running.
  void FollowPlan();
  void TimeStep();
  void Unhook();

  std::mutex mutex_;
  bool active_ = false;
  bool observes_memory_ = false;
  std::string path_;
  internal::StepPlanner planner_{Schedule()};
  StepPlan plan_ = StepPlan::kOff;
  std::unique_ptr<internal::OpSource> source_;
  internal::DeviceTimer* timer_ = nullptr;  // null: no device times
};

void StopAtExit() {
  std::atexit([] { Session::Get().Stop().IgnoreError(); });
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
    const absl::Status observes = internal::CheckMemoryObserver();
    observes_memory_ = observes.ok();
    if (options.memory && !observes_memory_) SayError(observes);
  }
  internal::recorded = {options.shapes,
                        options.identities,
                        options.arguments,
                        options.memory && observes_memory_,
                        options.backward,
                        options.saved_tensors && options.shapes &&
                            options.identities &&
                            internal::CanTapSavedTensors(),
                        options.device_calls};
  WriteOptions(options, run.mutable_options());
  Kernels kernels;
  const DeviceTime device_time =
      kernels.Open(options.device_time, run.mutable_options());
  timer_ = MakeDeviceTimer(device_time, run.mutable_options());
  planner_ = internal::StepPlanner(options.schedule);
  plan_ = StepPlan::kOff;
  auto sink = format::CreateFile(path);
  if (!sink.ok()) return sink.status();
  NewLog log(path);
  internal::RecorderOptions recorder_options;
  if (options.sync_within_ms != 0) {
    // Events wait for their chunk, and the chunk for the disk. A day is for
    // ever, and far from what the clock's type can hold.
    constexpr uint64_t kDayMs = 86'400'000;
    const std::chrono::nanoseconds within =
        std::chrono::milliseconds(std::min(options.sync_within_ms, kDayMs));
    recorder_options.flush_ns = static_cast<uint64_t>(within.count()) / 4 * 3;
    sink = std::make_unique<internal::SyncedSink>(*std::move(sink), within / 4);
  }
  recorder_options.max_buffer_bytes = options.max_buffer_bytes;
  recorder_options.retention.keep_last = options.keep_last;
  // A small bound has small rings, so that it has some.
  while (recorder_options.ring_words * sizeof(uint64_t) >
         options.max_buffer_bytes / 4) {
    recorder_options.ring_words /= 2;
  }
  recorder_options.encoder.memory = internal::recorded.memory;
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
      internal::InstallMemoryObserver();
      internal::InstallDeviceMemoryTap();
    }
    if (internal::recorded.saved_tensors) internal::InstallSavedTensorTaps();
    if (internal::recorded.device_calls) internal::InstallDeviceCallTaps();
  }
  if ((plan == StepPlan::kRecord) != (plan_ == StepPlan::kRecord)) {
    if (plan == StepPlan::kRecord) {
      internal::InstallKernels();
    } else {
      internal::RemoveKernels();
    }
    if (ThreadRecorder* recorder = ThreadRecorder::Current()) {
      recorder->Window(plan == StepPlan::kRecord);
    }
  }
  if (plan == StepPlan::kOff) Unhook();
  internal::RecordModuleScopes(plan != StepPlan::kOff);
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
  internal::RemoveMemoryObserver();
  internal::RemoveDeviceMemoryTap();
  internal::RemoveSavedTensorTaps();
  internal::RemoveDeviceCallTaps();
  source_->Remove();
}

void Session::Step() {
  std::lock_guard<std::mutex> lock(mutex_);
  if (!active_) return;
  planner_.Step();
  if (plan_ != StepPlan::kOff) {
    source_->StepEnded();
    if (observes_memory_) internal::RefreshDeviceMemoryTap();
    internal::RefreshSavedTensorTaps();
    internal::RefreshDeviceCallTaps();
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
  internal::RecordModuleScopes(false);
  plan_ = StepPlan::kOff;
  internal::CloseKernels();
  if (timer_ != nullptr) timer_->Stop(ThreadRecorder::Current());
  absl::Status status = Recorder::Get().Stop();
  internal::ModuleNames::Get().Clear();
  if (isatty(STDERR_FILENO) && status.ok()) {
    Say(absl::StrCat("wrote ", path_, "; see: torchtape summary ", path_));
  }
  return status;
}

}  // namespace

Tracker::Tracker(absl::string_view log_path) noexcept {
  off_ = Guarded([&] {
    TrackerOptions options;
    options.log_path = std::string(log_path);
    return Start(std::move(options));
  });
  if (!off_.ok()) SayOff();
}

Tracker::Tracker(const TrackerOptions& options) noexcept {
  off_ = Guarded([&] { return Start(options); });
  if (!off_.ok()) SayOff();
}

absl::Status Tracker::Start(TrackerOptions options) {
  absl::Status status = internal::ApplyEnvironment(&options);
  if (!status.ok()) return status;
  if (!options.enabled) return absl::OkStatus();
  v1::Run run;
  run.set_tracker_version(TORCHTAPE_VERSION);
  internal::ReadProcessFacts(options, &run);
  const internal::TorchFacts torch = internal::ReadTorchFacts();
  run.set_torch_version(torch.version);
  run.set_torch_build(torch.build);
  log_path_ = internal::ExpandPath(options.log_path, run);
  internal::GiveWay();
  status = Session::Get().Start(options, log_path_, std::move(run));
  started_ = status.ok();
  return status;
}

void Tracker::SayOff() const noexcept {
  Guarded([&] {
    Say(absl::StrCat("not recording: ", off_.message()));
    return absl::OkStatus();
  }).IgnoreError();
}

Tracker::~Tracker() { Stop().IgnoreError(); }

void Tracker::Step() noexcept {
  if (!started_ || Recorder::Get().forked()) return;
  Guarded([] {
    Session::Get().Step();
    return absl::OkStatus();
  }).IgnoreError();
}

void Tracker::StartEpoch() noexcept {
  if (!started_ || Recorder::Get().forked()) return;
  Guarded([] {
    Session::Get().StartEpoch();
    return absl::OkStatus();
  }).IgnoreError();
}

void Tracker::Log(absl::string_view name, double value) noexcept {
  if (!started_) return;
  Guarded([&] {
    if (ThreadRecorder* recorder = ThreadRecorder::Current()) {
      recorder->Value(name, value);
    }
    return absl::OkStatus();
  }).IgnoreError();
}

void Tracker::Keep(absl::string_view why) noexcept {
  if (!started_) return;
  Guarded([&] {
    if (ThreadRecorder* recorder = ThreadRecorder::Current()) {
      recorder->Keep(why, /*out_of_memory=*/false);
    }
    return absl::OkStatus();
  }).IgnoreError();
}

namespace {

template <typename Module>
void AttachModel(const Module& model, absl::string_view name) {
  Guarded([&] {
    ThreadRecorder* recorder = ThreadRecorder::Current();
    if (recorder == nullptr) return absl::OkStatus();
    const internal::ModelFacts facts = internal::DescribeModel(model, name);
    internal::ModuleNames::Get().Attach(facts);
    internal::AddModel(facts, recorder);
    return absl::OkStatus();
  }).IgnoreError();
}

}  // namespace

void Tracker::Attach(const torch::nn::Module& model,
                     absl::string_view name) noexcept {
  if (started_) AttachModel(model, name);
}

void Tracker::Attach(const torch::jit::Module& model,
                     absl::string_view name) noexcept {
  if (started_) AttachModel(model, name);
}

absl::Status Tracker::Stop() noexcept {
  if (started_) {
    const absl::Status stopped = Guarded([] { return Session::Get().Stop(); });
    std::lock_guard<std::mutex> lock(mutex_);
    off_ = stopped;
    started_ = false;
  }
  return status();
}

absl::Status Tracker::status() const noexcept {
  if (started_) return Recorder::Get().status();
  std::lock_guard<std::mutex> lock(mutex_);
  return off_;
}

}  // namespace torchtape
