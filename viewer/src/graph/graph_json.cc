#include "graph/graph_json.h"

#include <tuple>

#include "absl/container/node_hash_map.h"
#include "absl/strings/str_cat.h"
#include "dump/dump.h"
#include "modules/model_json.h"
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

// Of the fields of nodes many are equal text, which is made once. A tree of
// JSON for each node would take longer than all else that is done for it.
class NodeText {
 public:
  explicit NodeText(const ExportFacts& facts) : facts_(facts) {}

  const std::string& Of(int index) {
    const Graph& graph = facts_.graph;
    const Node& node = graph.nodes[index];
    text_.clear();
    absl::StrAppend(&text_, "{\"id\":", index, ",", OperatorText(*node.op),
                    ",\"operation_type\":\"", TypeName(node.type),
                    "\",\"level\":", node.level);
    AddNode("parent", node.parent);
    AddOwnerOf(node);
    absl::StrAppend(&text_, ",\"source\":", SourceText(node),
                    ",\"thread\":", node.thread, ",\"span\":", node.number,
                    ",\"step\":", facts_.step.number, ",\"depth\":", node.depth,
                    ",\"start_ns\":", node.start_ns);
    AddKnown("duration_ns", node.duration_ns);
    AddKnown("self_ns", node.self_ns);
    absl::StrAppend(&text_, ",\"ending\":\"", EndingName(node.ending),
                    "\",\"threw\":", Word(node.ending == Ending::kThrew));
    AddKnown("sequence", node.sequence);
    AddUnlessZero("forward_thread", node.forward_thread);
    AddNode("forward_op", node.forward_op);
    absl::StrAppend(&text_, ",\"inputs\":", node.inputs,
                    ",\"outputs\":", node.outputs,
                    ",\"arguments\":", node.arguments);
    AddMemory(node);
    text_ += '}';
    return text_;
  }

 private:
  static const char* Word(bool is) { return is ? "true" : "false"; }

  template <typename Number>
  void AddKnown(absl::string_view name, const std::optional<Number>& number) {
    absl::StrAppend(&text_, ",\"", name, "\":");
    text_ += number ? absl::StrCat(*number) : "null";
  }

  void AddUnlessZero(absl::string_view name, uint32_t number) {
    AddKnown(name, number == 0 ? std::nullopt : std::optional(number));
  }

  void AddNode(absl::string_view name, int node) {
    node = ShownAtLevel(facts_.graph, node, facts_.level);
    AddKnown(name, node == kNoNode ? std::nullopt : std::optional(node));
  }

  void AddOwnerOf(const Node& node) {
    const int module = node.owner.module;
    const bool known = module != kNoModule;
    absl::StrAppend(&text_, ",\"module\":",
                    known ? ModuleText(static_cast<size_t>(module)) : "null");
    AddUnlessZero("module_call", known ? node.call : 0);
    absl::StrAppend(&text_, ",\"module_source\":\"",
                    ModuleSourceName(node.owner.source),
                    "\",\"optimizer\":", Word(node.owner.optimizer));
  }

  void AddMemory(const Node& node) {
    if (!facts_.memory) {
      text_ += ",\"memory\":null";
      return;
    }
    const int64_t net = static_cast<int64_t>(node.allocated_bytes) -
                        static_cast<int64_t>(node.freed_bytes);
    absl::StrAppend(
        &text_, ",\"memory\":{\"allocated_bytes\":", node.allocated_bytes,
        ",\"freed_bytes\":", node.freed_bytes, ",\"net_bytes\":", net, "}");
  }

  const std::string& OperatorText(const Operator& op) {
    auto [it, added] = operators_.try_emplace(&op);
    if (added) {
      const std::string json = Json({{"name", ToUtf8(op.name)},
                                     {"overload", ToUtf8(op.overload)},
                                     {"schema", ToUtf8(op.schema)},
                                     {"kind", SpanKindName(op.kind)}})
                                   .dump();
      it->second = json.substr(1, json.size() - 2);
    }
    return it->second;
  }

  const std::string& ModuleText(size_t module) {
    if (modules_.size() <= module) modules_.resize(module + 1);
    std::string& text = modules_[module];
    if (text.empty()) {
      text = Json(ToUtf8(facts_.tree.modules()[module].path)).dump();
    }
    return text;
  }

