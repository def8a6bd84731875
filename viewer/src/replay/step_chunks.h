#ifndef TORCHTAPE_VIEWER_SRC_REPLAY_STEP_CHUNKS_H_
#define TORCHTAPE_VIEWER_SRC_REPLAY_STEP_CHUNKS_H_

// Which chunks tell what happened in some steps, so that nobody who asks for
// these reads the whole log. README.md ("Some steps") says what is told of
// them.

#include <cstddef>
#include <optional>
#include <vector>

#include "torchtape/format/log_reader.h"
#include "torchtape/viewer/step_range.h"

namespace torchtape::viewer {

struct StepChunks {
  // Places in the index, in order: the chunks with the models and with the
  // steps in which memory was allocated that is live when the steps begin.
  std::vector<size_t> before;
  // From this place on the log is read on until the steps are over: it has the
  // beginning of the step before the first.
  size_t from = 0;
};

// Nullopt: the whole log has to be read, since it has no index, does not hold
// the steps, or has what only all of its chunks tell: released steps, times of
// devices, more live memory than is told of at each chunk.
std::optional<StepChunks> ChunksOfSteps(const StepRange& steps,
                                        const format::LogReader& reader);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_REPLAY_STEP_CHUNKS_H_
