#include <cmath>

#include "absl/strings/str_cat.h"
#include "dump/activity_json.h"
#include "dump/dump.h"
#include "modules/model_json.h"
#include "modules/owner_json.h"
#include "output/text_escape.h"
#include "replay/value_reader.h"
#include "source/source_json.h"
#include "torchtape/format/names.h"

namespace torchtape::viewer {
namespace {

Json ValuesOrNull(const Values& values) {
  return AreKnown(values) ? Json(ValuesJson(values)) : Json(nullptr);
}

class DumpJson : public DumpFormat {
 public:
  DumpJson(const SourceLines* lines, std::ostream* out)
      : lines_(*lines), out_(*out) {}

  void Model(const v1::Model& model) override {
    Json json = Line("model", model.time_ns());
    json["model"] = ModelJson(model);
    Print(json);
  }
  void Step(const StepStart& start) override {
    Json json = Line("step", start.start_ns);
    json["step"] = start.number;
    json["recorded"] = start.recorded;
    Print(json);
  }
  void Window(const v1::Window& window) override {
    Json json = Line("window", window.time_ns());
    json["recording"] = window.recording();
    Print(json);
  }
  void Begin(const SpanBegin& begin, uint64_t step) override;
  void End(const SpanEnd& end, uint64_t step) override;
  void Allocate(const Allocation& allocation, uint64_t step) override {
    Json json = MemoryLine("allocate", allocation, step);
    json["bytes"] = allocation.bytes;
    json["address"] = allocation.address;
    json["device"] =
        format::DeviceName(allocation.device_type, allocation.device_index);
    Print(json);
  }
  void Free(const Allocation& free, uint64_t step) override {
    Print(MemoryLine("free", free, step));
  }
  void Save(const SavedTensor& saved, uint64_t step) override {
    Json json = MemoryLine("save", saved, step);
    json["bytes"] = saved.bytes;
    Print(json);
  }
  void Release(const SavedTensor& released, uint64_t step) override {
    Print(MemoryLine("release", released, step));
  }
  void Value(const v1::LoggedValue& value) override {
    Json json = Line("value", value.time_ns());
    json["step"] = value.step();
    json["name"] = ToUtf8(value.name());
    json["value"] =
        std::isfinite(value.value()) ? Json(value.value()) : Json(nullptr);
    Print(json);
  }
  void Drop(const v1::Drop& drop) override {
    Json json = Line("drop", drop.start_time_ns());
    json["end_time_ns"] = drop.end_time_ns();
    json["thread"] = drop.thread();
    json["events"] = drop.events();
    Print(json);
  }
  void Activity(const format::DeviceActivity& activity,
                const LaunchPlace* launch) override;
  std::string Completed(std::string line, const ModuleTree& tree,
                        const Owner& owner, uint32_t call) const override {
    Json json = Json::object();
    AddOwner(tree, owner, call, &json);
    // "{...}\n" and "{...}" become one object.
    line.resize(line.rfind('}'));
    return line + "," + json.dump().substr(1) + "\n";
  }

 private:
  static Json Line(const char* event, uint64_t time_ns) {
    return {{"event", event}, {"time_ns", time_ns}};
  }
  // Of an allocation, a free, or a tensor that is saved or released.
  template <typename MemoryEvent>
  static Json MemoryLine(const char* event, const MemoryEvent& change,
                         uint64_t step) {
    Json json = Line(event, change.time_ns);
    json["step"] = step;
    json["thread"] = change.thread.facts.number();
    json["span"] = change.thread.stack.empty()
                       ? Json(nullptr)
                       : Json(change.thread.stack.back().number);
    json["storage"] = change.storage;
    return json;
  }
  static Json SpanLine(const char* event, uint64_t time_ns,
                       const ThreadState& thread, uint64_t step) {
    const Frame& frame = thread.stack.back();
    Json json = Line(event, time_ns);
    json["step"] = step;
    json["thread"] = thread.facts.number();
    json["span"] = frame.number;
    json["depth"] = thread.stack.size() - 1;
    json["kind"] = SpanKindName(frame.op->kind);
    json["name"] = ToUtf8(frame.op->name);
    return json;
  }
  void Print(const Json& json) { out_ << json.dump() << '\n'; }

  const SourceLines& lines_;
  std::ostream& out_;
};

void DumpJson::Begin(const SpanBegin& begin, uint64_t step) {
  const Frame& frame = begin.frame;
  const std::vector<Frame>& stack = begin.thread.stack;
  Json json = SpanLine("begin", frame.start_ns, begin.thread, step);
  json["overload"] = ToUtf8(frame.op->overload);
  json["schema"] = ToUtf8(frame.op->schema);
  json["parent"] =
      stack.size() < 2 ? Json(nullptr) : Json(stack[stack.size() - 2].number);
  json["sequence"] = frame.sequence ? Json(*frame.sequence) : Json(nullptr);
  json["forward_thread"] =
      frame.forward_thread ? Json(frame.forward_thread) : Json(nullptr);
  json["resumed"] = begin.resumed;
  json["inputs"] = ValuesOrNull(begin.inputs);
  json["source"] = SourceJson(lines_.Current(begin.thread.facts.number()),
                              frame.call_site, lines_);
  Print(json);
}

void DumpJson::End(const SpanEnd& end, uint64_t step) {
  Json json = SpanLine("end", end.time_ns, end.thread, step);
  json["ending"] = EndingName(end.ending);
  json["duration_ns"] = end.timed() ? Json(end.duration_ns()) : Json(nullptr);
  json["self_ns"] = end.timed() ? Json(end.self_ns()) : Json(nullptr);
  json["outputs"] = ValuesOrNull(end.outputs);
  Print(json);
}

void DumpJson::Activity(const format::DeviceActivity& activity,
                        const LaunchPlace* launch) {
  Json json = {
      {"event", "activity"}, {"time_ns", activity.start_ns}, {"step", nullptr}};
  if (launch != nullptr && launch->step) json["step"] = *launch->step;
  json.update(ActivityJson(activity, launch));
  Print(json);
}

}  // namespace

std::unique_ptr<DumpFormat> DumpAsJson(const SourceLines* lines,
                                       std::ostream* out) {
  return std::make_unique<DumpJson>(lines, out);
}

}  // namespace torchtape::viewer
