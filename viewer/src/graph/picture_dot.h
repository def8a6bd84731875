#ifndef TORCHTAPE_VIEWER_SRC_GRAPH_PICTURE_DOT_H_
#define TORCHTAPE_VIEWER_SRC_GRAPH_PICTURE_DOT_H_

// A picture in the language of Graphviz. The same picture gives the same text.

#include <string>

#include "graph/picture.h"

namespace torchtape::viewer {

// `title` stands below the picture.
std::string PictureDot(const Picture& picture, const std::string& title);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_GRAPH_PICTURE_DOT_H_
