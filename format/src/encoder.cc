#include "torchtape/format/encoder.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

#include "activities_builder.h"
#include "device_memory_builder.h"
#include "device_times_builder.h"
#include "fact_list.h"
#include "record_head.h"
#include "stream_builder.h"
#include "torchtape/format/layout.h"
#include "torchtape/v1/journal.pb.h"

namespace torchtape::format {
namespace {

using Words = absl::Span<const uint64_t>;

// Column entries after which a chunk is written whatever its events: keeps the
// payload far below kMaxRawBytes.
constexpr uint64_t kMaxChunkWords = 2 << 20;

}  // namespace

class Encoder::State {
 public:
  State(const EncoderOptions& options, LogWriter* writer, ModelLookup models,
        ObjectLookup objects)
      : options_(options), writer_(writer), models_(std::move(models)) {
    shared_.object_lookup = std::move(objects);
    shared_.memory = options.memory;
    shared_.write_ids = options.identities;
    shared_.recording = options.recording;
  }

  absl::Status Consume(absl::Span<RecordSource> sources, const ClockLine& clock,
                       uint64_t limit_ticks) {
    clock_ = clock;
    std::vector<Head> heads(sources.size());
    for (size_t i = 0; i < sources.size(); ++i) {
      heads[i].source = &sources[i];
      heads[i].stream = StreamOf(sources[i].thread);
      Advance(&heads[i]);
    }
    while (!heads.empty()) {
      const Earliest earliest = FindEarliest(absl::MakeSpan(heads));
      Head* const head = earliest.head;
      if (head->ticks == kNever || head->ticks > limit_ticks) break;
      const uint64_t until = std::min(earliest.until_ticks, limit_ticks);
      do {
        TakeEvent(head);
        Advance(head);
        if (ChunkIsFull()) {
          if (absl::Status status = Flush(); !status.ok()) return status;
        }
      } while (head->ticks <= until && head->ticks != kNever);
    }
    return writer_->status();
  }

  absl::Status Flush() {
    if (shared_.events == 0 && shared_.words == 0 && chunk_.steps().empty() &&
        chunk_.values().empty() && chunk_.drops().empty() &&
        chunk_.windows().empty() && chunk_.audits().empty() &&
        chunk_.pins().empty() && device_times_.empty() && activities_.empty()) {
      return writer_->status();
    }
    device_times_.Finish(&chunk_);
    device_memory_.Finish(&chunk_);
    activities_.Finish(&chunk_);
    chunk_.set_start_time_ns(start_time_ns_);
    chunk_.set_end_time_ns(end_time_ns_);
    // A message's fields may come in any order.
    payload_.clear();
    for (auto& [number, stream] : streams_) {
      if (!stream->has_events()) {
        stream->Rest();
        continue;
      }
      *chunk_.add_threads() = stream->thread();
      facts_.Add(stream->thread());
      stream->Finish(&payload_);
    }
    const v1::Dictionary& dictionary = shared_.dictionary.message();
    StartField(v1::Events::kDictionaryFieldNumber, dictionary.ByteSizeLong(),
               &payload_);
    dictionary.AppendToString(&payload_);
    chunk_.AppendToString(&payload_);
    v1::IndexEntry entry;
    entry.set_start_time_ns(start_time_ns_);
    entry.set_end_time_ns(end_time_ns_);
    entry.set_first_step(chunk_.step());
    entry.set_last_step(step_);
    entry.set_events(shared_.events);
    absl::Status status =
        writer_->Write(v1::CHUNK_KIND_EVENTS, payload_, std::move(entry));
    chunk_.Clear();
    chunk_is_open_ = false;
    shared_.dictionary.Clear();
    shared_.events = shared_.words = 0;
    FreeEndedStreams();
    if (status.ok() && observer_) observer_(payload_);
    return status;
  }

  void AddDrop(const v1::Drop& drop) {
    Touch(drop.start_time_ns());
    Touch(drop.end_time_ns());
    *chunk_.add_drops() = drop;
    facts_.Add(drop);
    dropped_ += drop.events();
  }

