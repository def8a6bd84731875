#include "replay/player.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"

namespace torchtape::viewer {
namespace {

using format::Event;
using format::StreamCursor;

constexpr uint64_t kNever = std::numeric_limits<uint64_t>::max();

bool IsBackward(v1::SpanKind kind) {
  return kind == v1::SPAN_KIND_BACKWARD || kind == v1::SPAN_KIND_ENGINE;
}

// Whether what is inside a span of this kind is a detail of it.
bool Encloses(v1::SpanKind kind) {
  return kind == v1::SPAN_KIND_OP || kind == v1::SPAN_KIND_BACKWARD;
}

}  // namespace

// One stream of the chunk with its next event.
struct Player::Head {
  Head(std::shared_ptr<const format::SignatureCounts> counts,
       const format::StreamView& stream, StreamCursor::Columns columns,
       ThreadState* state)
      : cursor(std::move(counts), stream, columns), thread(state) {
    Advance();
  }

  void Advance() { time_ns = cursor.Next(&event) ? event.time_ns : kNever; }

  // For a heap whose front is the earliest; at the same time the first stream.
  static bool IsLater(const Head* a, const Head* b) {
    return a->time_ns != b->time_ns ? a->time_ns > b->time_ns : a > b;
  }

  StreamCursor cursor;
  ThreadState* thread;
  Event event;
  uint64_t time_ns = kNever;
};

// A step, window or value of the chunk: what belongs to no thread.
struct Player::Mark {
  uint64_t time_ns;
  const v1::StepMark* step = nullptr;
  const v1::Window* window = nullptr;
  const v1::LoggedValue* value = nullptr;
};

std::vector<Player::Mark> Player::MarksOf(const v1::Events& events) {
  std::vector<Mark> marks;
  for (const v1::StepMark& step : events.steps()) {
    marks.push_back({step.time_ns(), &step, nullptr, nullptr});
  }
  for (const v1::Window& window : events.windows()) {
    marks.push_back({window.time_ns(), nullptr, &window, nullptr});
  }
  for (const v1::LoggedValue& value : events.values()) {
    marks.push_back({value.time_ns(), nullptr, nullptr, &value});
  }
  std::stable_sort(
      marks.begin(), marks.end(),
      [](const Mark& a, const Mark& b) { return a.time_ns < b.time_ns; });
  return marks;
}

void Player::AddDamage(std::string reason) {
  report_->damage.push_back(
      {chunk_->offset, chunk_->offset + chunk_->stored_bytes,
       absl::StrCat("chunk ", chunk_->number, ": ", reason)});
}

template <typename Message>
bool Player::Parse(const format::Chunk& chunk, Message* message) {
  if (message->ParseFromString(chunk.payload)) return true;
  AddDamage("its payload does not parse");
  return false;
}

void Player::Play(const ParsedChunk& parsed) {
  const format::Chunk& chunk = parsed.chunk;
  chunk_ = &chunk;
  if (chunk.kind == v1::CHUNK_KIND_EVENTS) {
    const absl::StatusOr<format::EventsView>& view = parsed.events;
    if (!view.ok()) return AddDamage(std::string(view.status().message()));
    Tell(&Visitor::OnChunk,
         ChunkStart{chunk, &view->head, view->event_count()});
    report_->released.AddEvents(chunk);
    PlayEvents(*view);
    return;
  }
  Tell(&Visitor::OnChunk, ChunkStart{chunk, nullptr, 0});
  if (chunk.kind == v1::CHUNK_KIND_MODEL) {
    v1::Model model;
    if (Parse(chunk, &model)) Tell(&Visitor::OnModel, model);
  } else if (chunk.kind == v1::CHUNK_KIND_OPTIMIZER) {
    v1::Model optimizer;
    if (Parse(chunk, &optimizer)) Tell(&Visitor::OnOptimizer, optimizer);
  } else if (chunk.kind == v1::CHUNK_KIND_RELEASED) {
    report_->released.AddRegion(chunk);
    ++releases_;
  } else if (chunk.kind == v1::CHUNK_KIND_SUMMARY) {
    PlaySummary(chunk);
  } else if (chunk.kind == v1::CHUNK_KIND_INDEX) {
    v1::Index index;
    if (Parse(chunk, &index)) report_->index = std::move(index);
  }
}

void Player::PlaySummary(const format::Chunk& chunk) {
  v1::Summary message;
  if (!Parse(chunk, &message)) return;
  absl::StatusOr<format::Summary> summary =
      format::Summary::FromMessage(message);
  if (!summary.ok()) return AddDamage(std::string(summary.status().message()));
  report_->released.AddSummary(*std::move(summary));
}

void Player::PlayEvents(const format::EventsView& view) {
  const v1::Events& events = view.head;
  dictionary_ = &events.dictionary();
  operators_.Load(*dictionary_);
  call_sites_.Load(*dictionary_);
  EnterChunk(view);
  for (const v1::Thread& facts : events.threads()) {
    threads_[facts.number()].facts = facts;
  }
  for (const v1::Drop& drop : events.drops()) Tell(&Visitor::OnDrop, drop);
  for (const v1::Audit& audit : events.audits()) {
    Tell(&Visitor::OnAudit, audit);
  }
  std::vector<Head> heads;
  AddHeads(view, &heads);
  Merge(MarksOf(events), &heads);
  PlayDevices(events);
  PlayActivities(events);
  for (const Head& head : heads) {
    if (head.cursor.status().ok()) continue;
    AddDamage(absl::StrCat("thread ", head.thread->facts.number(), ": ",
                           head.cursor.status().message()));
  }
}

void Player::PlayDevices(const v1::Events& events) {
  const absl::Status status =
      format::ReadDeviceTimes(events, [this](const format::DeviceTime& time) {
        Tell(&Visitor::OnDeviceTime, time);
      });
  if (!status.ok()) AddDamage(std::string(status.message()));
  const absl::Status memory_status = format::ReadDeviceMemory(
      events, [this](const format::DeviceMemory& memory) {
        Tell(&Visitor::OnDeviceMemory, memory);
      });
  if (!memory_status.ok()) AddDamage(std::string(memory_status.message()));
  if (events.has_device_loss()) {
    Tell(&Visitor::OnDeviceLoss, events.device_loss());
  }
}

void Player::PlayActivities(const v1::Events& events) {
  const absl::Status status = format::ReadDeviceActivities(
      events,
      [this](const format::Launch& launch) {
        const auto thread = threads_.find(launch.thread);
        Tell(&Visitor::OnLaunch,
             LaunchCall{launch,
                        thread == threads_.end() ? nullptr : &thread->second});
      },
      [this](const format::DeviceActivity& activity) {
        Tell(&Visitor::OnActivity, activity);
      });
  if (!status.ok()) AddDamage(std::string(status.message()));
  if (events.has_activity_loss()) {
    Tell(&Visitor::OnActivityLoss, events.activity_loss());
  }
}

void Player::AddHeads(const format::EventsView& view,
                      std::vector<Head>* heads) {
  const auto counts =
      std::make_shared<const format::SignatureCounts>(view.head);
  absl::flat_hash_set<uint32_t> seen;
  heads->reserve(view.streams.size());
  for (const format::StreamView& stream : view.streams) {
    if (!seen.insert(stream.thread).second) {
      AddDamage(absl::StrCat("thread ", stream.thread, " is there twice"));
      continue;
    }
    ThreadState& thread = threads_[stream.thread];
    thread.facts.set_number(stream.thread);
    heads->emplace_back(counts, stream, columns_, &thread);
    Reconcile(stream, &thread);
    releases_before_[stream.thread] = releases_;
  }
}

// After a lost chunk the step may not be the one that was last told of.
void Player::EnterChunk(const format::EventsView& view) {
  const v1::Events& events = view.head;
  if (step_ && *step_ == events.step()) return;
  step_ = events.step();
  step_start_ns_ = events.step_start_ns();
  Tell(&Visitor::OnStep, StepStart{events.step(), events.step_start_ns(),
                                   !view.streams.empty(), false});
}

// After a lost chunk other spans may be open than those that were seen to begin
// and not to end.
void Player::Reconcile(const format::StreamView& stream, ThreadState* thread) {
  size_t same = 0;
  while (same < thread->stack.size() && same < stream.open.size() &&
         thread->stack[same].number == stream.open[same].number()) {
    ++same;
  }
  while (thread->stack.size() > same) End(Ending::kLost, 0, {}, thread);
  for (size_t i = same; i < stream.open.size(); ++i) {
    const v1::OpenSpan& open = stream.open[i];
    format::Span span = {open.number(),
                         open.start_time_ns(),
                         open.signature(),
                         open.forward_thread(),
                         {}};
    if (open.has_sequence()) span.sequence = open.sequence();
    Begin(span, {}, /*resumed=*/true, thread);
    thread->stack.back().children_ns = open.children_ns();
  }
}

// Events that are as late as a mark come after it.
void Player::Merge(const std::vector<Mark>& marks, std::vector<Head>* heads) {
  std::vector<Head*> heap;
  for (Head& head : *heads) {
    if (head.time_ns != kNever) heap.push_back(&head);
  }
  std::make_heap(heap.begin(), heap.end(), Head::IsLater);
  auto mark = marks.begin();
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), Head::IsLater);
    Head* head = heap.back();
    heap.pop_back();
    for (; mark != marks.end() && mark->time_ns <= head->time_ns; ++mark) {
      Apply(*mark);
    }
    if (Done()) return;
    // Until then it is this stream's turn.
    uint64_t limit_ns = heap.empty() ? kNever - 1 : heap.front()->time_ns;
    if (mark != marks.end()) limit_ns = std::min(limit_ns, mark->time_ns - 1);
    do {
      Apply(head->event, head->thread);
      if (Done()) return;
      head->Advance();
    } while (head->time_ns <= limit_ns);
    if (head->time_ns == kNever) continue;
    heap.push_back(head);
    std::push_heap(heap.begin(), heap.end(), Head::IsLater);
  }
  for (; mark != marks.end(); ++mark) Apply(*mark);
}

