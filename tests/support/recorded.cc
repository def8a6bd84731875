#include "support/recorded.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "torchtape/format/device_memory.h"
#include "torchtape/format/device_times.h"
#include "torchtape/format/journal.h"
#include "torchtape/format/log_reader.h"
#include "torchtape/format/names.h"
#include "torchtape/format/recovery.h"
#include "torchtape/format/stream_cursor.h"

namespace torchtape::testing {
namespace {

using format::Event;

const char* KindName(v1::SpanKind kind) {
  constexpr const char* kNames[] = {
      "op", "backward", "range", "script", "module", "engine", "device_call"};
  return kNames[kind];
}

const char* SourceName(v1::ModuleSource source) {
  constexpr const char* kNames[] = {"", "scope", "tap"};
  return kNames[source];
}

template <typename List>
std::string Join(const List& list) {
  std::string text = "[";
  for (auto element : list) {
    if (text.size() > 1) text += ", ";
    text += std::to_string(element);
  }
  return text + "]";
}

std::string TypeText(const v1::TensorType& type) {
  std::string text = format::DtypeName(type.dtype()) + Join(type.sizes());
  if (type.device_type() != 0) {
    text += " " + format::DeviceName(type.device_type(), type.device_index());
  }
  return text;
}

// Reads values of one signature, taking ids and reals from an event in order.
class ValueWalk {
 public:
  ValueWalk(const v1::Events& events, const Event& event)
      : events_(events), event_(event) {}

  std::string Text(const v1::Value& value) {
    switch (value.kind_case()) {
      case v1::Value::kTensor:
        AddTensor(events_.dictionary().types(value.tensor() - 1));
        return "tensor";
      case v1::Value::kUndefinedTensor:
        return "undefined";
      case v1::Value::kInteger:
        return std::to_string(value.integer());
      case v1::Value::kReal:
        return Real();
      case v1::Value::kBoolean:
        return value.boolean() ? "true" : "false";
      case v1::Value::kText:
        return "\"" + value.text() + "\"";
      case v1::Value::kList:
        return List(value.list());
      case v1::Value::kIntegers:
        return Join(value.integers().values());
      case v1::Value::kObject:
        return "<" + value.object() + ">";
      case v1::Value::kElided:
        return "elided";
      case v1::Value::kDevice:
        return format::DeviceName(value.device().type(),
                                  value.device().index());
      default:
        return "none";
    }
  }

  std::vector<RecordedTensor> tensors;

 private:
  void AddTensor(const v1::TensorType& type) {
    RecordedTensor tensor;
    tensor.type = TypeText(type);
    tensor.requires_grad = type.requires_grad();
    tensor.strides.assign(type.strides().begin(), type.strides().end());
    tensor.offset = type.storage_offset();
    if (tensors.size() < event_.tensors.size()) {
      tensor.tensor = event_.tensors[tensors.size()].tensor;
      tensor.storage = event_.tensors[tensors.size()].storage;
    }
    tensors.push_back(std::move(tensor));
  }

  std::string Real() {
    std::string text = std::to_string(event_.reals[reals_++]);
    return text.substr(0, text.find_last_not_of('0') + 1);
  }

  std::string List(const v1::ValueList& list) {
    std::string text = "[";
    for (const v1::Value& element : list.values()) {
      if (text.size() > 1) text += ", ";
      text += Text(element);
    }
    return text + "]";
  }

  const v1::Events& events_;
  const Event& event_;
  size_t reals_ = 0;
};

class Builder {
 public:
  explicit Builder(Recorded* recorded) : recorded_(*recorded) {}

  void Add(const v1::Run& run) {
    recorded_.run = {
        {"torch_version", run.torch_version()},
        {"program", run.program()},
        {"host", run.host()},
        {"clock", run.clock()},
        {"op_source", run.op_source()},
        {"pid", std::to_string(run.pid())},
        {"schedule", run.options().schedule()},
        {"device_time", v1::DeviceTimeLevel_Name(run.options().device_time())},
        {"no_device_time", run.options().no_device_time()},
        {"rank", run.has_rank() ? std::to_string(run.rank()) : ""},
        {"command_line", std::to_string(run.command_line_size())}};
  }

  void Add(const v1::Model& model) {
    if (model.optimizer()) return AddOptimizer(model);
    for (const v1::Module& module : model.modules()) {
      recorded_.modules.push_back(module.path() + " " + module.type() +
                                  (module.training() ? " training" : ""));
    }
    for (const v1::Parameter& parameter : model.parameters()) {
      RecordedParameter& added = recorded_.parameters.emplace_back();
      added.path = parameter.path();
      added.aliases.assign(parameter.aliases().begin(),
                           parameter.aliases().end());
      added.module_path = model.modules(parameter.module() - 1).path();
      added.type = TypeText(parameter.type());
      added.tensor = parameter.tensor();
      added.storage = parameter.storage();
      added.bytes = parameter.bytes();
      added.buffer = parameter.buffer();
    }
  }

