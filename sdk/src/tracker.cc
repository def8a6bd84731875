#include "torchtape/tracker.h"

#include <exception>
#include <mutex>
#include <new>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "automatic.h"
#include "core/add_model.h"
#include "core/environment.h"
#include "core/module_names.h"
#include "core/recorder.h"
#include "core/thread_recorder.h"
#include "say.h"
#include "session.h"
#include "torch/module_tree.h"
#include "torch/torch_facts.h"

namespace torchtape {
namespace {

using internal::Recorder;
using internal::Session;
using internal::ThreadRecorder;

// Runs `body` and lets nothing out of it.
template <typename Body>
absl::Status Guarded(Body&& body) noexcept {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("");
  } catch (const std::system_error& error) {
    // There is no thread to be had.
    return absl::UnavailableError(error.what());
  } catch (const std::exception& error) {
    return absl::InternalError(error.what());
  } catch (...) {
    return absl::InternalError("an unknown exception");
  }
}

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
    internal::Say(absl::StrCat("not recording: ", off_.message()));
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
