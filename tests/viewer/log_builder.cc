#include "viewer/log_builder.h"

#include <algorithm>
#include <utility>

namespace torchtape::viewer {
namespace {

// References up to the base are coded as they are: times two.
constexpr uint64_t kBase = uint64_t{1} << 40;

}  // namespace

LogBuilder::LogBuilder() {
  run.set_tracker_version("0.1.0");
  run.set_torch_version("2.13.0");
  run.set_host("somewhere");
  run.set_pid(4711);
  run.set_program("digits_cnn");
  run.set_op_source("callbacks");
  run.set_clock("tsc");
  run.set_start_wall_ns(uint64_t{1760000000} * 1000000000);
  v1::Device* cpu = run.add_devices();
  cpu->set_name("cpu");
  cpu->set_model("a processor");
  v1::Options* options = run.mutable_options();
  options->set_shapes(true);
  options->set_identities(true);
  options->set_arguments(true);
  options->set_memory(true);
  options->set_backward(true);
  Thread(1, "main", 1);
}

uint32_t LogBuilder::Op(const std::string& name, const std::string& schema,
                        std::vector<v1::Value> inputs, v1::SpanKind kind) {
  const uint32_t index = Span(kind, name);
  dictionary_.mutable_operators()->rbegin()->set_schema(schema);
  v1::Signature* signature = dictionary_.mutable_signatures(index - 1);
  signature->set_values_recorded(true);
  for (v1::Value& value : inputs) *signature->add_values() = std::move(value);
  return index;
}

uint32_t LogBuilder::Module(const std::string& path, const std::string& type,
                            v1::ModuleSource source) {
  const uint32_t index = Span(v1::SPAN_KIND_MODULE, path);
  dictionary_.mutable_operators()->rbegin()->set_overload(type);
  dictionary_.mutable_operators()->rbegin()->set_module_source(source);
  return index;
}

uint32_t LogBuilder::Span(v1::SpanKind kind, const std::string& name) {
  v1::Operator* op = dictionary_.add_operators();
  op->set_kind(kind);
  op->set_name(name);
  dictionary_.add_signatures()->set_op(dictionary_.operators_size());
  return dictionary_.signatures_size();
}

uint32_t LogBuilder::Returns(std::vector<v1::Value> outputs) {
  v1::Signature* signature = dictionary_.add_signatures();
  signature->set_values_recorded(true);
  for (v1::Value& value : outputs) *signature->add_values() = std::move(value);
  return dictionary_.signatures_size();
}

uint32_t LogBuilder::CalledFrom(uint32_t signature,
                                const std::string& object_path,
                                uint64_t address, uint32_t caller,
                                const std::string& build_id) {
  v1::CodeObject* object = dictionary_.add_objects();
  object->set_path(object_path);
  object->set_build_id(build_id);
  v1::CallSite* site = dictionary_.add_call_sites();
  site->set_object(dictionary_.objects_size());
  site->set_address(address);
  site->set_caller(caller);
  *dictionary_.add_signatures() = dictionary_.signatures(signature - 1);
  dictionary_.mutable_signatures()->rbegin()->set_call_site(
      dictionary_.call_sites_size());
  return dictionary_.signatures_size();
}

v1::Value LogBuilder::Tensor(std::vector<int64_t> sizes) {
  v1::TensorType* type = dictionary_.add_types();
  type->set_dtype(6);
  type->set_device_index(-1);
  for (int64_t size : sizes) type->add_sizes(size);
  v1::Value value;
  value.set_tensor(dictionary_.types_size());
  return value;
}

void LogBuilder::Thread(uint32_t number, const std::string& name,
                        uint64_t torch_id) {
  v1::Thread& facts = threads_[number].facts;
  facts.set_number(number);
  facts.set_name(name);
  facts.set_os_id(1000 + number);
  facts.set_torch_id(torch_id);
}

void LogBuilder::Touch(uint64_t time_ns) {
  if (!touched_) {
    touched_ = true;
    events_.set_start_time_ns(time_ns);
    events_.set_step(step_);
    events_.set_step_start_ns(step_start_ns_);
    if (run.options().memory()) TellLive();
  }
  events_.set_start_time_ns(std::min(events_.start_time_ns(), time_ns));
  events_.set_end_time_ns(std::max(events_.end_time_ns(), time_ns));
}

void LogBuilder::TellLive() {
  events_.set_live_bytes(live_bytes_);
  if (!tells_live_) return;
  v1::LiveMemory* columns = events_.mutable_live();
  uint64_t last_storage = 0, last_step = 0;
  for (const auto& [storage, live] : live_) {
    columns->add_storages(storage - last_storage);
    columns->add_steps(static_cast<int64_t>(live.step - last_step));
    last_storage = storage;
    last_step = live.step;
  }
}

v1::Stream* LogBuilder::Add(uint32_t thread, v1::EventKind kind,
                            uint64_t time_ns) {
  Touch(time_ns);
  State& state = threads_[thread];
  v1::Stream& stream = state.stream;
  if (stream.kinds().empty()) {
    stream.set_thread(thread);
    stream.set_start_time_ns(state.time_ns);
    stream.set_first_span(state.next_span);
    stream.set_tensor_base(kBase);
    stream.set_storage_base(kBase);
    state.sequence = 0;
    state.marked_events = state.marked_storage = 0;
    for (const v1::OpenSpan& open : state.open) *stream.add_open() = open;
  }
  stream.mutable_kinds()->push_back(static_cast<char>(kind));
  stream.add_times(time_ns - state.time_ns);
  state.time_ns = time_ns;
  return &stream;
}

void LogBuilder::AddIds(const Ids& ids, v1::Stream* stream) {
  for (const format::TensorId& id : ids) {
    stream->add_tensors(id.tensor * 2);
    stream->add_storages(id.storage * 2);
  }
}

void LogBuilder::PushSpan(uint32_t thread, uint64_t time_ns, uint32_t signature,
                          std::optional<int64_t> sequence,
                          uint32_t forward_thread) {
  State& state = threads_[thread];
  v1::OpenSpan open;
  open.set_number(state.next_span++);
  open.set_start_time_ns(time_ns);
  open.set_signature(signature);
  if (sequence) open.set_sequence(*sequence);
  open.set_forward_thread(forward_thread);
  state.open.push_back(open);
  state.stream.add_signatures(signature);
  if (sequence) {
    state.stream.add_sequences(*sequence - state.sequence);
    state.sequence = *sequence;
  }
  statistics_.set_spans_begun(statistics_.spans_begun() + 1);
}

void LogBuilder::Begin(uint32_t thread, uint64_t time_ns, uint32_t signature,
                       const Ids& ids, std::optional<int64_t> sequence,
                       const std::vector<double>& reals) {
  v1::Stream* stream = Add(
      thread, sequence ? v1::EVENT_KIND_BEGIN_SEQUENCED : v1::EVENT_KIND_BEGIN,
      time_ns);
  PushSpan(thread, time_ns, signature, sequence, 0);
  AddIds(ids, stream);
  for (double real : reals) stream->add_reals(real);
}

void LogBuilder::BeginBackward(uint32_t thread, uint64_t time_ns,
                               uint32_t signature, int64_t sequence,
                               uint32_t forward_thread, const Ids& ids) {
  v1::Stream* stream = Add(thread, v1::EVENT_KIND_BEGIN_BACKWARD, time_ns);
  PushSpan(thread, time_ns, signature, sequence, forward_thread);
  stream->add_forward_threads(forward_thread);
  AddIds(ids, stream);
}

void LogBuilder::PopSpan(uint32_t thread, bool timed) {
  State& state = threads_[thread];
  const uint64_t start_ns = state.open.back().start_time_ns();
  state.open.pop_back();
  if (timed && !state.open.empty()) {
    v1::OpenSpan& around = state.open.back();
    around.set_children_ns(around.children_ns() + state.time_ns - start_ns);
  }
  statistics_.set_spans_ended(statistics_.spans_ended() + 1);
}

void LogBuilder::End(uint32_t thread, uint64_t time_ns, uint32_t result,
                     const Ids& ids) {
  v1::Stream* stream = Add(thread, v1::EVENT_KIND_END, time_ns);
  stream->add_results(result);
  AddIds(ids, stream);
  PopSpan(thread);
}

void LogBuilder::Threw(uint32_t thread, uint64_t time_ns) {
  Add(thread, v1::EVENT_KIND_END_THREW, time_ns);
  PopSpan(thread);
}

void LogBuilder::Cut(uint32_t thread, uint64_t time_ns) {
  Add(thread, v1::EVENT_KIND_END_UNKNOWN, time_ns);
  PopSpan(thread, /*timed=*/false);
  statistics_.set_cut_spans(statistics_.cut_spans() + 1);
}

void LogBuilder::Allocate(uint32_t thread, uint64_t time_ns, uint64_t storage,
                          uint64_t bytes, uint32_t device) {
  v1::Stream* stream = Add(thread, v1::EVENT_KIND_ALLOCATE, time_ns);
  if (device != 0) stream->add_allocation_devices(device);
  stream->add_allocations(storage * 2);
  stream->add_sizes(bytes);
  stream->add_addresses(64);
  live_[storage] = {bytes, step_};
  live_bytes_ += bytes;
  statistics_.set_allocations(statistics_.allocations() + 1);
}

void LogBuilder::Free(uint32_t thread, uint64_t time_ns, uint64_t storage) {
  Add(thread, v1::EVENT_KIND_FREE, time_ns)->add_frees(storage * 2);
  live_bytes_ -= live_[storage].bytes;
  live_.erase(storage);
  statistics_.set_frees(statistics_.frees() + 1);
}

void LogBuilder::Save(uint32_t thread, uint64_t storage, uint64_t bytes) {
  AddMark(thread, storage, 0)->add_saved_bytes(bytes);
  statistics_.set_saves(statistics_.saves() + 1);
}

void LogBuilder::Release(uint32_t thread, uint64_t storage) {
  AddMark(thread, storage, 1);
  statistics_.set_releases(statistics_.releases() + 1);
}

v1::Stream* LogBuilder::AddMark(uint32_t thread, uint64_t storage,
                                uint64_t released) {
  State& state = threads_[thread];
  const uint64_t events = state.stream.kinds().size();
  state.stream.add_saves((events - state.marked_events) << 1 | released);
  state.stream.add_saved_storages(
      static_cast<int64_t>(state.marked_storage - storage));
  state.marked_events = events;
  state.marked_storage = storage;
  return &state.stream;
}

void LogBuilder::Step(uint64_t number, uint64_t time_ns, bool recorded) {
  Touch(time_ns);
  v1::StepMark* mark = events_.add_steps();
  mark->set_number(number);
  mark->set_time_ns(time_ns);
  mark->set_recorded(recorded);
  step_ = number;
  step_start_ns_ = time_ns;
  statistics_.set_steps(statistics_.steps() + 1);
}

void LogBuilder::Window(uint64_t time_ns, bool recording) {
  Touch(time_ns);
  v1::Window* window = events_.add_windows();
  window->set_time_ns(time_ns);
  window->set_recording(recording);
}

void LogBuilder::Value(const std::string& name, double value,
                       uint64_t time_ns) {
  Touch(time_ns);
  v1::LoggedValue* logged = events_.add_values();
  logged->set_name(name);
  logged->set_value(value);
  logged->set_step(step_);
  logged->set_time_ns(time_ns);
}

void LogBuilder::OutOfMemory(const std::string& asked, uint64_t time_ns) {
  Touch(time_ns);
  v1::Pin* pin = events_.add_pins();
  pin->set_reason(v1::PIN_REASON_OUT_OF_MEMORY);
  pin->set_text(asked);
  pin->set_step(step_);
  pin->set_time_ns(time_ns);
}

void LogBuilder::Drop(uint32_t thread, uint64_t start_ns, uint64_t end_ns,
                      uint64_t events) {
  Touch(start_ns);
  v1::Drop* drop = events_.add_drops();
  drop->set_thread(thread);
  drop->set_start_time_ns(start_ns);
  drop->set_end_time_ns(end_ns);
  drop->set_events(events);
  if (tells_live_) *statistics_.mutable_facts()->add_drops() = *drop;
  statistics_.set_dropped_events(statistics_.dropped_events() + events);
}

void LogBuilder::DeviceTime(uint32_t thread, uint64_t number, uint64_t stream,
                            int64_t clock_ns, uint64_t duration_ns) {
  constexpr uint32_t kCuda = 1;
  v1::DeviceTimes* times = events_.add_device_times();
  times->set_device_type(kCuda);
  times->set_stream(stream);
  times->add_threads(thread);
  times->add_numbers(static_cast<int64_t>(number));
  times->add_starts(clock_ns);
  times->add_durations(duration_ns);
  statistics_.set_device_times(statistics_.device_times() + 1);
  if (events_.device_clocks_size() != 0) return;
  v1::DeviceClock* clock = events_.add_device_clocks();
  clock->set_device_type(kCuda);
  clock->set_offset_ns(-1000);
  clock->set_error_ns(20);
}

void LogBuilder::DeviceMemory(uint64_t time_ns, uint64_t allocated,
                              uint64_t reserved) {
  v1::DeviceMemory* memory = events_.add_device_memory();
  memory->set_device_type(1);
  memory->add_times(static_cast<int64_t>(time_ns));
  memory->add_allocated(static_cast<int64_t>(allocated));
  memory->add_reserved(static_cast<int64_t>(reserved));
}

void LogBuilder::Launch(uint32_t thread, std::optional<uint64_t> span,
                        uint32_t correlation, uint64_t time_ns) {
  v1::Launches* const launches = events_.add_launches();
  launches->set_thread(thread);
  launches->add_times(static_cast<int64_t>(time_ns));
  launches->add_correlations(correlation);
  launches->add_spans(span ? static_cast<int64_t>(*span) + 1 : 0);
  statistics_.set_launches(statistics_.launches() + 1);
}

void LogBuilder::Activity(v1::ActivityKind kind, const std::string& name,
                          uint32_t correlation, uint32_t stream,
                          int64_t clock_ns, uint64_t duration_ns,
                          uint64_t bytes) {
  v1::DeviceActivities* const one = events_.add_activities();
  one->set_stream(stream);
  one->set_kinds(std::string(1, static_cast<char>(kind)));
  one->add_names(static_cast<uint32_t>(events_.activity_names_size()));
  events_.add_activity_names(name);
  one->add_starts(clock_ns);
  one->add_durations(duration_ns);
  one->add_correlations(correlation);
  one->add_bytes(bytes);
  events_.mutable_activity_clock()->set_offset_ns(-1000);
  events_.mutable_activity_clock()->set_error_ns(20);
  statistics_.set_activities(statistics_.activities() + 1);
}

void LogBuilder::ActivityLoss(const v1::ActivityLoss& loss) {
  *events_.mutable_activity_loss() = loss;
  statistics_.set_lost_activities(statistics_.lost_activities() +
                                  loss.dropped() + loss.unfinished() +
                                  loss.unreadable());
}

void LogBuilder::DeviceLoss(const v1::DeviceLoss& loss) {
  *events_.mutable_device_loss() = loss;
  statistics_.set_lost_device_times(statistics_.lost_device_times() +
                                    loss.exhausted() + loss.capturing() +
                                    loss.failed() + loss.unresolved());
}

void LogBuilder::Model(const v1::Model& model) {
  offsets_.push_back(writer()->written_bytes());
  const v1::ChunkKind kind =
      model.optimizer() ? v1::CHUNK_KIND_OPTIMIZER : v1::CHUNK_KIND_MODEL;
  writer()->Write(kind, model, {}).IgnoreError();
}

format::LogWriter* LogBuilder::writer() {
  if (!writer_) {
    writer_ = std::make_unique<format::LogWriter>(
        format::ToString(bytes_.get()), run);
  }
  return writer_.get();
}

void LogBuilder::NewChunk() {
  if (!touched_) return;
  v1::IndexEntry entry;
  entry.set_start_time_ns(events_.start_time_ns());
  entry.set_end_time_ns(events_.end_time_ns());
  entry.set_first_step(events_.step());
  entry.set_last_step(step_);
  statistics_.set_end_time_ns(events_.end_time_ns());
  uint64_t count = 0;
  for (auto& [number, state] : threads_) {
    if (state.stream.kinds().empty()) continue;
    count += state.stream.kinds().size();
    *events_.add_threads() = state.facts;
    facts_[number] = state.facts;
    *events_.add_streams() = std::move(state.stream);
    state.stream.Clear();
  }
  entry.set_events(count);
  *events_.mutable_dictionary() = dictionary_;
  offsets_.push_back(writer()->written_bytes());
  writer()->Write(v1::CHUNK_KIND_EVENTS, events_, entry).IgnoreError();
  events_.Clear();
  touched_ = false;
}

std::string LogBuilder::Finish() {
  NewChunk();
  statistics_.set_threads(threads_.size());
  statistics_.set_writer_cpu_ns(2000);
  for (const auto& [number, thread] : facts_) {
    if (tells_live_) *statistics_.mutable_facts()->add_threads() = thread;
  }
  writer()->Close(statistics_).IgnoreError();
  return *bytes_;
}

std::string LogBuilder::Kill() {
  NewChunk();
  writer();
  return *bytes_;
}

}  // namespace torchtape::viewer
