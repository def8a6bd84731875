#include "torchtape/format/summarizer.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "torchtape/format/events_view.h"
#include "torchtape/format/stream_cursor.h"

namespace torchtape::format {
namespace {

// A span that is open, outermost first.
struct Frame {
  uint64_t number = 0;
  uint64_t children_ns = 0;  // of those that have ended
  size_t step = 0;        // index of its row; 0 if it began in a chunk before
  bool encloses = false;  // is an op or a backward node
  bool nested = false;    // inside one
  bool backward = false;  // is or is inside a backward or engine span
};

// A change of the live bytes.
struct MemoryChange {
  uint64_t time_ns;
  bool frees;
  uint64_t storage;
  uint64_t bytes;
};

bool IsBackward(v1::SpanKind kind) {
  return kind == v1::SPAN_KIND_BACKWARD || kind == v1::SPAN_KIND_ENGINE;
}

}  // namespace

class Summarizer::State {
 public:
  Summary Add(uint64_t number, const EventsView& view) {
    head_ = &view.head;
    summary_ = Summary();
    summary_.chunks.emplace_back();
    summary_.chunks[0].set_first(number);
    summary_.chunks[0].set_last(number);
    summary_.start_time_ns = head_->start_time_ns();
    summary_.end_time_ns = head_->end_time_ns();
    AddSteps();
    AddHead();
    by_operator_.assign(
        static_cast<size_t>(head_->dictionary().operators_size()) + 1, {});
    memory_.clear();
    const auto counts = std::make_shared<const SignatureCounts>(*head_);
    for (const StreamView& stream : view.streams) AddStream(counts, stream);
    AddPeaks();
    for (size_t op = 0; op < by_operator_.size(); ++op) {
      if (by_operator_[op].begun + by_operator_[op].timed == 0) continue;
      const v1::Operator& known = OperatorAt(op);
      summary_.spans[{known.kind(), known.name()}].Add(by_operator_[op]);
    }
    return std::move(summary_);
  }

 private:
  const v1::Operator& OperatorAt(size_t op) const {
    if (op == 0) return v1::Operator::default_instance();
    return head_->dictionary().operators(static_cast<int>(op) - 1);
  }
  size_t OperatorOf(uint32_t signature) const {
    if (signature == 0) return 0;
    const uint32_t op =
        head_->dictionary().signatures(static_cast<int>(signature) - 1).op();
    return op < by_operator_.size() ? op : 0;
  }

  void AddSteps() {
    StepSummary step;
    step.number = head_->step();
    step.start_ns = head_->step_start_ns();
    for (const v1::StepMark& mark : head_->steps()) {
      step.duration_ns = Since(mark.time_ns(), step.start_ns);
      summary_.steps.push_back(step);
      step = StepSummary();
      step.number = mark.number();
      step.start_ns = mark.time_ns();
      step.recorded = mark.recorded();
    }
    step.duration_ns = Since(head_->end_time_ns(), step.start_ns);
    step.open = true;
    summary_.steps.push_back(step);
  }
  static uint64_t Since(uint64_t end_ns, uint64_t start_ns) {
    return end_ns > start_ns ? end_ns - start_ns : 0;
  }

  // The row of what happens at `time_ns`; times only grow from call to call.
  void FindStep(uint64_t time_ns, size_t* step) const {
    while (*step + 1 < summary_.steps.size() &&
           summary_.steps[*step + 1].start_ns <= time_ns) {
      ++*step;
    }
  }

  void AddHead() {
    v1::Statistics& counts = summary_.counts;
    counts.set_steps(static_cast<uint64_t>(head_->steps_size()));
    uint64_t dropped = 0, times = 0;
    for (const v1::Drop& drop : head_->drops()) dropped += drop.events();
    for (const v1::DeviceTimes& each : head_->device_times()) {
      times += static_cast<uint64_t>(each.durations_size());
    }
    counts.set_dropped_events(dropped);
    uint64_t activities = 0, launches = 0;
    for (const v1::DeviceActivities& each : head_->activities()) {
      activities += each.kinds().size();
    }
    for (const v1::Launches& each : head_->launches()) {
      launches += static_cast<uint64_t>(each.times_size());
    }
    counts.set_activities(activities);
    counts.set_launches(launches);
    const v1::ActivityLoss& lost = head_->activity_loss();
    counts.set_lost_activities(lost.dropped() + lost.unfinished() +
                               lost.unreadable());
    counts.set_device_times(times);
    const v1::DeviceLoss& loss = head_->device_loss();
    counts.set_lost_device_times(loss.exhausted() + loss.capturing() +
                                 loss.failed() + loss.unresolved());
    summary_.pins.assign(head_->pins().begin(), head_->pins().end());
    size_t of_step = 0;
    for (const v1::LoggedValue& value : head_->values()) {
      WatchValue(value);
      const bool same = !summary_.values.empty() &&
                        summary_.values.back().step() == value.step();
      of_step = same ? of_step + 1 : 1;
      if (of_step > Summary::kMaxValuesOfStep) {
        ++summary_.left_out_values;
      } else {
        summary_.values.push_back(value);
      }
    }
  }

