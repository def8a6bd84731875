#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "dump/dump.h"
#include "modules/owner_json.h"
#include "ops/schema.h"
#include "output/text_escape.h"
#include "output/units.h"
#include "replay/value_reader.h"
#include "source/source_json.h"
#include "torchtape/format/names.h"

namespace torchtape::viewer {
namespace {

std::string FullName(const Operator& op) {
  std::string name = EscapeText(op.name);
  if (!op.overload.empty()) {
    // Of a module it is the type.
    absl::StrAppend(&name, op.kind == v1::SPAN_KIND_MODULE ? " " : ".",
                    EscapeText(op.overload));
  }
  if (op.kind == v1::SPAN_KIND_OP) return name;
  return absl::StrCat(SpanKindName(op.kind), " ", name);
}

// The name of a number that stands for a type, layout or memory format; empty
// if it is a plain number.
std::string NumberName(const v1::Value& value, absl::string_view type) {
  if (value.kind_case() != v1::Value::kInteger || value.integer() < 0) {
    return "";
  }
  const auto number = static_cast<uint32_t>(value.integer());
  if (absl::StartsWith(type, "ScalarType")) return format::DtypeName(number);
  if (absl::StartsWith(type, "Layout")) return format::LayoutName(number);
  if (!absl::StartsWith(type, "MemoryFormat")) return "";
  return format::MemoryFormatName(number);
}

// "self=float32[2, 2]#1@1, other=..."; names as the schema has them.
std::string Named(const Values& values,
                  const std::vector<Argument>& arguments) {
  std::vector<std::string> texts = ValuesText(values);
  std::vector<std::string> parts;
  for (size_t i = 0; i < texts.size(); ++i) {
    const std::string name =
        i < arguments.size()
            ? NumberName(values.signature->values(static_cast<int>(i)),
                         arguments[i].type)
            : "";
    if (!name.empty()) texts[i] = name;
    const bool named = i < arguments.size() && !arguments[i].name.empty();
    parts.push_back(
        named ? absl::StrCat(EscapeText(arguments[i].name), "=", texts[i])
              : texts[i]);
  }
  return absl::StrJoin(parts, ", ");
}

class DumpText : public DumpFormat {
 public:
  DumpText(const SourceLines* lines, std::ostream* out)
      : lines_(*lines), out_(*out) {}

  void Model(const v1::Model& model) override {
    Line(model.time_ns(), 0, 0,
         absl::StrCat("model ", EscapeText(model.name()), ": ",
                      model.modules_size(), " modules, ",
                      model.parameters_size(), " parameters and buffers"));
  }
  void Step(const StepStart& start) override {
    Line(start.start_ns, 0, 0,
         absl::StrCat("step ", start.number, " begins",
                      start.recorded ? "" : ", not recorded"));
  }
  void Window(const v1::Window& window) override {
    Line(window.time_ns(), 0, 0,
         window.recording() ? "recording starts" : "recording stops");
  }
  void Begin(const SpanBegin& begin, uint64_t) override;
  void End(const SpanEnd& end, uint64_t) override;
  void Allocate(const Allocation& allocation, uint64_t) override;
  void Free(const Allocation& free, uint64_t) override {
    Line(free.time_ns, free.thread.facts.number(), free.thread.stack.size(),
         absl::StrCat("free storage ", free.storage));
  }
  void Save(const SavedTensor& saved, uint64_t) override {
    Line(saved.time_ns, saved.thread.facts.number(), saved.thread.stack.size(),
         absl::StrCat("save ", saved.bytes, " B storage ", saved.storage));
  }
  void Release(const SavedTensor& released, uint64_t) override {
    Line(released.time_ns, released.thread.facts.number(),
         released.thread.stack.size(),
         absl::StrCat("release storage ", released.storage));
  }
  void Value(const v1::LoggedValue& value) override {
    Line(value.time_ns(), 0, 0,
         absl::StrFormat("value %s %.9g", EscapeText(value.name()),
                         value.value()));
  }
  void Drop(const v1::Drop& drop) override {
    Line(drop.start_time_ns(), drop.thread(), 0,
         absl::StrCat("dropped ", drop.events(), " events up to ",
                      InstantText(drop.end_time_ns())));
  }
  std::string Completed(std::string line, const ModuleTree& tree,
                        const Owner& owner, uint32_t call) const override {
    line.insert(line.rfind('\n'), OwnerText(tree, owner, call));
    return line;
  }