  const v1::Statistics& statistics() {
    const Counts& counts = shared_.counts;
    statistics_.set_spans_begun(counts.spans_begun);
    statistics_.set_spans_ended(counts.spans_ended);
    statistics_.set_cut_spans(counts.cut_spans);
    statistics_.set_allocations(counts.allocations);
    statistics_.set_frees(counts.frees);
    statistics_.set_unmatched_frees(counts.unmatched_frees);
    statistics_.set_elided_values(counts.elided_values);
    statistics_.set_saves(counts.saves);
    statistics_.set_releases(counts.releases);
    statistics_.set_dropped_events(dropped_);
    statistics_.set_steps(step_marks_);
    statistics_.set_threads(freed_streams_ + streams_.size());
    statistics_.set_device_times(timings_);
    statistics_.set_lost_device_times(lost_timings_);
    statistics_.set_activities(told_activities_);
    statistics_.set_lost_activities(lost_activities_);
    statistics_.set_launches(launches_);
    facts_.Write(&statistics_);
    return statistics_;
  }

  void set_observer(ChunkObserver observer) { observer_ = std::move(observer); }

  void EndThread(uint32_t number) {
    ended_.push_back(number);
    FreeEndedStreams();
  }

  std::string Save(bool whole) {
    v1::EncoderState state;
    state.set_memory(shared_.memory);
    state.set_identities(shared_.write_ids);
    state.set_recording(shared_.recording);
    state.set_live_bytes(shared_.live_bytes);
    state.set_last_time_ns(last_time_ns_);
    state.set_step(step_);
    state.set_step_start_ns(step_start_ns_);
    *state.mutable_statistics() = statistics();
    for (auto& [number, stream] : streams_) {
      stream->Save(whole, state.add_streams());
    }
    if (const auto& reading = activities_.reading()) {
      state.add_activity_clock(reading->least_ns);
      state.add_activity_clock(reading->most_ns);
    }
    shared_.identities.Save(state.mutable_ids());
    return state.SerializeAsString();
  }

  bool Restore(absl::string_view saved) {
    v1::EncoderState state;
    if (!state.ParseFromArray(saved.data(), static_cast<int>(saved.size()))) {
      return false;
    }
    shared_.memory = state.memory();
    shared_.write_ids = state.identities();
    shared_.recording = state.recording();
    shared_.live_bytes = state.live_bytes();
    last_time_ns_ = state.last_time_ns();
    step_ = state.step();
    step_start_ns_ = state.step_start_ns();
    const v1::Statistics& sums = state.statistics();
    shared_.counts = {
        sums.spans_begun(),   sums.spans_ended(), sums.cut_spans(),
        sums.allocations(),   sums.frees(),       sums.unmatched_frees(),
        sums.elided_values(), sums.saves(),       sums.releases()};
    step_marks_ = sums.steps();
    dropped_ = sums.dropped_events();
    timings_ = sums.device_times();
    lost_timings_ = sums.lost_device_times();
    told_activities_ = sums.activities();
    lost_activities_ = sums.lost_activities();
    launches_ = sums.launches();
    if (state.activity_clock_size() == 2) {
      activities_.set_reading(
          {state.activity_clock(0), state.activity_clock(1)});
    }
    // Streams that it does not tell of are gone.
    std::map<uint32_t, std::unique_ptr<StreamBuilder>> streams;
    for (const v1::StreamState& stream : state.streams()) {
      StreamOf(stream.thread());
      auto node = streams_.extract(stream.thread().number());
      if (node.empty() || !node.mapped()->Restore(stream)) return false;
      streams.insert(std::move(node));
    }
    streams_ = std::move(streams);
    freed_streams_ = sums.threads() - streams_.size();
    facts_.Read(sums);
    return shared_.identities.Restore(state.ids());
  }

 private:
  StreamBuilder* StreamOf(const v1::Thread& thread) {
    std::unique_ptr<StreamBuilder>& stream = streams_[thread.number()];
    if (stream == nullptr) {
      stream = std::make_unique<StreamBuilder>(thread, &shared_);
    } else {
      stream->set_thread(thread);
    }
    return stream.get();
  }

  void Advance(Head* head) {
    if (!FindEvent(head)) Abandon(head);
  }

  // Those of threads that are gone, once nothing of them is needed.
  void FreeEndedStreams() {
    auto freed = [this](uint32_t number) {
      auto stream = streams_.find(number);
      if (stream == streams_.end()) return true;
      if (stream->second->has_events() || stream->second->has_open() ||
          stream->second->awaits_times()) {
        return false;
      }
      streams_.erase(stream);
      ++freed_streams_;
      return true;
    };
    ended_.erase(std::remove_if(ended_.begin(), ended_.end(), freed),
                 ended_.end());
  }

  // The rest of a source makes no sense: it is dropped, and the log says so.
  void Abandon(Head* head) {
    v1::Drop drop;
    drop.set_thread(head->stream->thread().number());
    drop.set_start_time_ns(last_time_ns_);
    drop.set_end_time_ns(last_time_ns_);
    drop.set_events(1);
    AddDrop(drop);
    head->source->malformed = head->source->position;
    head->source->position = TotalWords(*head->source);
    head->ticks = kNever;
  }

