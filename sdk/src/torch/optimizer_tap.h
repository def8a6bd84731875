#ifndef TORCHTAPE_SDK_TORCH_OPTIMIZER_TAP_H_
#define TORCHTAPE_SDK_TORCH_OPTIMIZER_TAP_H_

// The taps around steps of LibTorch's optimizers. `step` is virtual: a call of
// an optimizer whose type the compiler knows goes through an import slot, any
// other through a table of virtual functions, which the program may have a copy
// of. Taps stand in all of these.
//
// A step is recorded as a range with the name that Python's optimizers give it,
// such as "Optimizer.step#SGD.step". Subclasses are seen that leave `step` to
// LibTorch's or call it; a `step` that is all their own is not.
//
// They stand apart from the other taps, since who counts steps by them needs
// them in steps that are not recorded, too.

#include <cstdint>

namespace torchtape::internal {

// Places the taps, or one more reason for them; does nothing where LibTorch's
// optimizers are not found, as in a static one. From any thread.
void HoldOptimizerTaps();

// One reason less; puts back what the slots held with the last.
void ReleaseOptimizerTaps();

// Looks at libraries that were loaded since, while held.
void RefreshOptimizerTaps();

// Is told of each step that has ended, on the thread that made it, unless it
// was made inside of another one. `optimizer` is the same for steps of the
// same. Null: nobody is told.
using OptimizerWatcher = void (*)(uint64_t optimizer);
void SetOptimizerWatcher(OptimizerWatcher watcher);

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_TORCH_OPTIMIZER_TAP_H_
