#ifndef TORCHTAPE_SDK_TORCH_PYTHON_STEPS_H_
#define TORCHTAPE_SDK_TORCH_PYTHON_STEPS_H_

// Steps of Python's optimizers. No tap sees them, since they are written in
// Python, but each is a range (RECORD_USER_SCOPE) with a name such as
// "Optimizer.step#SGD.step", for which a callback waits.

#include "torch/optimizer_tap.h"

namespace torchtape::internal {

// Tells `watcher` of each such step that has ended, on the thread that made it.
// Optimizers of one class are not told apart: the range has no more than its
// name. Nothing happens where LibTorch has no Python. Once a process.
void WatchPythonSteps(OptimizerWatcher watcher);

// Nobody is told any more.
void UnwatchPythonSteps();

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_TORCH_PYTHON_STEPS_H_
