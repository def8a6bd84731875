#ifndef TORCHTAPE_SDK_CORE_ADD_MODEL_H_
#define TORCHTAPE_SDK_CORE_ADD_MODEL_H_

#include "core/model_facts.h"

namespace torchtape::internal {

class ThreadRecorder;

// Tells the log of a model, or of an optimizer, as it is now. `recorder` is the
// calling thread's. Locks and allocates.
void AddModel(const ModelFacts& facts, ThreadRecorder* recorder);

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_CORE_ADD_MODEL_H_