void Player::Apply(const Mark& mark) {
  if (mark.step != nullptr) {
    step_ = mark.step->number();
    step_start_ns_ = mark.time_ns;
    Tell(&Visitor::OnStep, StepStart{mark.step->number(), mark.time_ns,
                                     mark.step->recorded(), true});
  } else if (mark.window != nullptr) {
    Tell(&Visitor::OnWindow, *mark.window);
  } else {
    Tell(&Visitor::OnValue, *mark.value);
  }
}

Values Player::ValuesOf(uint32_t signature, const Event& event) const {
  Values values;
  values.dictionary = dictionary_;
  if (signature == 0) return values;
  values.signature = &dictionary_->signatures(signature - 1);
  values.tensors = event.tensors;
  values.reals = event.reals;
  return values;
}

void Player::Apply(const Event& event, ThreadState* thread) {
  switch (event.kind) {
    case v1::EVENT_KIND_BEGIN:
    case v1::EVENT_KIND_BEGIN_SEQUENCED:
    case v1::EVENT_KIND_BEGIN_BACKWARD:
      return Begin(*event.span, ValuesOf(event.span->signature, event),
                   /*resumed=*/false, thread);
    case v1::EVENT_KIND_END:
      return End(Ending::kReturned, event.time_ns,
                 ValuesOf(event.result, event), thread);
    case v1::EVENT_KIND_END_THREW:
      return End(Ending::kThrew, event.time_ns, {}, thread);
    case v1::EVENT_KIND_END_UNKNOWN:
      return End(Ending::kUnknown, event.time_ns, {}, thread);
    case v1::EVENT_KIND_SAVE:
      return Tell(&Visitor::OnSave, SavedTensor{*thread, event.time_ns,
                                                event.storage, event.bytes});
    case v1::EVENT_KIND_RELEASE:
      return Tell(&Visitor::OnRelease,
                  SavedTensor{*thread, event.time_ns, event.storage, 0});
    default:
      return ChangeMemory(event, *thread);
  }
}

