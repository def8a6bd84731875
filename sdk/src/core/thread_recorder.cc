#include "core/thread_recorder.h"

#include <cstring>
#include <utility>

#include "core/recorder.h"

namespace torchtape::internal {

using format::RecordHeader;
using format::RecordKind;

std::atomic<uint64_t> ThreadRecorder::active_session_{0};
std::atomic<ThreadRecorder::TorchThread> ThreadRecorder::torch_thread_{nullptr};
__thread ThreadRecorder* ThreadRecorder::current_ = nullptr;

// Not a member of ThreadExit: what its destructor writes to it may be left out.
static thread_local bool thread_is_gone = false;

// Tells the recorder that a thread is gone. Made when the thread joins, so that
// it is destroyed before what the thread made earlier; what records later than
// that is not recorded.
class ThreadRecorder::ThreadExit {
 public:
  ~ThreadExit() {
    if (current_) current_->finished_.store(true, std::memory_order_release);
    current_ = nullptr;
    thread_is_gone = true;
  }
};

ThreadRecorder* ThreadRecorder::Join() {
  if (active_session() == 0 || thread_is_gone) return nullptr;
  static thread_local ThreadExit thread_exit;
  (void)&thread_exit;  // makes it
  // What joining does may record itself, such as an allocation.
  static thread_local bool joining = false;
  if (joining) return nullptr;
  joining = true;
  if (current_) current_->finished_.store(true, std::memory_order_release);
  current_ = Recorder::Get().AddThread();
  joining = false;
  return current_;
}

ThreadRecorder::ThreadRecorder(std::unique_ptr<Ring> ring, uint64_t session,
                               ThreadFacts thread)
    : session_(session),
      ring_(std::move(ring)),
      plain_(ring_ != nullptr),
      thread_(std::move(thread)),
      values_(std::make_unique<Values>()),
      signature_slots_(kSignatureSlots),
      history_(kHistory),
      by_address_(kAddressSlots),
      by_number_(kMaxNumbers) {}

ThreadRecorder::~ThreadRecorder() = default;

// ---------------------------------------------------------------------------
// Room in the ring.

uint64_t* ThreadRecorder::ReserveSlowly(size_t words) {
  if (ring_ == nullptr || !TellDrops()) return nullptr;
  plain_ = true;
  return ring_->Reserve(words, (depth_ + 1) * kEndWords);
}

void ThreadRecorder::CountDrop() {
  plain_ = false;
  const uint64_t now = Ticks();
  const uint64_t before = drops_.load(std::memory_order_relaxed);
  if (before == 0) first_drop_ticks_.store(now, std::memory_order_relaxed);
  last_drop_ticks_ = now;
  drops_.store(before + 1, std::memory_order_relaxed);
  if (ring_ != nullptr) {
    ring_->SetDrops(before + 1,
                    first_drop_ticks_.load(std::memory_order_relaxed), now);
  }
}

bool ThreadRecorder::TellDrops() {
  constexpr size_t kWords = 4;
  uint64_t* record = ring_->Reserve(kWords, (depth_ + 1) * kEndWords);
  if (record == nullptr) return false;
  record[0] = RecordHeader(RecordKind::kDrop, 0, kWords, 0);
  record[1] = first_drop_ticks_.load(std::memory_order_relaxed);
  record[2] = last_drop_ticks_;
  record[3] = drops_.load(std::memory_order_relaxed);
  ring_->Commit(kWords);
  // A process that is killed in between tells of them twice, not never.
  ring_->SetDrops(0, 0, 0);
  drops_.store(0, std::memory_order_relaxed);
  return true;
}

// ---------------------------------------------------------------------------
// Spans.

void ThreadRecorder::PutEnd(uint64_t flags, uint64_t ticks,
                            uint32_t signature) {
  // The open spans' ends have room: see Reserve().
  constexpr size_t kWords = 2;
  uint64_t* record = ring_->Reserve(kWords, 0);
  if (record == nullptr) return;
  record[0] = RecordHeader(RecordKind::kEnd, flags, kWords, signature);
  record[1] = ticks;
  ring_->Commit(kWords);
}

const ThreadRecorder::Frame* ThreadRecorder::EndInner(const void* key,
                                                      uint64_t ticks) {
  size_t index = depth_;
  while (index != 0 && frames_[index - 1].key != key) --index;
  if (index == 0) return nullptr;
  for (; depth_ > index; --depth_) {
    const Frame& frame = frames_[depth_ - 1];
    if (frame.timing != 0) EndTiming(frame, /*lost=*/true);
    if (frame.recorded) PutEnd(format::kCut, ticks, 0);
  }
  return &frames_[depth_ - 1];
}

void ThreadRecorder::EndThrown(const void* key, uint64_t ticks) {
  const Frame* frame = EndInner(key, ticks);
  if (frame == nullptr) return;
  --depth_;
  if (frame->timing != 0) EndTiming(*frame);
  if (frame->recorded) PutEnd(format::kThrew, ticks, 0);
}

// ---------------------------------------------------------------------------
// Device times.

DeviceTimer::Pair ThreadRecorder::BeginTiming(const Call& call) {
  DeviceTimer* const timer = DeviceTimer::Active();
  if (timer == nullptr) return 0;
  if (call.timed == Call::kOutside && times_all_ != 0) return 0;
  timer->ResolveIfDue(this);
  const DeviceTimer::Pair timing = timer->Begin(call.node);
  // Also if its time is lost: what is inside of it is not tried instead.
  if (timing != 0 && call.times_all && times_all_ == 0) times_all_ = depth_;
  return timing;
}

void ThreadRecorder::NameTiming(DeviceTimer::Pair timing) {
  const uint64_t which = ++timed_spans_;
  if (DeviceTimer* const timer = DeviceTimer::Active()) {
    timer->Name(timing, thread_.number, which);
  }
}

void ThreadRecorder::EndTiming(const Frame& frame, bool lost) {
  const auto depth = static_cast<size_t>(&frame - frames_) + 1;
  if (times_all_ == depth) times_all_ = 0;
  DeviceTimer* const timer = DeviceTimer::Active();
  if (timer == nullptr || frame.timing == DeviceTimer::kLost) return;
  if (lost) {
    timer->Lose(frame.timing);
  } else {
    timer->End(frame.timing);
  }
}

// There was no room for it.
void ThreadRecorder::DropSpan(Frame* frame) {
  DeviceTimer* const timer = DeviceTimer::Active();
  const DeviceTimer::Pair timing = std::exchange(frame->timing, 0);
  if (timing != 0) {
    if (times_all_ == depth_) times_all_ = 0;
    if (timing != DeviceTimer::kLost && timer != nullptr) timer->Cancel(timing);
  }
  CountDrop();
}

// ---------------------------------------------------------------------------
// Records of a fixed size.

template <typename... Words>
bool ThreadRecorder::PutRecord(RecordKind kind, uint64_t flags, uint32_t id,
                               Words... words) {
  constexpr size_t kWords = 2 + sizeof...(words);
  uint64_t* record = Reserve(kWords);
  if (record == nullptr) return false;
  record[0] = RecordHeader(kind, flags, kWords, id);
  record[1] = Ticks();
  size_t at = 2;
  ((record[at++] = words), ...);
  ring_->Commit(kWords);
  return true;
}

template <typename... Words>
void ThreadRecorder::PutOrDrop(RecordKind kind, uint64_t flags, uint32_t id,
                               Words... words) {
  if (!PutRecord(kind, flags, id, words...)) CountDrop();
}

void ThreadRecorder::Put(const DeviceTime& time) {
  PutOrDrop(RecordKind::kDeviceTime, time.of_step ? format::kOfStep : 0,
            time.thread, time.which, time.stream.id, time.stream.device,
            static_cast<uint64_t>(time.start_ns), time.duration_ns,
            time.begin_ticks, time.end_ticks);
}

bool ThreadRecorder::PutDeviceLoss(const uint64_t (&counts)[4]) {
  return PutRecord(RecordKind::kDeviceLoss, 0, 0, counts[0], counts[1],
                   counts[2], counts[3]);
}

void ThreadRecorder::Launch(uint32_t correlation) {
  if (IsHidden()) return CountDrop();
  PutOrDrop(RecordKind::kLaunch, 0, correlation);
}

bool ThreadRecorder::Put(const Activity& activity) {
  constexpr SpanKind kKind = SpanKind::kRange;
  KnownOperator* op = FindByText(kKind, activity.name);
  if (op == nullptr) op = AddByText(kKind, activity.name);
  if (op == nullptr) return false;
  return PutRecord(RecordKind::kActivity, static_cast<uint64_t>(activity.kind),
                   op->id, activity.start_ns, activity.duration_ns,
                   activity.correlation | uint64_t{activity.stream} << 32,
                   activity.device | uint64_t{activity.context} << 32,
                   activity.bytes);
}

bool ThreadRecorder::PutActivityClock(uint64_t before_ticks, uint64_t cupti_ns,
                                      uint64_t after_ticks) {
  uint64_t* record = Reserve(format::kActivityClockWords);
  if (record == nullptr) return false;
  record[0] = RecordHeader(RecordKind::kActivityClock, 0,
                           format::kActivityClockWords, 0);
  record[1] = after_ticks;
  record[2] = cupti_ns;
  record[3] = before_ticks;
  ring_->Commit(format::kActivityClockWords);
  return true;
}

bool ThreadRecorder::PutActivityLoss(const uint64_t (&counts)[3]) {
  return PutRecord(RecordKind::kActivityLoss, 0, 0, counts[0], counts[1],
                   counts[2]);
}

void ThreadRecorder::Allocate(uint32_t device, uint64_t address,
                              uint64_t bytes) {
  if (IsHidden()) return CountDrop();
  PutOrDrop(RecordKind::kAllocate, 0, device, address, bytes);
}

void ThreadRecorder::Free(uint64_t address) {
  PutOrDrop(RecordKind::kFree, 0, 0, address);
}

void ThreadRecorder::Allocate(uint32_t device, uint64_t address, uint64_t bytes,
                              const DeviceTotals& totals) {
  if (IsHidden()) return CountDrop();
  PutOrDrop(RecordKind::kAllocate, format::kHasTotals, device, address, bytes,
            totals.allocated, totals.reserved);
}

void ThreadRecorder::Free(uint32_t device, uint64_t address,
                          const DeviceTotals& totals) {
  PutOrDrop(RecordKind::kFree, format::kHasTotals, device, address,
            totals.allocated, totals.reserved);
}

void ThreadRecorder::Save(uint64_t address, uint64_t bytes) {
  if (IsHidden()) return CountDrop();
  PutOrDrop(RecordKind::kSave, 0, 0, address, bytes);
}

void ThreadRecorder::Release(uint64_t address) {
  PutOrDrop(RecordKind::kRelease, 0, 0, address);
}

void ThreadRecorder::Step(uint64_t number, bool recording) {
  PutOrDrop(RecordKind::kStep, recording ? format::kRecording : 0, 0, number);
}

void ThreadRecorder::Window(bool recording) {
  PutOrDrop(RecordKind::kWindow, recording ? format::kRecording : 0, 0);
}

void ThreadRecorder::Value(absl::string_view name, double value) {
  constexpr SpanKind kKind = SpanKind::kRange;
  KnownOperator* op = FindByText(kKind, name);
  if (op == nullptr) op = AddByText(kKind, name);
  if (op == nullptr) return CountDrop();
  uint64_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  PutOrDrop(RecordKind::kValue, 0, op->id, bits);
}

void ThreadRecorder::Keep(absl::string_view why, bool out_of_memory) {
  constexpr SpanKind kKind = SpanKind::kRange;
  KnownOperator* op = FindByText(kKind, why);
  if (op == nullptr) op = AddByText(kKind, why);
  if (op == nullptr) return CountDrop();
  PutOrDrop(RecordKind::kValue,
            out_of_memory ? format::kOutOfMemory : format::kKeep, op->id,
            uint64_t{0});
}

void ThreadRecorder::Audit(uint64_t tapped_ops, uint64_t missed_ops) {
  PutOrDrop(RecordKind::kAudit, 0, 0, tapped_ops, missed_ops);
}

void ThreadRecorder::Model(uint32_t id) {
  PutOrDrop(RecordKind::kModel, 0, id);
}

}  // namespace torchtape::internal
