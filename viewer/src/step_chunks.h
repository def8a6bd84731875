#ifndef TORCHTAPE_VIEWER_SRC_STEP_CHUNKS_H_
#define TORCHTAPE_VIEWER_SRC_STEP_CHUNKS_H_

// Which chunks of a finished log some steps are in, so that nobody has to read
// the others.

#include <cstdint>
#include <optional>
#include <vector>

#include "torchtape/v1/tape.pb.h"
#include "torchtape/viewer/step_range.h"

namespace torchtape::viewer {

// Offsets of the chunks with models, and of those with events from before the
// first of the steps to behind the mark that ends the last. Nullopt if the
// index does not tell where both are: then the whole log must be read.
std::optional<std::vector<uint64_t>> ChunksWithSteps(const v1::Index& index,
                                                     const StepRange& steps);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_STEP_CHUNKS_H_
