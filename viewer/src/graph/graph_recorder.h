#ifndef TORCHTAPE_VIEWER_SRC_GRAPH_GRAPH_RECORDER_H_
#define TORCHTAPE_VIEWER_SRC_GRAPH_GRAPH_RECORDER_H_

// Builds the graph of one step.

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/node_hash_map.h"
#include "graph/graph.h"
#include "ops/schema.h"

namespace torchtape::viewer {

class GraphRecorder : public Visitor, public UnitVisitor {
 public:
  // `attribution` and `lines` must be called before this visitor, and outlive
  // it.
  GraphRecorder(uint64_t step, const Attribution* attribution,
                const SourceLines* lines)
      : step_(step), attribution_(*attribution), lines_(*lines) {}

  void OnBegin(const SpanBegin& begin) override;
  void OnEnd(const SpanEnd& end) override;
  void OnAllocate(const Allocation& allocation) override;
  void OnFree(const Allocation& free) override;
  void OnUnits(absl::Span<const Unit> units) override;

  const Graph& graph() const { return graph_; }

 private:
  struct Names {
    std::vector<Argument> arguments, returns;
  };

  Node NewNode(const SpanBegin& begin, const std::vector<int>& open) const;
  void ConnectInputs(const Values& inputs, int node);
  void ConnectForward(const SpanBegin& begin, int node);
  void AddEdge(Edge edge);
  void NoteTensors(const Json& tensors);
  const Names& NamesOf(const Operator& op);

  const uint64_t step_;
  const Attribution& attribution_;
  const SourceLines& lines_;
  Graph graph_;
  size_t decided_ = 0;  // of these nodes the owner is known
  absl::flat_hash_map<uint32_t, std::vector<int>> open_;  // nodes by thread
  absl::flat_hash_map<uint64_t, int> producers_;          // by tensor
  absl::flat_hash_map<uint64_t, uint64_t> live_;          // bytes by storage
  absl::node_hash_map<uint32_t, Names> names_;  // by the operator's id
  // The last op with a sequence number, by its thread's torch_id.
  absl::flat_hash_map<std::pair<uint64_t, int64_t>, int> forward_ops_;
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_GRAPH_GRAPH_RECORDER_H_