  // Only the first of those that are not finite, until one is again.
  void WatchValue(const v1::LoggedValue& value) {
    if (std::isfinite(value.value())) {
      not_finite_.erase(value.name());
    } else if (not_finite_.insert(value.name()).second) {
      v1::Pin pin;
      pin.set_reason(v1::PIN_REASON_NOT_FINITE);
      pin.set_text(value.name());
      pin.set_step(value.step());
      pin.set_time_ns(value.time_ns());
      summary_.pins.push_back(std::move(pin));
    }
  }

  void AddStream(std::shared_ptr<const SignatureCounts> counts,
                 const StreamView& stream) {
    std::vector<Frame>& stack = stacks_[stream.thread];
    Reconcile(stream, &stack);
    StreamCursor cursor(std::move(counts), stream, StreamCursor::Columns::kAll);
    size_t step = 0;
    for (Event event; cursor.Next(&event);) {
      FindStep(event.time_ns, &step);
      Take(event, step, &stack);
    }
  }

  // The spans that are open where the chunk begins: those that were seen to
  // begin, and others if chunks are missing.
  void Reconcile(const StreamView& stream, std::vector<Frame>* stack) const {
    size_t same = 0;
    while (same < stack->size() && same < stream.open.size() &&
           (*stack)[same].number == stream.open[same].number()) {
      (*stack)[same++].step = 0;
    }
    stack->resize(same);
    for (; same < stream.open.size(); ++same) {
      const v1::OpenSpan& open = stream.open[same];
      if (open.signature() >
          static_cast<uint32_t>(head_->dictionary().signatures_size())) {
        return;
      }
      Push(open.number(), open.signature(), 0, stack);
    }
  }

  void Push(uint64_t number, uint32_t signature, size_t step,
            std::vector<Frame>* stack) const {
    Frame frame;
    frame.number = number;
    frame.step = step;
    const v1::SpanKind kind = OperatorAt(OperatorOf(signature)).kind();
    frame.encloses = kind == v1::SPAN_KIND_OP || kind == v1::SPAN_KIND_BACKWARD;
    frame.backward = IsBackward(kind);
    if (!stack->empty()) {
      const Frame& parent = stack->back();
      frame.nested = parent.nested || parent.encloses;
      frame.backward |= parent.backward;
    }
    stack->push_back(frame);
  }

  void Take(const Event& event, size_t step, std::vector<Frame>* stack) {
    v1::Statistics& counts = summary_.counts;
    switch (event.kind) {
      case v1::EVENT_KIND_BEGIN:
      case v1::EVENT_KIND_BEGIN_SEQUENCED:
      case v1::EVENT_KIND_BEGIN_BACKWARD:
        counts.set_spans_begun(counts.spans_begun() + 1);
        return Begin(event, step, stack);
      case v1::EVENT_KIND_END_UNKNOWN:
        counts.set_cut_spans(counts.cut_spans() + 1);
        [[fallthrough]];
      case v1::EVENT_KIND_END:
      case v1::EVENT_KIND_END_THREW:
        counts.set_spans_ended(counts.spans_ended() + 1);
        return End(event, stack);
      case v1::EVENT_KIND_ALLOCATE:
        counts.set_allocations(counts.allocations() + 1);
        ++summary_.steps[step].allocations;
        summary_.steps[step].allocated_bytes += event.bytes;
        memory_.push_back({event.time_ns, false, event.storage, event.bytes});
        return;
      case v1::EVENT_KIND_FREE:
        counts.set_frees(counts.frees() + 1);
        ++summary_.steps[step].frees;
        memory_.push_back({event.time_ns, true, event.storage, 0});
        return;
      case v1::EVENT_KIND_SAVE:
        return counts.set_saves(counts.saves() + 1);
      case v1::EVENT_KIND_RELEASE:
        return counts.set_releases(counts.releases() + 1);
      default:
        return;
    }
  }

