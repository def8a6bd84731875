#include "automatic.h"

#include <dlfcn.h>
#include <sys/stat.h>

#include <atomic>
#include <cstdio>
#include <memory>
#include <mutex>
#include <string>

#include "absl/strings/str_cat.h"
#include "core/environment.h"
#include "core/recorder.h"
#include "core/step_finder.h"
#include "say.h"
#include "torch/optimizer_tap.h"
#include "torch/python_steps.h"
#include "torchtape/tracker.h"

namespace torchtape::internal {
namespace {

// Never destroyed: an optimizer may be inside OnOptimizerStep() at any time.
struct Automatic {
  explicit Automatic(const TrackerOptions& options) : tracker(options) {}

  Tracker tracker;
  dev_t device = 0;  // of the log, and its number there: another run's may
  ino_t inode = 0;   // have its name later
  std::mutex mutex;  // of what follows
  StepFinder finder;
  uint64_t steps = 0;
};

std::atomic<Automatic*> automatic{nullptr};
thread_local bool starting = false;

void OnOptimizerStep(uint64_t optimizer) {
  Automatic* const now = automatic.load(std::memory_order_acquire);
  // In a forked child the lock may be held for ever by a thread that is gone.
  if (now == nullptr || Recorder::Get().forked()) return;
  try {
    std::lock_guard<std::mutex> lock(now->mutex);
    if (!now->finder.EndsStep(optimizer)) return;
    ++now->steps;
  } catch (...) {
    return;  // no memory to remember an optimizer in
  }
  now->tracker.Step();
  RefreshOptimizerTaps();
}

// Takes away a log in which there is nothing.
void RemoveLog(const Automatic& of) {
  const char* const path = of.tracker.log_path().c_str();
  struct stat found;
  if (stat(path, &found) == 0 && found.st_dev == of.device &&
      found.st_ino == of.inode) {
    std::remove(path);
  }
}

void Start() {
  TrackerOptions options;
  options.log_path = AutomaticPath();
  if (options.log_path.empty()) return;
  starting = true;
  auto started = std::make_unique<Automatic>(options);
  starting = false;
  // A tracker that is off has said why, unless it was told to be.
  if (!started->tracker.status().ok() || started->tracker.log_path().empty()) {
    return;
  }
  struct stat made;
  if (stat(started->tracker.log_path().c_str(), &made) == 0) {
    started->device = made.st_dev;
    started->inode = made.st_ino;
  }
  automatic.store(started.release(), std::memory_order_release);
  HoldOptimizerTaps();
  SetOptimizerWatcher(&OnOptimizerStep);
  WatchPythonSteps(&OnOptimizerStep);
}

}  // namespace

void StartAutomatic() noexcept {
  try {
    Start();
  } catch (...) {
    starting = false;
  }
}

void StopAutomatic() noexcept {
  Automatic* const stopped = automatic.exchange(nullptr);
  if (stopped == nullptr || Recorder::Get().forked()) return;
  try {
    UnwatchPythonSteps();
    SetOptimizerWatcher(nullptr);
    ReleaseOptimizerTaps();
    stopped->tracker.Stop().IgnoreError();
    std::lock_guard<std::mutex> lock(stopped->mutex);
    if (stopped->steps == 0) RemoveLog(*stopped);
    Say(absl::StrCat(
        "the program starts a tracker of its own, which goes first",
        stopped->steps == 0 ? "" : "; what came before is in ",
        stopped->steps == 0 ? "" : stopped->tracker.log_path()));
  } catch (...) {
    // No memory; the tracker has stopped, or stops at exit.
  }
}

void DismissPreloaded() noexcept {
  if (void* leave = dlsym(RTLD_DEFAULT, "torchtape_preload_leave")) {
    reinterpret_cast<void (*)()>(leave)();
  }
}

void GiveWay() noexcept {
  if (starting) return;
  StopAutomatic();
  DismissPreloaded();
}

}  // namespace torchtape::internal
