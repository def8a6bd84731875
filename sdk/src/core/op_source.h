#ifndef TORCHTAPE_SDK_CORE_OP_SOURCE_H_
#define TORCHTAPE_SDK_CORE_OP_SOURCE_H_

// Where events come from: something that hooks LibTorch while steps are
// recorded and calls ThreadRecorder on the threads that run them. Between
// recorded steps it is removed and costs nothing.

#include "torchtape/options.h"

namespace torchtape::internal {

// What the sources are asked to record, see TrackerOptions.
struct Recorded {
  bool shapes = true;
  bool identities = true;
  bool arguments = true;
  bool memory = true;  // see memory_observer.h
  bool backward = true;
  bool saved_tensors = true;
  bool device_calls = false;
  DeviceTime device_time = DeviceTime::kOff;
  int timed_device_type = 0;  // as c10 numbers it; ops of others get no time

  bool Times(DeviceTime level) const { return device_time >= level; }
};

// What hooks on all threads record. Written while none is installed.
inline Recorded recorded;

class OpSource {
 public:
  virtual ~OpSource() = default;

  // Hooks, for all threads, to record what `recorded` says. May lock and
  // allocate. Called while not installed.
  virtual void Install() = 0;

  // Unhooks. Threads may still be inside a hook when this returns.
  virtual void Remove() = 0;

  // A step has ended, while installed: on the thread that trains, and not
  // inside a hook.
  virtual void StepEnded() {}

  // As Run.op_source in the log.
  virtual const char* name() const = 0;
};

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_CORE_OP_SOURCE_H_
