#ifndef TORCHTAPE_TRACKER_H_
#define TORCHTAPE_TRACKER_H_

// Records a LibTorch training run into one log file: every operator with its
// tensors, the backward pass, memory, steps and the models' modules.
//
//   #include <torchtape/tracker.h>
//
//   torchtape::Tracker tracker("run.tape");
//   tracker.Attach(*model, "model");
//   for (auto& batch : *loader) {
//     ...
//     tracker.Log("loss", loss.item<double>());
//     tracker.Step();
//   }
//   // The destructor stops. Then: torchtape summary run.tape
//
// Training comes first. No function here throws, aborts or waits for the disk
// (`Stop()` and the destructor excepted), and none changes what the program
// computes. A tracker that cannot record is off: every call on it is allowed
// and does nothing, and `status()` tells why.

#include <atomic>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "torchtape/options.h"

namespace torch {
namespace nn {
class Module;
}
namespace jit {
struct Module;
}
}  // namespace torch

namespace torchtape {

// One recording of this process. There can be one at a time; a second tracker
// is off. In a child made by fork() the tracker is off, and the parent's goes
// on.
//
// Thread-safety: every function may be called from any thread at any time, but
// `Stop()` and the destructor by one thread only.
class Tracker {
 public:
  // Starts to record all threads of the process. If that fails the tracker is
  // off, one line on stderr says why, and `status()` is
  //   InvalidArgument     an option or variable is out of range; it is named
  //   FailedPrecondition  another tracker is recording in this process, or this
  //                       process is a fork of one that records
  //   NotFound, PermissionDenied, ResourceExhausted, Unavailable
  //                       the log cannot be created, or there is no thread or
  //                       memory to be had
  // Takes some milliseconds.
  explicit Tracker(absl::string_view log_path) noexcept;
  explicit Tracker(const TrackerOptions& options) noexcept;

  Tracker(const Tracker&) = delete;
  Tracker& operator=(const Tracker&) = delete;

  // Stops, if `Stop()` was not called.
  ~Tracker();

  // Writes the module tree of `model` into the log, with its parameters and
  // buffers as they are now, under the name `name`. The model is only looked at
  // during the call. Call again after the model has changed.
  void Attach(const torch::nn::Module& model, absl::string_view name) noexcept;
  void Attach(const torch::jit::Module& model, absl::string_view name) noexcept;

  // Ends the step that is running and starts the next. The first step starts
  // with the tracker.
  void Step() noexcept;

  // The step that is running is the first of an epoch.
  void StartEpoch() noexcept;

  // Writes a number of the training, such as its loss, at this step.
  void Log(absl::string_view name, double value) noexcept;

  // With `TrackerOptions::keep_last`: what is in full now stays so for the rest
  // of the run, up to four times; `torchtape info` shows `why`. Without it
  // everything stays anyway.
  void Keep(absl::string_view why) noexcept;

  // Stops recording, writes what is buffered and closes the log. Returns the
  // first error of the whole recording, which is
  //   DataLoss           events were dropped; the log says which
  //   ResourceExhausted  the disk is full; the log ends early
  //   Unavailable        the disk failed; the log ends early
  // or what `status()` was after the constructor. A second call returns the
  // same again.
  absl::Status Stop() noexcept;

  // The first error so far. OK while all goes well.
  absl::Status status() const noexcept;

  // Where the log is written, with "{rank}" and "{pid}" replaced.
  const std::string& log_path() const noexcept { return log_path_; }

 private:
  absl::Status Start(TrackerOptions options);
  void SayOff() const noexcept;

  std::string log_path_;
  mutable std::mutex mutex_;  // of off_
  absl::Status off_;          // why it never started, or what Stop() returned
  std::atomic<bool> started_{false};
};

}  // namespace torchtape

#endif  // TORCHTAPE_TRACKER_H_
