#include "graph/picture_render.h"

namespace torchtape::viewer {

absl::StatusOr<std::string> RenderDot(const std::string&, const std::string&) {
  return absl::UnimplementedError(
      "this build of torchtape draws no pictures: Graphviz was not found when "
      "it was built (--to=dot works)");
}

}  // namespace torchtape::viewer