  void Begin(const Event& event, size_t step, std::vector<Frame>* stack) {
    const size_t op = OperatorOf(event.span->signature);
    ++by_operator_[op].begun;
    ++summary_.steps[step].spans;
    summary_.steps[step].ops += OperatorAt(op).kind() == v1::SPAN_KIND_OP;
    Push(event.span->number, event.span->signature, step, stack);
  }

  void End(const Event& event, std::vector<Frame>* stack) {
    if (stack->empty()) return;
    const Frame frame = stack->back();
    stack->pop_back();
    if (event.kind == v1::EVENT_KIND_END_UNKNOWN) return;
    const uint64_t total_ns = Since(event.time_ns, event.span->start_time_ns);
    const size_t op = OperatorOf(event.span->signature);
    SpanSummary& sums = by_operator_[op];
    ++sums.timed;
    sums.threw += event.kind == v1::EVENT_KIND_END_THREW;
    sums.total_ns += total_ns;
    sums.self_ns += Since(total_ns, frame.children_ns);
    StepSummary& step = summary_.steps[frame.step];
    const bool outermost = stack->empty() || !stack->back().backward;
    if (frame.backward) {
      if (outermost) step.backward_ns += total_ns;
    } else if (frame.encloses && !frame.nested) {
      step.forward_ns += total_ns;
    }
    if (!stack->empty()) stack->back().children_ns += total_ns;
  }

  // Walks the changes of memory in the order of time, threads merged.
  void AddPeaks() {
    for (StepSummary& step : summary_.steps) {
      step.recorded |= step.spans + step.allocations + step.frees != 0;
    }
    if (!head_->has_live_bytes()) return;
    std::stable_sort(memory_.begin(), memory_.end(),
                     [](const MemoryChange& a, const MemoryChange& b) {
                       return a.time_ns < b.time_ns;
                     });
    uint64_t window_ns = 0;
    for (const v1::Window& window : head_->windows()) {
      if (window.recording()) window_ns = window.time_ns();
    }
    // Clocks of threads are not so exact that no free comes too early.
    for (const MemoryChange& change : memory_) {
      if (!change.frees) sizes_[change.storage] = change.bytes;
    }
    auto live = static_cast<int64_t>(head_->live_bytes());
    auto change = memory_.begin();
    bool before_window = window_ns != 0;
    for (size_t i = 0; i < summary_.steps.size(); ++i) {
      int64_t peak = live;
      const bool last = i + 1 == summary_.steps.size();
      const uint64_t end_ns =
          last ? ~uint64_t{0} : summary_.steps[i + 1].start_ns;
      for (; change != memory_.end() && (last || change->time_ns < end_ns);
           ++change) {
        if (before_window && change->time_ns >= window_ns) {
          before_window = false;
          live = 0;
        }
        live += Delta(*change);
        peak = std::max(peak, live);
      }
      summary_.steps[i].peak_bytes =
          static_cast<uint64_t>(std::max<int64_t>(peak, 0));
    }
    if (window_ns != 0) ForgetBefore(window_ns);
  }

  int64_t Delta(const MemoryChange& change) {
    if (!change.frees) return static_cast<int64_t>(change.bytes);
    const auto size = sizes_.find(change.storage);
    if (size == sizes_.end()) return 0;
    const auto bytes = static_cast<int64_t>(size->second);
    sizes_.erase(size);
    return -bytes;
  }

  // What earlier windows left is freed without an event.
  void ForgetBefore(uint64_t window_ns) {
    absl::flat_hash_map<uint64_t, uint64_t> sizes;
    for (const MemoryChange& change : memory_) {
      if (change.frees || change.time_ns < window_ns) continue;
      const auto size = sizes_.find(change.storage);
      if (size != sizes_.end()) sizes.insert(*size);
    }
    sizes_ = std::move(sizes);
  }

  absl::flat_hash_map<uint32_t, std::vector<Frame>> stacks_;  // by thread
  absl::flat_hash_map<uint64_t, uint64_t> sizes_;  // of live storages, by id
  absl::flat_hash_set<std::string> not_finite_;    // values that are not
  // Of the chunk that is added.
  const v1::Events* head_ = nullptr;
  Summary summary_;
  std::vector<SpanSummary> by_operator_;  // by index into the dictionary
  std::vector<MemoryChange> memory_;
};

Summarizer::Summarizer() : state_(std::make_unique<State>()) {}
Summarizer::~Summarizer() = default;

absl::StatusOr<Summary> Summarizer::Add(uint64_t number,
                                        absl::string_view payload) {
  absl::StatusOr<EventsView> view = EventsView::Parse(payload);
  if (!view.ok()) return view.status();
  return state_->Add(number, *view);
}

}  // namespace torchtape::format
