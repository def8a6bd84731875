#ifndef TORCHTAPE_VIEWER_SRC_GRAPH_PICTURE_RENDER_H_
#define TORCHTAPE_VIEWER_SRC_GRAPH_PICTURE_RENDER_H_

// Places the boxes of a picture and draws it, by Graphviz, if the viewer was
// built with it.

#include <string>

#include "absl/status/statusor.h"

namespace torchtape::viewer {

// `format` is "svg" or "png". The same text gives the same picture. Fails with
// Unimplemented if this build has no Graphviz, or Internal if it refuses.
absl::StatusOr<std::string> RenderDot(const std::string& dot,
                                      const std::string& format);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_GRAPH_PICTURE_RENDER_H_
