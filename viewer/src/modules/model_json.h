#ifndef TORCHTAPE_VIEWER_SRC_MODULES_MODEL_JSON_H_
#define TORCHTAPE_VIEWER_SRC_MODULES_MODEL_JSON_H_

// A module tree in JSON, with every recorded field. README.md ("Models")
// describes it.

#include "replay/value_reader.h"
#include "torchtape/v1/tape.pb.h"

namespace torchtape::viewer {

Json ModelJson(const v1::Model& model);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_MODULES_MODEL_JSON_H_
