#ifndef TORCHTAPE_SDK_CORE_MODEL_MESSAGE_H_
#define TORCHTAPE_SDK_CORE_MODEL_MESSAGE_H_

#include "core/model_facts.h"
#include "torchtape/v1/tape.pb.h"

namespace torchtape::internal {

// For the log. Tensor and storage fields hold addresses, which the encoder
// turns into ids.
v1::Model ToMessage(const ModelFacts& facts);

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_CORE_MODEL_MESSAGE_H_
