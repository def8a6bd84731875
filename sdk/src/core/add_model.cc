#include "core/add_model.h"

#include "core/model_message.h"
#include "core/recorder.h"
#include "core/thread_recorder.h"

namespace torchtape::internal {

void AddModel(const ModelFacts& facts, ThreadRecorder* recorder) {
  recorder->Model(Recorder::Get().AddModel(ToMessage(facts)));
}

}  // namespace torchtape::internal
