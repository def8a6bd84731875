#include "graph/graph_recorder.h"

#include "absl/strings/str_cat.h"
#include "ops/schema.h"
#include "output/text_escape.h"

namespace torchtape::viewer {
namespace {

bool TakesPart(v1::SpanKind kind) {
  return kind == v1::SPAN_KIND_OP || kind == v1::SPAN_KIND_BACKWARD;
}

bool IsTensor(const Json& value) {
  return value.is_object() && value.contains("storage");
}

std::string NameOf(const std::vector<Argument>& arguments, size_t index) {
  const bool named = index < arguments.size() && !arguments[index].name.empty();
  return named ? ToUtf8(arguments[index].name) : absl::StrCat(index);
}

void AddTensor(const std::string& argument, Json value, Json* tensors) {
  value["argument"] = argument;
  tensors->push_back(std::move(value));
}

struct Divided {
  Json tensors, rest;  // null: not recorded
};

// Tensors, also those in lists, apart from all else.
Divided Divide(const Values& values, const std::vector<Argument>& names) {
  if (!AreKnown(values)) return {};
  Divided divided = {Json::array(), Json::object()};
  std::vector<Json> all = ValuesJson(values);
  for (size_t i = 0; i < all.size(); ++i) {
    const std::string name = NameOf(names, i);
    if (IsTensor(all[i])) {
      AddTensor(name, std::move(all[i]), &divided.tensors);
      continue;
    }
    bool has_tensors = false;
    if (all[i].is_array()) {
      for (size_t k = 0; k < all[i].size(); ++k) {
        if (!IsTensor(all[i][k])) continue;
        has_tensors = true;
        AddTensor(absl::StrCat(name, "[", k, "]"), std::move(all[i][k]),
                  &divided.tensors);
      }
    }
    if (!has_tensors) divided.rest[name] = std::move(all[i]);
  }
  return divided;
}

}  // namespace

Node GraphRecorder::NewNode(const SpanBegin& begin,
                            const std::vector<int>& open) const {
  const Frame& frame = begin.frame;
  Node node;
  node.op = frame.op;
  node.type = TypeOf(frame);
  node.level = LevelOf(frame);
  node.thread = begin.thread.facts.number();
  node.number = frame.number;
  node.depth = static_cast<uint32_t>(begin.thread.stack.size() - 1);
  node.start_ns = frame.start_ns;
  node.sequence = frame.sequence;
  node.forward_thread = frame.forward_thread;
  node.unit = attribution_.CurrentUnit(node.thread);
  if (node.unit == kNoUnit) {
    const ModuleCall call = attribution_.CurrentCall(node.thread);
    node.owner = {call.module, call.source, false};
    node.call = call.number;
  }
  node.line = lines_.Current(node.thread);
  node.call_site = frame.call_site;
  node.backward = frame.backward;
  if (open.empty()) return node;
  node.parent = open.back();
  if (node.parent == kNoNode) return node;
  const Node& parent = graph_.nodes[node.parent];
  const bool is_op = TakesPart(parent.op->kind);
  node.op_parent = is_op ? node.parent : parent.op_parent;
  node.op_depth = parent.op_depth + (is_op ? 1 : 0);
  return node;
}

void GraphRecorder::AddEdge(Edge edge) {
  if (!LiftEdge(graph_.nodes, &edge)) return;
  edge.gradient = edge.gradient || (graph_.nodes[edge.from].backward &&
                                    graph_.nodes[edge.to].backward);
  graph_.edges.push_back(edge);
}

void GraphRecorder::ConnectInputs(const Values& inputs, int node) {
  for (const format::TensorId& id : inputs.tensors) {
    const auto producer = producers_.find(id.tensor);
    if (producer == producers_.end()) continue;
    AddEdge({producer->second, node, false, id.tensor});
  }
}

// Of ops that share a number the last one made the backward node.
void GraphRecorder::ConnectForward(const SpanBegin& begin, int node) {
  const Frame& frame = begin.frame;
  if (!frame.sequence) return;
  if (frame.op->kind == v1::SPAN_KIND_OP && !frame.backward) {
    forward_ops_[{begin.thread.facts.torch_id(), *frame.sequence}] = node;
  }
  if (frame.op->kind != v1::SPAN_KIND_BACKWARD || frame.forward_thread == 0) {
    return;
  }
  const auto it = forward_ops_.find({frame.forward_thread, *frame.sequence});
  if (it == forward_ops_.end()) return;
  graph_.nodes[node].forward_op = it->second;
  AddEdge({it->second, node, true, 0});
}

const GraphRecorder::Names& GraphRecorder::NamesOf(const Operator& op) {
  const auto [it, added] = names_.try_emplace(op.id);
  if (added)
    it->second = {SchemaArguments(op.schema), SchemaReturns(op.schema)};
  return it->second;
}

void GraphRecorder::NoteTensors(const Json& tensors) {
  for (const Json& tensor : tensors) {
    if (!tensor["tensor"].is_number() || !tensor.contains("shape")) continue;
    graph_.tensors[tensor["tensor"].get<uint64_t>()] = {
        tensor["shape"], tensor["dtype"].get<std::string>()};
  }
}

void GraphRecorder::OnBegin(const SpanBegin& begin) {
  std::vector<int>& open = open_[begin.thread.facts.number()];
  if (begin.frame.step != step_) {
    open.push_back(kNoNode);
    return;
  }
  const int node = static_cast<int>(graph_.nodes.size());
  graph_.nodes.push_back(NewNode(begin, open));
  open.push_back(node);
  const Divided given =
      Divide(begin.inputs, NamesOf(*begin.frame.op).arguments);
  NoteTensors(given.tensors);
  graph_.nodes[node].inputs = given.tensors.dump();
  graph_.nodes[node].arguments = given.rest.dump();
  if (TakesPart(begin.frame.op->kind)) ConnectInputs(begin.inputs, node);
  ConnectForward(begin, node);
}

void GraphRecorder::OnEnd(const SpanEnd& end) {
  std::vector<int>& open = open_[end.thread.facts.number()];
  const int index = open.back();
  open.pop_back();
  if (index == kNoNode) return;
  Node& node = graph_.nodes[index];
  node.ending = end.ending;
  if (end.timed()) {
    node.duration_ns = end.duration_ns();
    node.self_ns = end.self_ns();
  }
  const Divided made = Divide(end.outputs, NamesOf(*node.op).returns);
  NoteTensors(made.tensors);
  node.outputs = made.tensors.dump();
  if (!TakesPart(node.op->kind)) return;
  for (const format::TensorId& id : end.outputs.tensors) {
    if (id.tensor != 0) producers_[id.tensor] = index;
  }
}

void GraphRecorder::OnUnits(absl::Span<const Unit>) {
  for (; decided_ < graph_.nodes.size(); ++decided_) {
    Node& node = graph_.nodes[decided_];
    const Unit* unit = attribution_.Find(node.unit);
    if (unit == nullptr) continue;
    node.owner = unit->owner;
    node.call = unit->call;
  }
}

void GraphRecorder::OnAllocate(const Allocation& allocation) {
  live_[allocation.storage] = allocation.bytes;
  for (int node : open_[allocation.thread.facts.number()]) {
    if (node != kNoNode) graph_.nodes[node].allocated_bytes += allocation.bytes;
  }
}

void GraphRecorder::OnFree(const Allocation& free) {
  const auto it = live_.find(free.storage);
  if (it == live_.end()) return;
  for (int node : open_[free.thread.facts.number()]) {
    if (node != kNoNode) graph_.nodes[node].freed_bytes += it->second;
  }
  live_.erase(it);
}

}  // namespace torchtape::viewer