 private:
  void Line(uint64_t time_ns, uint32_t thread, size_t depth,
            const std::string& text) {
    out_ << absl::StreamFormat("%18s  %3s  ", InstantText(time_ns),
                               thread == 0 ? "" : absl::StrCat(thread))
         << std::string(2 * depth, ' ') << text << '\n';
  }

  const SourceLines& lines_;
  std::ostream& out_;
};

void DumpText::Begin(const SpanBegin& begin, uint64_t) {
  const Frame& frame = begin.frame;
  std::string text = FullName(*frame.op);
  if (AreKnown(begin.inputs)) {
    absl::StrAppend(&text, "(",
                    Named(begin.inputs, SchemaArguments(frame.op->schema)),
                    ")");
  }
  if (frame.sequence) absl::StrAppend(&text, " seq ", *frame.sequence);
  if (frame.forward_thread != 0) {
    absl::StrAppend(&text, " forward thread ", frame.forward_thread);
  }
  if (frame.call_site != nullptr) {
    absl::StrAppend(&text, " at ", SiteText(*frame.call_site, lines_));
  }
  const UserLine line = lines_.Current(begin.thread.facts.number());
  if (line.of_forward && frame.op->kind == v1::SPAN_KIND_BACKWARD) {
    absl::StrAppend(&text, " of ", FrameText(*line.frame));
  }
  if (begin.resumed) absl::StrAppend(&text, " (its begin is lost)");
  Line(frame.start_ns, begin.thread.facts.number(),
       begin.thread.stack.size() - 1, text);
}

void DumpText::End(const SpanEnd& end, uint64_t) {
  const Frame& frame = end.frame;
  std::string text = absl::StrCat("end ", FullName(*frame.op));
  if (end.timed()) {
    absl::StrAppend(&text, " ",
                    TimeText(static_cast<double>(end.duration_ns())));
  }
  if (end.ending == Ending::kThrew) text += " threw";
  if (end.ending == Ending::kUnknown) text += " at an unknown time before";
  if (end.ending == Ending::kLost) text += " is not in the log";
  if (AreKnown(end.outputs)) {
    absl::StrAppend(&text, " -> ",
                    Named(end.outputs, SchemaReturns(frame.op->schema)));
  }
  Line(end.time_ns, end.thread.facts.number(), end.thread.stack.size() - 1,
       text);
}

void DumpText::Allocate(const Allocation& allocation, uint64_t) {
  std::string text =
      absl::StrFormat("allocate %d B storage %d at 0x%x", allocation.bytes,
                      allocation.storage, allocation.address);
  if (allocation.device_type != 0) {
    absl::StrAppend(
        &text, " on ",
        format::DeviceName(allocation.device_type, allocation.device_index));
  }
  Line(allocation.time_ns, allocation.thread.facts.number(),
       allocation.thread.stack.size(), text);
}

}  // namespace

const char* SpanKindName(v1::SpanKind kind) {
  switch (kind) {
    case v1::SPAN_KIND_OP:
      return "op";
    case v1::SPAN_KIND_BACKWARD:
      return "backward";
    case v1::SPAN_KIND_RANGE:
      return "range";
    case v1::SPAN_KIND_SCRIPT:
      return "script";
    case v1::SPAN_KIND_MODULE:
      return "module";
    case v1::SPAN_KIND_ENGINE:
      return "engine";
    case v1::SPAN_KIND_DEVICE_CALL:
      return "device_call";
    default:
      return "unknown";
  }
}

const char* EndingName(Ending ending) {
  switch (ending) {
    case Ending::kReturned:
      return "returned";
    case Ending::kThrew:
      return "threw";
    case Ending::kUnknown:
      return "unknown";
    case Ending::kLost:
      return "lost";
  }
  return "unknown";
}

std::unique_ptr<DumpFormat> DumpAsText(const SourceLines* lines,
                                       std::ostream* out) {
  return std::make_unique<DumpText>(lines, out);
}

}  // namespace torchtape::viewer