  void TakeEvent(Head* head) {
    // Clock lines are fitted anew now and then; time still never goes back.
    const uint64_t time_ns =
        std::max(clock_.ToNs(head->ticks), head->stream->last_time_ns());
    Touch(time_ns);
    last_time_ns_ = std::max(last_time_ns_, time_ns);
    if (Apply(*head->stream, head->record, time_ns)) {
      head->source->position += head->record.size();
    } else {
      Abandon(head);
    }
  }

  bool Apply(StreamBuilder& stream, Words record, uint64_t time_ns) {
    switch (KindOf(record[0])) {
      case RecordKind::kBegin:
        return stream.Begin(record, time_ns);
      case RecordKind::kEnd:
        return stream.End(record, time_ns);
      case RecordKind::kAllocate:
        return stream.Allocate(record, time_ns) && AddTotals(record, time_ns);
      case RecordKind::kFree:
        return stream.Free(record, time_ns) && AddTotals(record, time_ns);
      case RecordKind::kSave:
        return stream.SaveTensor(record, time_ns);
      case RecordKind::kRelease:
        return stream.ReleaseTensor(record, time_ns);
      case RecordKind::kStep:
        return AddStep(record, time_ns);
      case RecordKind::kWindow:
        return SetWindow((FlagsOf(record[0]) & kRecording) != 0, time_ns);
      case RecordKind::kValue:
        return AddValue(stream, record, time_ns);
      case RecordKind::kModel:
        return AddModel(IdOf(record[0]), record[1], time_ns);
      case RecordKind::kAudit:
        return AddAudit(record, time_ns);
      case RecordKind::kDrop:
        return AddDropRecord(stream, record);
      case RecordKind::kDeviceTime:
        return AddDeviceTime(record, time_ns);
      case RecordKind::kDeviceLoss:
        return AddDeviceLoss(record);
      case RecordKind::kLaunch:
        return AddLaunch(stream, record, time_ns);
      case RecordKind::kActivity:
        return AddActivity(stream, record);
      case RecordKind::kActivityClock:
        return AddActivityClock(record);
      case RecordKind::kActivityLoss:
        return AddActivityLoss(record);
      default:
        return false;
    }
  }

  bool AddStep(Words record, uint64_t time_ns) {
    if (record.size() != 3) return false;
    v1::StepMark* mark = chunk_.add_steps();
    mark->set_number(record[2]);
    mark->set_time_ns(time_ns);
    mark->set_recorded((FlagsOf(record[0]) & kRecording) != 0);
    step_ = record[2];
    shared_.identities.StartStep(step_);
    step_start_ns_ = time_ns;
    ++step_marks_;
    return true;
  }

  bool SetWindow(bool recording, uint64_t time_ns) {
    if (recording == shared_.recording) return true;
    if (recording) {
      shared_.identities.StartWindow();
      shared_.live_bytes = 0;
    } else {
      for (auto& [number, stream] : streams_) {
        Touch(std::max(time_ns, stream->last_time_ns()));
        stream->Cut(time_ns);
      }
    }
    shared_.recording = recording;
    v1::Window* window = chunk_.add_windows();
    window->set_time_ns(time_ns);
    window->set_recording(recording);
    return true;
  }

  bool AddValue(const StreamBuilder& stream, Words record, uint64_t time_ns) {
    const std::string* name = stream.OperatorName(IdOf(record[0]));
    if (record.size() != 3 || name == nullptr) return false;
    if (const uint64_t why = FlagsOf(record[0]); why != 0) {
      AddPin(why, *name, time_ns);
      return true;
    }
    v1::LoggedValue* value = chunk_.add_values();
    value->set_name(*name);
    double number;
    static_assert(sizeof number == sizeof record[2]);
    std::memcpy(&number, &record[2], sizeof number);
    value->set_value(number);
    value->set_step(step_);
    value->set_time_ns(time_ns);
    return true;
  }

  void AddPin(uint64_t flags, const std::string& text, uint64_t time_ns) {
    v1::Pin* pin = chunk_.add_pins();
    pin->set_reason((flags & kOutOfMemory) != 0 ? v1::PIN_REASON_OUT_OF_MEMORY
                                                : v1::PIN_REASON_ASKED);
    pin->set_text(text);
    pin->set_step(step_);
    pin->set_time_ns(time_ns);
  }

