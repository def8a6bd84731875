#ifndef TORCHTAPE_SDK_CORE_STEP_FINDER_H_
#define TORCHTAPE_SDK_CORE_STEP_FINDER_H_

// Finds the steps of a training that does not tell of them, from those of its
// optimizers. A step ends where its leading optimizer has made one. The leader
// is the first that is seen: where several take turns, as in adversarial
// training, one turn of all of them is one step. A leader that is seen no more,
// since its phase of the training is over, is followed by the first optimizer
// that makes two steps without it.

#include <cstdint>

#include "absl/container/flat_hash_set.h"

namespace torchtape::internal {

class StepFinder {
 public:
  // `optimizer` has made a step. Whether a step of the training ends with it.
  bool EndsStep(uint64_t optimizer) {
    const bool leads = !has_leader_ || optimizer == leader_;
    if (!leads && since_.insert(optimizer).second) return false;
    has_leader_ = true;
    leader_ = optimizer;
    since_.clear();
    return true;
  }

 private:
  bool has_leader_ = false;
  uint64_t leader_ = 0;
  absl::flat_hash_set<uint64_t> since_;  // steps were made since the leader's
};

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_CORE_STEP_FINDER_H_
