#ifndef TORCHTAPE_VIEWER_SRC_GRAPH_GRAPH_H_
#define TORCHTAPE_VIEWER_SRC_GRAPH_GRAPH_H_

// One step as a graph: a node for each span, an edge for each tensor that goes
// from one to the other. README.md ("export") describes what is exported.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "modules/attribution.h"
#include "replay/value_reader.h"
#include "replay/visitor.h"
#include "source/source_lines.h"

namespace torchtape::viewer {

inline constexpr int kNoNode = -1;

// Kinds of seeds: what a node does.
enum class OperationType {
  kForward,
  kBackward,
  kTensorOp,
  kLayerOp,
  kGradientOp,
  kMemoryOp,
  kCustom,
};

struct Node {
  const Operator* op = nullptr;
  OperationType type = OperationType::kCustom;
  int level = 0;            // the highest at which it is shown
  int parent = kNoNode;     // the span around it
  int op_parent = kNoNode;  // the op or backward node around it
  int op_depth = 0;         // how many of these there are
  uint32_t thread = 0;
  uint64_t number = 0;  // of the span in its thread
  uint32_t depth = 0;
  uint64_t start_ns = 0;
  std::optional<uint64_t> duration_ns, self_ns;
  Ending ending = Ending::kLost;
  std::optional<int64_t> sequence;
  uint32_t forward_thread = 0;
  int forward_op = kNoNode;  // of a backward node: the op that made it
  uint64_t unit = kNoUnit;   // whose owner and call these are
  Owner owner;
  uint32_t call = 0;  // of the owner in this step; 0: not known
  UserLine line;
  const CallSite* call_site = nullptr;  // null: not known
  bool backward = false;
  // As JSON; "null": not recorded.
  std::string inputs = "null", outputs = "null", arguments = "null";
  uint64_t allocated_bytes = 0, freed_bytes = 0;
};

struct Edge {
  int from = kNoNode;
  int to = kNoNode;
  bool gradient = false;  // gradient_flow, else data_flow
  uint64_t tensor = 0;    // 0: no tensor, but the op that made a backward node
};

struct TensorFacts {
  Json shape;
  std::string dtype;
};

struct Graph {
  std::vector<Node> nodes;  // in the order in which they began
  std::vector<Edge> edges;  // of all levels: between spans with one `op_parent`
  absl::flat_hash_map<uint64_t, TensorFacts> tensors;
};

// What a span does and up to which level it is shown.
OperationType TypeOf(const Frame& frame);
int LevelOf(const Frame& frame);

// Moves both ends of an edge up to ops that are parts of the same op. False if
// that is one and the same: then there is no edge.
bool LiftEdge(const std::vector<Node>& nodes, Edge* edge);

// The edges between nodes that are shown at `level`. Where a tensor passes
// through nodes that are not, the edge goes around them.
std::vector<Edge> EdgesAtLevel(const Graph& graph, int level);

// The nearest node that is shown at `level`: `node` itself or one around it.
int ShownAtLevel(const Graph& graph, int node, int level);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_GRAPH_GRAPH_H_