  bool AddModel(uint32_t id, uint64_t ticks, uint64_t time_ns) {
    v1::Model model = models_(id);
    model.set_time_ns(time_ns);
    for (v1::Parameter& parameter : *model.mutable_parameters()) {
      if (!parameter.defined()) continue;
      const uint64_t memory = parameter.storage();
      const TensorId ids =
          shared_.identities.Input(parameter.tensor(), memory, ticks);
      shared_.identities.Pin(memory);
      parameter.set_tensor(ids.tensor);
      parameter.set_storage(ids.storage);
    }
    const v1::ChunkKind kind =
        model.optimizer() ? v1::CHUNK_KIND_OPTIMIZER : v1::CHUNK_KIND_MODEL;
    writer_->Write(kind, model, v1::IndexEntry())
        .IgnoreError();  // the writer keeps its first error
    return true;
  }

  bool AddAudit(Words record, uint64_t time_ns) {
    if (record.size() != 4) return false;
    v1::Audit* audit = chunk_.add_audits();
    audit->set_time_ns(time_ns);
    audit->set_tapped_ops(record[2]);
    audit->set_missed_ops(record[3]);
    facts_.Add(*audit);
    return true;
  }

  bool AddDropRecord(const StreamBuilder& stream, Words record) {
    if (record.size() != 4) return false;
    v1::Drop drop;
    drop.set_thread(stream.thread().number());
    drop.set_start_time_ns(clock_.ToNs(record[1]));
    drop.set_end_time_ns(clock_.ToNs(record[2]));
    drop.set_events(record[3]);
    AddDrop(drop);
    return true;
  }

  // What the device's allocator said of itself.
  bool AddTotals(Words record, uint64_t time_ns) {
    if (StreamBuilder::TotalsWords(record) == 0 || !shared_.memory ||
        !shared_.recording) {
      return true;
    }
    if (IdOf(record[0]) > 0xffff) return false;
    device_memory_.Add(IdOf(record[0]), time_ns, record[record.size() - 2],
                       record[record.size() - 1]);
    shared_.words += 3;
    return true;
  }

  bool AddDeviceTime(Words record, uint64_t time_ns) {
    if (record.size() != kDeviceTimeWords || record[4] > 0xffff) return false;
    DeviceTiming timing;
    timing.number = record[2];
    if ((FlagsOf(record[0]) & kOfStep) == 0) {
      timing.thread = IdOf(record[0]);
      const auto stream = streams_.find(timing.thread);
      absl::optional<uint64_t> number;
      if (stream == streams_.end() ||
          !stream->second->TakeTimed(record[2], &number)) {
        return false;
      }
      if (!number) return true;  // thrown away as its span was
      timing.number = *number;
    }
    timing.stream = record[3];
    timing.device = static_cast<uint32_t>(record[4]);
    timing.start_ns = static_cast<int64_t>(record[5]);
    timing.duration_ns = record[6];
    timing.start_asked_ns = clock_.ToNs(record[7]);
    timing.end_asked_ns = clock_.ToNs(record[8]);
    timing.seen_ns = time_ns;
    device_times_.Add(timing);
    shared_.words += 4;
    ++timings_;
    return true;
  }

  bool AddDeviceLoss(Words record) {
    if (record.size() != kDeviceLossWords) return false;
    v1::DeviceLoss loss;
    loss.set_exhausted(record[2]);
    loss.set_capturing(record[3]);
    loss.set_failed(record[4]);
    loss.set_unresolved(record[5]);
    device_times_.AddLoss(loss);
    for (size_t i = 2; i < record.size(); ++i) lost_timings_ += record[i];
    return true;
  }

  bool AddLaunch(const StreamBuilder& stream, Words record, uint64_t time_ns) {
    if (record.size() != 2) return false;
    if (!shared_.recording) return true;
    activities_.AddLaunch(stream.thread().number(), time_ns, IdOf(record[0]),
                          stream.InnermostSpan());
    shared_.words += 3;
    ++launches_;
    return true;
  }

  bool AddActivity(const StreamBuilder& stream, Words record) {
    const std::string* name = stream.OperatorName(IdOf(record[0]));
    if (record.size() != kActivityWords || name == nullptr) return false;
    ActivityFacts activity;
    activity.kind = static_cast<ActivityKind>(FlagsOf(record[0]));
    activity.name = *name;
    activity.start_ns = record[2];
    activity.duration_ns = record[3];
    activity.correlation = static_cast<uint32_t>(record[4]);
    activity.stream = static_cast<uint32_t>(record[4] >> 32);
    activity.device = static_cast<uint32_t>(record[5]);
    activity.context = static_cast<uint32_t>(record[5] >> 32);
    activity.bytes = record[6];
    if (!activities_.Add(activity)) return false;
    shared_.words += 6 + name->size() / 8;
    ++told_activities_;
    return true;
  }