  const std::string& SourceText(const Node& node) {
    auto [it, added] = sources_.try_emplace(
        {node.line.frame, node.line.of_forward, node.call_site});
    if (added) {
      it->second = SourceJson(node.line, node.call_site, facts_.lines).dump();
    }
    return it->second;
  }

  const ExportFacts& facts_;
  std::string text_;
  absl::node_hash_map<const Operator*, std::string> operators_;
  absl::node_hash_map<std::tuple<const SourceFrame*, bool, const CallSite*>,
                      std::string>
      sources_;
  std::vector<std::string> modules_;
};

std::string EdgeText(const ExportFacts& facts, const Edge& edge) {
  std::string text = absl::StrCat(
      "{\"source\":", edge.from, ",\"target\":", edge.to, ",\"type\":\"",
      edge.gradient ? "gradient_flow" : "data_flow", "\"");
  const auto tensor = facts.graph.tensors.find(edge.tensor);
  const bool known = tensor != facts.graph.tensors.end();
  absl::StrAppend(
      &text,
      ",\"tensor\":", edge.tensor == 0 ? "null" : absl::StrCat(edge.tensor),
      ",\"shape\":", known ? tensor->second.shape.dump() : "null",
      ",\"dtype\":",
      known ? absl::StrCat("\"", tensor->second.dtype, "\"") : "null", "}");
  return text;
}

template <typename Number>
Json Known(const std::optional<Number>& number) {
  return number ? Json(*number) : Json(nullptr);
}

Json StepJson(const Step& step) {
  return {{"number", step.number},
          {"start_ns", step.start_ns},
          {"duration_ns", Known(step.duration_ns)}};
}

// Items of an array, one a line. Many go to the stream at once: a file's takes
// each text of a KiB for a call of the system.
class Items {
 public:
  Items(const char* name, std::ostream& out) : out_(out) {
    absl::StrAppend(&text_, ",\n\"", name, "\": [");
  }
  ~Items() { out_ << text_ << "\n]"; }

  void Add(const std::string& json) {
    absl::StrAppend(&text_, first_ ? "\n" : ",\n", json);
    first_ = false;
    if (text_.size() < kTextBytes) return;
    out_ << text_;
    text_.clear();
  }

 private:
  static constexpr size_t kTextBytes = size_t{1} << 18;

  std::ostream& out_;
  std::string text_;
  bool first_ = true;
};

// With the nearest node that is shown, and of times only its own.
void PrintEntries(const ExportFacts& facts, const char* name, bool of_own,
                  const std::vector<GraphDevices::Entry>& entries,
                  std::ostream& out) {
  Items items(name, out);
  for (const GraphDevices::Entry& entry : entries) {
    const int node = ShownAtLevel(facts.graph, entry.node, facts.level);
    if (of_own && node != entry.node) continue;
    items.Add(absl::StrCat(
        absl::string_view(entry.json).substr(0, entry.json.size() - 1),
        ",\"node\":", node == kNoNode ? "null" : absl::StrCat(node), "}"));
  }
}

void PrintDevices(const ExportFacts& facts, std::ostream& out) {
  if (facts.devices == nullptr || !facts.kernels) {
    out << ",\n\"activities\": null";
  } else {
    PrintEntries(facts, "activities", false, facts.devices->activities(), out);
  }
  if (facts.devices == nullptr) {
    out << ",\n\"device_times\": null";
  } else {
    PrintEntries(facts, "device_times", true, facts.devices->times(), out);
  }
}

}  // namespace

void PrintGraph(const ExportFacts& facts, std::ostream& out) {
  out << "{\n\"format\": \"torchtape graph 1\",\n\"level\": " << facts.level
      << ",\n\"step\": " << StepJson(facts.step).dump()
      << ",\n\"run\": " << RunJson(facts.run).dump();
  {
    Items models("models", out);
    for (const v1::Model& model : facts.tree.models()) {
      models.Add(ModelJson(model).dump());
    }
  }
  {
    Items nodes("nodes", out);
    NodeText text(facts);
    for (size_t i = 0; i < facts.graph.nodes.size(); ++i) {
      if (facts.graph.nodes[i].level < facts.level) continue;
      nodes.Add(text.Of(static_cast<int>(i)));
    }
  }
  {
    Items edges("edges", out);
    for (const Edge& edge : EdgesAtLevel(facts.graph, facts.level)) {
      edges.Add(EdgeText(facts, edge));
    }
  }
  PrintDevices(facts, out);
  out << "\n}\n";
}

}  // namespace torchtape::viewer
