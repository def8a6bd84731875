#ifndef TORCHTAPE_SDK_TORCH_OP_CALLBACKS_H_
#define TORCHTAPE_SDK_TORCH_OP_CALLBACKS_H_

// Operators, backward nodes, ranges and TorchScript functions through
// LibTorch's RecordFunction: works on every build, and costs what
// RecordFunction costs.

#include <cstdint>
#include <memory>

#include "core/op_source.h"

namespace torchtape::internal {

std::unique_ptr<OpSource> MakeOpCallbacks();

// What taps cannot see, beside them: ranges and TorchScript functions always,
// which costs an operator nothing; and operators that are called boxed, inside
// TorchScript functions, or on all threads where that is asked for. A call that
// a tap has told of is left to the tap.
class CallbacksBesideTaps {
 public:
  void Install(const Recorded& recorded);
  void Remove();

  // Operators on all threads, from here on or no more.
  void WatchOperators(bool watch);

  // Operators that callbacks have recorded so far because no tap did; those
  // inside TorchScript functions are not among them.
  static uint64_t missed_by_taps();
  // Operators that both have seen.
  static uint64_t seen_by_both();

 private:
  uint64_t scopes_ = 0;  // handles of callbacks; 0: none
  uint64_t operators_ = 0;
};

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_TORCH_OP_CALLBACKS_H_
