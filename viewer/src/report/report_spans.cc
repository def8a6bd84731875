#include "report/report_spans.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "ops/schema.h"
#include "output/text_escape.h"
#include "source/source_json.h"
#include "torchtape/format/names.h"
#include "totals/source_totals.h"

namespace torchtape::viewer {
namespace {

// Programs whose shapes differ in every step could have any number of them.
constexpr size_t kMaxTexts = size_t{1} << 16;

bool TakesPart(v1::SpanKind kind) {
  return kind == v1::SPAN_KIND_OP || kind == v1::SPAN_KIND_BACKWARD;
}

void Move(const char* name, Column* column, Columns* columns) {
  columns->emplace_back(name, std::move(*column));
}

// Numbers that stand for types by their names.
std::string ArgumentText(const Argument& argument, const v1::Value& value,
                         const std::string& text) {
  if (value.kind_case() != v1::Value::kInteger || value.integer() < 0 ||
      value.integer() > 255) {
    return text;
  }
  const auto number = static_cast<uint32_t>(value.integer());
  if (absl::StartsWith(argument.type, "ScalarType")) {
    return format::DtypeName(number);
  }
  if (absl::StartsWith(argument.type, "Layout")) {
    return format::LayoutName(number);
  }
  if (absl::StartsWith(argument.type, "MemoryFormat")) {
    return format::MemoryFormatName(number);
  }
  return text;
}

}  // namespace

uint32_t TextTable::Intern(const std::string& text) {
  if (text.empty()) return 0;
  const auto it = ids_.find(text);
  if (it != ids_.end()) return it->second;
  if (texts_.size() >= kMaxTexts) return 0;
  const uint32_t id = static_cast<uint32_t>(texts_.size());
  texts_.push_back(text);
  return ids_[text] = id;
}

const ReportSpans::Types& ReportSpans::TypesOf(const Values& values,
                                               const Operator& op,
                                               bool inputs) {
  const auto [it, is_new] = signatures_.try_emplace(values.signature);
  Types& types = it->second;
  if (!is_new || !AreKnown(values)) return types;
  const std::vector<Argument> arguments =
      inputs ? SchemaArguments(op.schema) : SchemaReturns(op.schema);
  // Without ids and reals, which differ from call to call.
  Values constant = values;
  constant.tensors = {};
  constant.reals = {};
  const std::vector<std::string> texts = ValuesText(constant);
  std::string all;
  for (size_t i = 0; i < texts.size(); ++i) {
    if (texts[i] == "?" || texts[i] == "none") continue;
    if (!all.empty()) all += ", ";
    if (i < arguments.size() && !arguments[i].name.empty()) {
      absl::StrAppend(&all, ToUtf8(arguments[i].name), "=");
    }
    const v1::Value& value = values.signature->values(static_cast<int>(i));
    all += i < arguments.size() ? ArgumentText(arguments[i], value, texts[i])
                                : texts[i];
  }
  types.all = texts_.Intern(all);
  ValueReader reader(constant);
  const auto note = [&](const v1::Value& value) {
    if (value.kind_case() != v1::Value::kTensor) return;
    const v1::TensorType* type = reader.Type(value);
    types.each.push_back(type == nullptr ? 0 : texts_.Intern(TypeText(*type)));
  };
  for (const v1::Value& value : values.signature->values()) {
    note(value);
    for (const v1::Value& element : value.list().values()) note(element);
  }
  return types;
}

uint32_t ReportSpans::LineOf(uint32_t thread) {
  const SourceFrame* frame = lines_.Current(thread).frame;
  if (frame == nullptr) return 0;
  const auto [known, is_new] = line_ids_.try_emplace(frame, 0);
  if (!is_new) return known->second;
  const uint32_t next = static_cast<uint32_t>(line_frames_.size() + 1);
  const auto [it, added] = line_names_.try_emplace(NameOf(*frame), next);
  if (added) line_frames_.push_back(*frame);
  return known->second = it->second;
}

// What is inside of a unit is its module's; a module call is its own.
void ReportSpans::AddModule(const SpanBegin& begin) {
  const uint32_t thread = begin.thread.facts.number();
  const uint64_t unit = attribution_.CurrentUnit(thread);
  const ModuleCall call = attribution_.CurrentCall(thread);
  modules_.push_back(static_cast<uint32_t>(call.module + 1));
  sources_.push_back(static_cast<uint8_t>(call.source));
  if (unit != kNoUnit) pending_.emplace_back(count_, unit);
}

void ReportSpans::OnUnits(absl::Span<const Unit>) {
  for (const auto& [span, unit] : pending_) {
    const Owner owner = attribution_.OwnerOf(unit);
    modules_[span] = static_cast<uint32_t>(owner.module + 1);
    sources_[span] = static_cast<uint8_t>(owner.source);
  }
  pending_.clear();
}

// Most calls do the same work as another one.
uint32_t ReportSpans::IndexOf(const SpanWork& span) {
  if (span.state == SpanWork::State::kElsewhere) return 0;
  if (span.state == SpanWork::State::kUnknown) return 1;
  const Work& work = span.work;
  const std::string key = absl::StrCat(
      work.matrix_flops, " ", work.arithmetic_flops, " ",
      work.transcendental_calls, " ", work.moved_bytes, " ", work.on_cpu);
  const auto [it, is_new] =
      work_index_.try_emplace(key, static_cast<uint32_t>(2 + works_.size()));
  if (is_new) works_.push_back(work);
  return it->second;
}

Json ReportSpans::WorksJson() const {
  Json json = Json::array();
  for (const Work& work : works_) {
    json.push_back({work.matrix_flops, work.arithmetic_flops,
                    work.transcendental_calls, work.moved_bytes, work.on_cpu});
  }
  return json;
}

// Who made what the span reads, as far back as that is kept.
void ReportSpans::AddEdges(const SpanBegin& begin, const Types& types) {
  const int64_t self = static_cast<int64_t>(count_);
  uint64_t edges = 0;
  const auto& ids = begin.inputs.tensors;
  for (size_t i = 0; TakesPart(begin.frame.op->kind) && i < ids.size(); ++i) {
    const auto producer = producers_.find(ids[i].tensor);
    if (producer == producers_.end()) continue;
    edge_from_.Add(static_cast<uint64_t>(self - producer->second));
    edge_type_.Add(i < types.each.size() ? types.each[i] : 0);
    ++edges;
  }
  edges_.Add(edges);
}

void ReportSpans::OnBegin(const SpanBegin& begin) {
  const Frame& frame = begin.frame;
  const uint32_t thread = begin.thread.facts.number();
  std::vector<int64_t>& open = open_[thread];
  const bool full = count_ >= most_;
  if (!kept_.Contains(frame.step) || full) {
    if (full && kept_.Contains(frame.step) && !cut_at_ns_) {
      cut_at_ns_ = frame.start_ns;
    }
    open.push_back(kNoSpan);
    return;
  }
  const int64_t self = static_cast<int64_t>(count_);
  static const Types kNone;
  const Types& types = begin.inputs.signature == nullptr
                           ? kNone
                           : TypesOf(begin.inputs, *frame.op, true);
  start_.AddSigned(static_cast<int64_t>(frame.start_ns - last_start_ns_));
  last_start_ns_ = frame.start_ns;
  name_.Add(frame.op->id);
  thread_.Add(thread);
  depth_.Add(begin.thread.stack.size() - 1);
  AddModule(begin);
  line_.Add(LineOf(thread));
  inputs_.Add(types.all);
  AddEdges(begin, types);
  const int64_t forward = frame.op->kind == v1::SPAN_KIND_BACKWARD
                              ? forward_ops_.Find(frame, kNoSpan)
                              : kNoSpan;
  forward_.Add(forward == kNoSpan ? 0 : static_cast<uint64_t>(self - forward));
  if (frame.op->kind == v1::SPAN_KIND_OP) forward_ops_.Remember(begin, self);
  durations_.push_back(0);
  outputs_.push_back(0);
  threw_.push_back(0);
  work_ids_.push_back(0);
  open.push_back(self);
  ++count_;
}

void ReportSpans::OnEnd(const SpanEnd& end) {
  std::vector<int64_t>& open = open_[end.thread.facts.number()];
  const int64_t self = open.back();
  open.pop_back();
  if (self == kNoSpan) return;
  const size_t index = static_cast<size_t>(self);
  if (end.timed()) durations_[index] = end.duration_ns() + 1;
  threw_[index] = end.ending == Ending::kThrew;
  work_ids_[index] = IndexOf(work_.Ending());
  if (end.outputs.signature != nullptr) {
    outputs_[index] = TypesOf(end.outputs, *end.frame.op, false).all;
  }
  if (!TakesPart(end.frame.op->kind)) return;
  for (const format::TensorId& id : end.outputs.tensors) {
    if (id.tensor != 0) producers_[id.tensor] = self;
  }
}

int64_t ReportSpans::Current(uint32_t thread) const {
  const auto it = open_.find(thread);
  if (it == open_.end() || it->second.empty()) return kNoSpan;
  return it->second.back();
}

Json ReportSpans::LinesJson() const {
  Json json = Json::array();
  for (const SourceFrame& frame : line_frames_) {
    json.push_back(FrameJson(frame));
  }
  return json;
}

void ReportSpans::TakeColumns(Columns* columns) {
  Column duration, outputs, threw, module, source, work;
  for (size_t i = 0; i < count_; ++i) {
    duration.Add(durations_[i]);
    outputs.Add(outputs_[i]);
    threw.Add(threw_[i]);
    module.Add(modules_[i]);
    source.Add(sources_[i]);
    work.Add(work_ids_[i]);
  }
  Move("span_start", &start_, columns);
  Move("span_duration", &duration, columns);
  Move("span_name", &name_, columns);
  Move("span_thread", &thread_, columns);
  Move("span_depth", &depth_, columns);
  Move("span_module", &module, columns);
  Move("span_source", &source, columns);
  Move("span_work", &work, columns);
  Move("span_line", &line_, columns);
  Move("span_inputs", &inputs_, columns);
  Move("span_outputs", &outputs, columns);
  Move("span_threw", &threw, columns);
  Move("span_forward", &forward_, columns);
  Move("span_edges", &edges_, columns);
  Move("edge_from", &edge_from_, columns);
  Move("edge_type", &edge_type_, columns);
}

}  // namespace torchtape::viewer
