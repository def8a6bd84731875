#ifndef TORCHTAPE_VIEWER_SRC_GRAPH_PICTURE_H_
#define TORCHTAPE_VIEWER_SRC_GRAPH_PICTURE_H_

// What a still picture of a step shows: boxes by the module tree, some of them
// opened, and the data that goes between them. README.md ("Still pictures").

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "graph/graph.h"
#include "ops/op_class.h"

namespace torchtape::viewer {

struct PictureBox {
  enum class Kind { kRoot, kModule, kOp };
  Kind kind = Kind::kRoot;
  int parent = -1;  // a box; -1: of the root
  std::vector<int> children;
  bool open = false;
  bool shown = false;  // all boxes around it are open
  std::string name;
  std::string type;  // of a module
  OpClass op_class = OpClass::kCustom;
  uint64_t calls = 0;       // ops of the forward pass in it
  uint64_t parameters = 0;  // of a module
  uint64_t forward_ns = 0;
  std::set<std::string> backward;  // names of nodes
  uint64_t backward_ns = 0;
  bool threw = false;
};

// Data that goes from one shown box to another.
struct PictureEdge {
  int from = -1, to = -1;
  std::set<std::string> shapes;
};

struct Picture {
  std::vector<PictureBox> boxes;  // the first is the root
  std::vector<PictureEdge> edges;
};

struct PictureChoice {
  int level = 0;
  std::vector<std::string> open;  // paths
  bool open_all = false;
};

// Forward ops, each with the backward pass that comes from it; what optimizers
// do is left out. Fails with NotFound if no module has a path that is to be
// opened.
absl::StatusOr<Picture> DrawPicture(const Graph& graph, const ModuleTree& tree,
                                    const PictureChoice& choice);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_GRAPH_PICTURE_H_