  bool AddActivityClock(Words record) {
    if (record.size() != kActivityClockWords) return false;
    activities_.AddClock(record[2], clock_.ToNs(record[3]),
                         clock_.ToNs(record[1]));
    return true;
  }

  bool AddActivityLoss(Words record) {
    if (record.size() != kActivityLossWords) return false;
    v1::ActivityLoss loss;
    loss.set_dropped(record[2]);
    loss.set_unfinished(record[3]);
    loss.set_unreadable(record[4]);
    activities_.AddLoss(loss);
    for (size_t i = 2; i < record.size(); ++i) lost_activities_ += record[i];
    return true;
  }

  // Opens the chunk if need be and widens its times.
  void Touch(uint64_t time_ns) {
    if (!chunk_is_open_) {
      chunk_is_open_ = true;
      start_time_ns_ = end_time_ns_ = time_ns;
      chunk_.set_step(step_);
      chunk_.set_step_start_ns(step_start_ns_);
      if (shared_.memory) {
        chunk_.set_live_bytes(shared_.live_bytes);
        shared_.identities.WriteLive(&chunk_);
      }
      shared_.tensor_base = shared_.identities.last_tensor();
      shared_.storage_base = shared_.identities.last_storage();
    }
    start_time_ns_ = std::min(start_time_ns_, time_ns);
    end_time_ns_ = std::max(end_time_ns_, time_ns);
  }

  bool ChunkIsFull() const {
    return shared_.events >= options_.max_chunk_events ||
           shared_.words >= kMaxChunkWords ||
           shared_.dictionary.size_bytes() >= kMaxRawBytes / 4 ||
           (chunk_is_open_ &&
            end_time_ns_ - start_time_ns_ >= options_.max_chunk_ns);
  }

  const EncoderOptions options_;
  LogWriter* const writer_;
  const ModelLookup models_;
  Shared shared_;
  std::map<uint32_t, std::unique_ptr<StreamBuilder>> streams_;
  v1::Events chunk_;  // all but streams and dictionary
  std::string payload_;
  bool chunk_is_open_ = false;
  uint64_t start_time_ns_ = 0;  // of the chunk, if it is open
  uint64_t end_time_ns_ = 0;
  ClockLine clock_;
  uint64_t last_time_ns_ = 0;
  uint64_t step_ = 0;
  uint64_t step_start_ns_ = 0;
  uint64_t step_marks_ = 0;
  uint64_t dropped_ = 0;
  DeviceMemoryBuilder device_memory_;
  DeviceTimesBuilder device_times_;
  uint64_t timings_ = 0;
  uint64_t lost_timings_ = 0;
  ActivitiesBuilder activities_;
  uint64_t told_activities_ = 0;
  uint64_t lost_activities_ = 0;
  uint64_t launches_ = 0;
  std::vector<uint32_t> ended_;  // threads whose streams are still needed
  uint64_t freed_streams_ = 0;
  FactList facts_;
  ChunkObserver observer_;  // may be empty
  v1::Statistics statistics_;
};

Encoder::Encoder(const EncoderOptions& options, LogWriter* writer,
                 ModelLookup models, ObjectLookup objects)
    : state_(std::make_unique<State>(options, writer, std::move(models),
                                     std::move(objects))) {}

Encoder::~Encoder() = default;

absl::Status Encoder::Consume(absl::Span<RecordSource> sources,
                              const ClockLine& clock, uint64_t limit_ticks) {
  return state_->Consume(sources, clock, limit_ticks);
}

absl::Status Encoder::Flush() { return state_->Flush(); }

void Encoder::set_observer(ChunkObserver observer) {
  state_->set_observer(std::move(observer));
}

void Encoder::EndThread(uint32_t number) { state_->EndThread(number); }

std::string Encoder::Save(bool whole) { return state_->Save(whole); }

absl::Status Encoder::Restore(absl::string_view saved) {
  if (state_->Restore(saved)) return absl::OkStatus();
  return absl::DataLossError("the encoder's state makes no sense");
}

void Encoder::AddDrop(const v1::Drop& drop) { state_->AddDrop(drop); }

const v1::Statistics& Encoder::statistics() const {
  return state_->statistics();
}

}  // namespace torchtape::format