  void Add(const v1::Events& events) {
    for (const v1::StepMark& mark : events.steps()) {
      ++recorded_.steps;
      if (mark.recorded()) recorded_.recorded_steps.push_back(mark.number());
    }
    for (const v1::LoggedValue& value : events.values()) {
      recorded_.values[value.name()].push_back(value.value());
    }
    for (const v1::Drop& drop : events.drops()) {
      recorded_.dropped += drop.events();
    }
    for (const v1::Thread& thread : events.threads()) {
      torch_threads_[thread.number()] = thread.torch_id();
      recorded_.threads =
          std::max<uint64_t>(recorded_.threads, thread.number());
    }
    for (const v1::Stream& stream : events.streams()) AddStream(events, stream);
    AddDeviceTimes(events);
  }

 private:
  void AddOptimizer(const v1::Model& optimizer) {
    for (const v1::Parameter& parameter : optimizer.parameters()) {
      recorded_.optimizers[optimizer.modules(parameter.module() - 1).path()]
          .push_back(parameter.storage());
    }
  }

  using Key = std::pair<uint32_t, uint64_t>;

  void AddStream(const v1::Events& events, const v1::Stream& stream) {
    format::StreamCursor cursor(events, stream,
                                format::StreamCursor::Columns::kAll);
    for (Event event; cursor.Next(&event);) {
      AddEvent(events, stream.thread(), event);
    }
    if (!cursor.status().ok()) recorded_.damaged = true;
  }

  void AddDeviceTimes(const v1::Events& events) {
    const absl::Status status =
        format::ReadDeviceTimes(events, [this](const format::DeviceTime& time) {
          RecordedDeviceTime& added = recorded_.device_times.emplace_back();
          added.stream = time.stream;
          added.start_ns = time.start_ns;
          added.error_ns = time.error_ns;
          added.duration_ns = time.duration_ns;
          if (time.thread == 0) {
            added.span = RecordedDeviceTime::kStep;
            added.step = time.number;
          } else {
            added.span = index_.at({time.thread, time.number});
          }
        });
    if (!status.ok()) recorded_.damaged = true;
    const absl::Status memory_status = format::ReadDeviceMemory(
        events, [this](const format::DeviceMemory& memory) {
          recorded_.device_memory.push_back(
              {format::DeviceName(memory.device_type, memory.device_index),
               memory.allocated_bytes, memory.reserved_bytes});
        });
    if (!memory_status.ok()) recorded_.damaged = true;
    const v1::DeviceLoss& loss = events.device_loss();
    recorded_.lost_device_times +=
        loss.exhausted() + loss.capturing() + loss.failed() + loss.unresolved();
  }

  void AddEvent(const v1::Events& events, uint32_t thread, const Event& event) {
    switch (event.kind) {
      case v1::EVENT_KIND_ALLOCATE:
      case v1::EVENT_KIND_FREE:
        recorded_.memory.push_back(
            {event.kind == v1::EVENT_KIND_ALLOCATE, event.storage, event.bytes,
             event.span ? NameOf(thread, *event.span) : "", thread,
             format::DeviceName(event.device_type, event.device_index)});
        return;
      case v1::EVENT_KIND_SAVE:
      case v1::EVENT_KIND_RELEASE:
        recorded_.saved.push_back(
            {event.kind == v1::EVENT_KIND_SAVE, event.storage, event.bytes,
             event.span ? NameOf(thread, *event.span) : "", thread});
        return;
      case v1::EVENT_KIND_END:
      case v1::EVENT_KIND_END_THREW:
      case v1::EVENT_KIND_END_UNKNOWN:
        return EndSpan(events, thread, event);
      default:
        return BeginSpan(events, thread, event);
    }
  }

  // Base name of the object that a call site lies in.
  static std::string ObjectOf(const v1::Dictionary& dictionary,
                              uint32_t call_site) {
    if (call_site == 0) return "";
    const uint32_t object = dictionary.call_sites(call_site - 1).object();
    if (object == 0) return "";
    const std::string& path = dictionary.objects(object - 1).path();
    return path.substr(path.rfind('/') + 1);
  }