// Of a span that began before what was read, it is only known that it was in no
// later step.
uint64_t Player::StepOf(const format::Span& span, bool resumed) const {
  const bool earlier = resumed && span.start_time_ns < step_start_ns_;
  return *step_ - (earlier && *step_ > 0 ? 1 : 0);
}

void Player::Begin(const format::Span& span, const Values& inputs, bool resumed,
                   ThreadState* thread) {
  Frame frame;
  frame.number = span.number;
  frame.start_ns = span.start_time_ns;
  frame.step = StepOf(span, resumed);
  open_in_steps_ += steps_.Contains(frame.step);
  frame.op = operators_.Of(span.signature);
  frame.call_site = call_sites_.Of(span.signature);
  if (span.sequence) frame.sequence = *span.sequence;
  frame.forward_thread = span.forward_thread;
  frame.backward = IsBackward(frame.op->kind);
  if (!thread->stack.empty()) {
    const Frame& parent = thread->stack.back();
    frame.nested = parent.nested || Encloses(parent.op->kind);
    frame.backward |= parent.backward;
  }
  thread->stack.push_back(frame);
  Tell(&Visitor::OnBegin,
       SpanBegin{
           *thread, thread->stack.back(), inputs, resumed,
           resumed && releases_before_[thread->facts.number()] != releases_});
}

void Player::End(Ending ending, uint64_t time_ns, const Values& outputs,
                 ThreadState* thread) {
  if (thread->stack.empty()) return;
  const SpanEnd end{*thread, thread->stack.back(), ending,
                    std::max(time_ns, thread->stack.back().start_ns), outputs};
  Tell(&Visitor::OnEnd, end);
  const uint64_t duration_ns = end.duration_ns();
  open_in_steps_ -= steps_.Contains(end.frame.step);
  thread->stack.pop_back();
  if (!thread->stack.empty()) thread->stack.back().children_ns += duration_ns;
}

void Player::ChangeMemory(const Event& event, const ThreadState& thread) {
  const Allocation change{
      thread,        event.time_ns,     event.storage,     event.bytes,
      event.address, event.device_type, event.device_index};
  Tell(event.kind == v1::EVENT_KIND_FREE ? &Visitor::OnFree
                                         : &Visitor::OnAllocate,
       change);
}

void Player::LoseSpans() {
  for (auto& [number, thread] : threads_) {
    while (!thread.stack.empty()) End(Ending::kLost, 0, {}, &thread);
  }
}

void Player::Seek(const ParsedChunk& parsed) {
  LoseSpans();
  step_.reset();
  const absl::StatusOr<format::EventsView>& view = parsed.events;
  if (!view.ok()) return;  // which Play() tells
  std::vector<uint64_t> live;
  uint64_t storage = 0;
  for (uint64_t difference : view->head.live().storages()) {
    live.push_back(storage += difference);
  }
  Tell(&Visitor::OnSeek, viewer::Seek{live});
}

void Player::EndSpans() {
  LoseSpans();
  Tell(&Visitor::OnLogEnd);
  report_->released.Finish();
  report_->operators = operators_.Take();
  report_->call_sites = call_sites_.TakeSites();
  report_->objects = call_sites_.TakeObjects();
}

}  // namespace torchtape::viewer
