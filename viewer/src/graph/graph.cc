#include "graph/graph.h"

#include <algorithm>
#include <tuple>

namespace torchtape::viewer {
namespace {

auto KeyOf(const Edge& edge) {
  return std::make_tuple(edge.from, edge.to, edge.gradient, edge.tensor);
}

void SortAndUnite(std::vector<Edge>* edges) {
  std::sort(edges->begin(), edges->end(),
            [](const Edge& a, const Edge& b) { return KeyOf(a) < KeyOf(b); });
  edges->erase(std::unique(edges->begin(), edges->end(),
                           [](const Edge& a, const Edge& b) {
                             return KeyOf(a) == KeyOf(b);
                           }),
               edges->end());
}

// Finds, for one edge at a time, the shown nodes that feed it.
class Router {
 public:
  Router(const Graph& graph, int level)
      : graph_(graph),
        level_(level),
        incoming_(graph.nodes.size()),
        visited_by_(graph.nodes.size()) {
    for (const Edge& edge : graph.edges) incoming_[edge.to].push_back(&edge);
  }

  std::vector<Edge> Route() {
    std::vector<Edge> edges;
    for (const Edge& edge : graph_.edges) {
      if (!IsShown(edge.to)) continue;
      if (IsShown(edge.from)) {
        edges.push_back(edge);
      } else if (edge.tensor != 0) {
        RouteAround(edge, &edges);
      }
    }
    SortAndUnite(&edges);
    return edges;
  }

 private:
  bool IsShown(int node) const { return graph_.nodes[node].level >= level_; }

  // Searches back through hidden nodes, each once. The link from an op to the
  // backward node that it made carries no tensor and is not followed.
  void RouteAround(const Edge& edge, std::vector<Edge>* edges) {
    ++visit_;
    std::vector<std::pair<int, bool>> hidden = {{edge.from, edge.gradient}};
    while (!hidden.empty()) {
      const auto [node, gradient] = hidden.back();
      hidden.pop_back();
      if (visited_by_[node] == visit_) continue;
      visited_by_[node] = visit_;
      for (const Edge* before : incoming_[node]) {
        if (before->tensor == 0) continue;
        const bool both = gradient && before->gradient;
        if (!IsShown(before->from)) {
          hidden.emplace_back(before->from, both);
        } else if (before->from != edge.to) {
          edges->push_back({before->from, edge.to, both, edge.tensor});
        }
      }
    }
  }

  const Graph& graph_;
  const int level_;
  std::vector<std::vector<const Edge*>> incoming_;
  std::vector<size_t> visited_by_;
  size_t visit_ = 0;
};

}  // namespace

bool LiftEdge(const std::vector<Node>& nodes, Edge* edge) {
  int from = edge->from, to = edge->to;
  while (nodes[from].op_depth > nodes[to].op_depth) {
    from = nodes[from].op_parent;
  }
  while (nodes[to].op_depth > nodes[from].op_depth) to = nodes[to].op_parent;
  while (nodes[from].op_parent != nodes[to].op_parent) {
    from = nodes[from].op_parent;
    to = nodes[to].op_parent;
  }
  edge->from = from;
  edge->to = to;
  return from != to;
}

std::vector<Edge> EdgesAtLevel(const Graph& graph, int level) {
  return Router(graph, level).Route();
}

int ShownAtLevel(const Graph& graph, int node, int level) {
  while (node != kNoNode && graph.nodes[node].level < level) {
    node = graph.nodes[node].parent;
  }
  return node;
}

}  // namespace torchtape::viewer