  void BeginSpan(const v1::Events& events, uint32_t thread,
                 const Event& event) {
    const v1::Signature& signature =
        events.dictionary().signatures(event.span->signature - 1);
    const v1::Operator& op = events.dictionary().operators(signature.op() - 1);
    RecordedSpan span;
    span.name = op.name();
    span.overload = op.overload();
    span.schema = op.schema();
    span.kind = KindName(op.kind());
    span.source = SourceName(op.module_source());
    span.call_site = ObjectOf(events.dictionary(), signature.call_site());
    span.thread = thread;
    span.torch_thread = torch_threads_[thread];
    span.forward_thread = event.span->forward_thread;
    span.sequence = event.span->sequence.value_or(-1);
    span.start_ns = event.time_ns;
    span.step = StepAt(events, event.time_ns);
    span.in_backward = span.kind == "backward" || span.kind == "engine";
    if (event.parent) {
      const RecordedSpan& parent =
          recorded_.spans[index_[{thread, event.parent->number}]];
      const bool in_module = parent.kind == "module";
      span.parent = in_module ? parent.parent : parent.name;
      span.module = in_module ? parent.name : parent.module;
      span.in_backward |= parent.in_backward;
    }
    ValueWalk walk(events, event);
    for (const v1::Value& value : signature.values()) {
      span.arguments.push_back(walk.Text(value));
    }
    span.inputs = std::move(walk.tensors);
    index_[{thread, event.span->number}] = recorded_.spans.size();
    recorded_.spans.push_back(std::move(span));
  }

  void EndSpan(const v1::Events& events, uint32_t thread, const Event& event) {
    RecordedSpan& span = recorded_.spans[index_[{thread, event.span->number}]];
    span.ended = event.kind != v1::EVENT_KIND_END_UNKNOWN;
    span.threw = event.kind == v1::EVENT_KIND_END_THREW;
    span.duration_ns = event.time_ns - span.start_ns;
    if (event.result == 0) return;
    ValueWalk walk(events, event);
    for (const v1::Value& value :
         events.dictionary().signatures(event.result - 1).values()) {
      walk.Text(value);
    }
    span.outputs = std::move(walk.tensors);
  }

  std::string NameOf(uint32_t thread, const format::Span& span) {
    return recorded_.spans[index_[{thread, span.number}]].name;
  }

  static uint64_t StepAt(const v1::Events& events, uint64_t time_ns) {
    uint64_t step = events.step();
    for (const v1::StepMark& mark : events.steps()) {
      if (mark.time_ns() <= time_ns) step = mark.number();
    }
    return step;
  }

  Recorded& recorded_;
  std::map<Key, size_t> index_;
  std::map<uint32_t, uint64_t> torch_threads_;
};

void AddChunk(const format::Chunk& chunk, Builder* builder, bool* finished) {
  switch (chunk.kind) {
    case v1::CHUNK_KIND_EVENTS:
      return builder->Add(chunk.Parse<v1::Events>().value());
    case v1::CHUNK_KIND_MODEL:
    case v1::CHUNK_KIND_OPTIMIZER:
      return builder->Add(chunk.Parse<v1::Model>().value());
    case v1::CHUNK_KIND_INDEX:
      *finished = true;
      return;
    default:
      return;
  }
}

}  // namespace

std::map<std::string, int> Recorded::Counts() const {
  std::map<std::string, int> counts;
  for (const RecordedSpan& span : spans) {
    if (span.kind != "range" && span.kind != "module") ++counts[span.name];
  }
  return counts;
}

std::vector<RecordedSpan> Recorded::Named(const std::string& name) const {
  std::vector<RecordedSpan> found;
  for (const RecordedSpan& span : spans) {
    if (span.name == name) found.push_back(span);
  }
  return found;
}

Recorded ReadRecorded(const std::string& path) {
  auto opened = format::OpenFile(path);
  if (!opened.ok()) throw std::runtime_error(opened.status().ToString());
  std::shared_ptr<format::ByteSource> source = *std::move(opened);
  auto journal = format::OpenFile(format::JournalPath(path));
  if (journal.ok()) {
    auto recovery = format::Recover(source, **journal);
    if (!recovery.ok()) throw std::runtime_error(recovery.status().ToString());
    if (!recovery->problems.empty()) {
      throw std::runtime_error(recovery->problems[0]);
    }
    source = recovery->log;
  }
  auto reader = format::LogReader::Open(source);
  if (!reader.ok()) throw std::runtime_error(reader.status().ToString());
  Recorded recorded;
  Builder builder(&recorded);
  builder.Add(reader->run());
  while (true) {
    auto chunk = reader->Next();
    if (!chunk.ok() || !chunk->has_value()) break;
    AddChunk(**chunk, &builder, &recorded.finished);
  }
  recorded.damaged |= !reader->skipped().empty();
  return recorded;
}

}  // namespace torchtape::testing
