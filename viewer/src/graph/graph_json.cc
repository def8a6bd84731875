#include "graph/graph_json.h"

#include "dump/dump.h"
#include "modules/model_json.h"
#include "modules/owner_json.h"
#include "output/text_escape.h"
#include "replay/log_state.h"
#include "source/source_json.h"

namespace torchtape::viewer {
namespace {

const char* TypeName(OperationType type) {
  switch (type) {
    case OperationType::kForward:
      return "forward";
    case OperationType::kBackward:
      return "backward";
    case OperationType::kTensorOp:
      return "tensor_op";
    case OperationType::kLayerOp:
      return "layer_op";
    case OperationType::kGradientOp:
      return "gradient_op";
    case OperationType::kMemoryOp:
      return "memory_op";
    case OperationType::kCustom:
      return "custom";
  }
  return "custom";
}

template <typename Number>
Json Known(const std::optional<Number>& number) {
  return number ? Json(*number) : Json(nullptr);
}

Json NodeOrNull(int node) {
  return node == kNoNode ? Json(nullptr) : Json(node);
}

void AddMemory(const ExportFacts& facts, const Node& node, Json* json) {
  if (!facts.memory) {
    (*json)["memory"] = nullptr;
    return;
  }
  const int64_t net = static_cast<int64_t>(node.allocated_bytes) -
                      static_cast<int64_t>(node.freed_bytes);
  (*json)["memory"] = {{"allocated_bytes", node.allocated_bytes},
                       {"freed_bytes", node.freed_bytes},
                       {"net_bytes", net}};
}

Json NodeJson(const ExportFacts& facts, int index) {
  const Graph& graph = facts.graph;
  const Node& node = graph.nodes[index];
  Json json = {{"id", index},
               {"name", ToUtf8(node.op->name)},
               {"overload", ToUtf8(node.op->overload)},
               {"schema", ToUtf8(node.op->schema)},
               {"kind", SpanKindName(node.op->kind)},
               {"operation_type", TypeName(node.type)},
               {"level", node.level}};
  json["parent"] = NodeOrNull(ShownAtLevel(graph, node.parent, facts.level));
  AddOwner(facts.tree, node.owner, node.call, &json);
  json["source"] = SourceJson(node.line, node.call_site, facts.lines);
  json["thread"] = node.thread;
  json["span"] = node.number;
  json["step"] = facts.step.number;
  json["depth"] = node.depth;
  json["start_ns"] = node.start_ns;
  json["duration_ns"] = Known(node.duration_ns);
  json["self_ns"] = Known(node.self_ns);
  json["ending"] = EndingName(node.ending);
  json["threw"] = node.ending == Ending::kThrew;
  json["sequence"] = Known(node.sequence);
  json["forward_thread"] =
      node.forward_thread == 0 ? Json(nullptr) : Json(node.forward_thread);
  json["forward_op"] =
      NodeOrNull(ShownAtLevel(graph, node.forward_op, facts.level));
  json["inputs"] = node.inputs;
  json["outputs"] = node.outputs;
  json["arguments"] = node.arguments;
  AddMemory(facts, node, &json);
  return json;
}

Json EdgeJson(const ExportFacts& facts, const Edge& edge) {
  Json json = {{"source", edge.from},
               {"target", edge.to},
               {"type", edge.gradient ? "gradient_flow" : "data_flow"},
               {"tensor", nullptr},
               {"shape", nullptr},
               {"dtype", nullptr}};
  const auto tensor = facts.graph.tensors.find(edge.tensor);
  if (edge.tensor != 0) json["tensor"] = edge.tensor;
  if (tensor != facts.graph.tensors.end()) {
    json["shape"] = tensor->second.shape;
    json["dtype"] = tensor->second.dtype;
  }
  return json;
}

Json StepJson(const Step& step) {
  return {{"number", step.number},
          {"start_ns", step.start_ns},
          {"duration_ns", Known(step.duration_ns)}};
}

// Items of an array, one a line.
class Items {
 public:
  Items(const char* name, std::ostream& out) : out_(out) {
    out_ << ",\n\"" << name << "\": [";
  }
  ~Items() { out_ << "\n]"; }

  void Add(const Json& item) {
    out_ << (first_ ? "\n" : ",\n") << item.dump();
    first_ = false;
  }

 private:
  std::ostream& out_;
  bool first_ = true;
};

}  // namespace

void PrintGraph(const ExportFacts& facts, std::ostream& out) {
  out << "{\n\"format\": \"torchtape graph 1\",\n\"level\": " << facts.level
      << ",\n\"step\": " << StepJson(facts.step).dump()
      << ",\n\"run\": " << RunJson(facts.run).dump();
  {
    Items models("models", out);
    for (const v1::Model& model : facts.tree.models()) {
      models.Add(ModelJson(model));
    }
  }
  {
    Items nodes("nodes", out);
    for (size_t i = 0; i < facts.graph.nodes.size(); ++i) {
      if (facts.graph.nodes[i].level < facts.level) continue;
      nodes.Add(NodeJson(facts, static_cast<int>(i)));
    }
  }
  {
    Items edges("edges", out);
    for (const Edge& edge : EdgesAtLevel(facts.graph, facts.level)) {
      edges.Add(EdgeJson(facts, edge));
    }
  }
  out << "\n}\n";
}

}  // namespace torchtape::viewer
