#include "core/thread_recorder.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/hash.h"
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
// Names and signatures.

namespace {

size_t TextRecordWords(absl::string_view text) {
  return 1 + format::TextWords(text.size());
}

uint64_t* PutText(uint64_t* to, absl::string_view text) {
  *to++ = text.size();
  const size_t words = format::TextWords(text.size());
  if (words != 0) {
    to[words - 1] = 0;
    std::memcpy(to, text.data(), text.size());
  }
  return to + words;
}

// Longer names and schemas are cut: a record has a bound.
absl::string_view Bounded(absl::string_view text) {
  constexpr size_t kMaxBytes = 32768;
  return text.substr(0, kMaxBytes);
}

}  // namespace

uint32_t ThreadRecorder::DefineOperator(SpanKind kind, absl::string_view name,
                                        absl::string_view overload,
                                        absl::string_view schema,
                                        ModuleSource source) {
  name = Bounded(name);
  overload = Bounded(overload);
  schema = Bounded(schema);
  const size_t words = 2 + TextRecordWords(name) + TextRecordWords(overload) +
                       TextRecordWords(schema);
  uint64_t* record = Reserve(words);
  if (record == nullptr) return 0;
  const uint32_t id = ++last_operator_;
  record[0] = RecordHeader(RecordKind::kOperator, 0, words, id);
  record[1] = format::OperatorWord(kind, source);
  PutText(PutText(PutText(record + 2, name), overload), schema);
  ring_->Commit(words);
  return id;
}

KnownOperator* ThreadRecorder::AddByAddress(const char* address, SpanKind kind,
                                            absl::string_view name,
                                            absl::string_view overload,
                                            absl::string_view schema) {
  if (addresses_ >= kAddressSlots / 4 * 3) return nullptr;
  const uint32_t id = DefineOperator(kind, name, overload, schema);
  if (id == 0) return nullptr;
  size_t slot = AddressSlot(address);
  while (by_address_[slot].name != nullptr &&
         by_address_[slot].name != address) {
    slot = (slot + 1) % kAddressSlots;
  }
  AddressEntry& entry = by_address_[slot];
  if (entry.name == nullptr) ++addresses_;
  entry = AddressEntry();
  entry.name = address;
  entry.known.id = id;
  std::memcpy(entry.text, address, strnlen(address, kTextBytes));
  return &entry.known;
}

KnownOperator* ThreadRecorder::AddByNumber(uint32_t number, SpanKind kind,
                                           absl::string_view name,
                                           absl::string_view overload,
                                           absl::string_view schema) {
  const uint32_t id = DefineOperator(kind, name, overload, schema);
  if (id == 0) return nullptr;
  by_number_[number].id = id;
  return &by_number_[number];
}

KnownOperator* ThreadRecorder::FindByText(SpanKind kind,
                                          absl::string_view name) {
  text_key_.assign(1, static_cast<char>(kind));
  text_key_.append(name.data(), name.size());
  auto it = by_text_.find(text_key_);
  return it == by_text_.end() ? nullptr : &it->second;
}

KnownOperator* ThreadRecorder::AddByText(SpanKind kind,
                                         absl::string_view name) {
  if (by_text_.size() >= kMaxTexts) return nullptr;
  const uint32_t id = DefineOperator(kind, name, "", "");
  if (id == 0) return nullptr;
  FindByText(kind, name);  // makes the key
  return &(by_text_[text_key_] = KnownOperator{id, 0});
}

ModuleTable::Entry* ThreadRecorder::AddModule(const ModuleInstance& instance,
                                              ModuleSource source,
                                              absl::string_view path,
                                              absl::string_view type) {
  // One path is one operator for each type and source.
  const std::string key =
      absl::StrCat(path, absl::string_view("\0", 1), type,
                   absl::string_view("\0", 1), static_cast<uint32_t>(source));
  KnownOperator* op = FindByText(SpanKind::kModule, key);
  if (op == nullptr) {
    if (by_text_.size() >= kMaxTexts) return nullptr;
    const uint32_t id =
        DefineOperator(SpanKind::kModule, path, type, "", source);
    if (id == 0) return nullptr;
    FindByText(SpanKind::kModule, key);  // makes the key
    op = &(by_text_[text_key_] = KnownOperator{id, 0});
  }
  return modules_.Add(instance, op->id);
}

void ThreadRecorder::Define(ModuleTable::Entry* module) {
  if (module_signatures_ == kMaxModuleSignatures) Forget();
  if (module_signatures_ == kMaxModuleSignatures) return;  // no room to
  ++module_signatures_;
  module->signature =
      DefineSignature(module->op, module->instance.call_site(), false);
}

uint32_t ThreadRecorder::DefineSignature(uint32_t op, uint64_t call_site,
                                         bool values_recorded) {
  const size_t tags = values_recorded ? values_->tags() : 0;
  const size_t fixed = call_site != 0 ? 3 : 2;
  const size_t words = fixed + tags;
  uint64_t* record = Reserve(words);
  if (record == nullptr) return 0;
  const uint32_t id = ++last_signature_;
  record[0] = RecordHeader(RecordKind::kSignature,
                           (values_recorded ? format::kValuesRecorded : 0) |
                               (call_site != 0 ? format::kHasCallSite : 0),
                           words, id);
  record[1] = op;
  if (call_site != 0) record[2] = call_site;
  for (size_t i = 0; i < tags; ++i) record[fixed + i] = values_->tag_words()[i];
  ring_->Commit(words);
  return id;
}

uint32_t ThreadRecorder::BareSignature(KnownOperator* op) {
  if (op->bare_signature == 0)
    op->bare_signature = DefineSignature(op->id, 0, false);
  return op->bare_signature;
}

uint32_t ThreadRecorder::FindSignature(uint32_t op, uint64_t call_site,
                                       bool values_recorded, uint64_t hash) {
  if (__builtin_expect(forget_, 0)) Forget();
  uint32_t slot = (hash >> 20) % kSignatureSlots;
  while (signature_slots_[slot].hash != 0 &&
         signature_slots_[slot].hash != hash) {
    slot = (slot + 1) % kSignatureSlots;
  }
  if (signature_slots_[slot].hash == 0) {
    // Only if there was no room to forget; the search above must end.
    if (signatures_ >= kSignatureSlots - 1) return 0;
    const uint32_t id = DefineSignature(op, call_site, values_recorded);
    if (id == 0) return 0;
    signature_slots_[slot] = {hash, id, used_};
    // Shapes or arguments that never repeat: start over before the next one.
    if (++signatures_ >= kMaxSignatures) forget_ = true;
  }
  SignatureSlot& found = signature_slots_[slot];
  guess_ = found.seen + 1;
  found.seen = used_;
  HistoryAt(used_++) = (hash & kHashMask) | found.id;
  return found.id;
}

// ---------------------------------------------------------------------------
// Events.

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

void ThreadRecorder::Forget() {
  uint64_t* record = Reserve(1);
  if (record == nullptr) return;
  record[0] = RecordHeader(RecordKind::kForget, 0, 1, 0);
  ring_->Commit(1);
  forget_ = false;
  for (SignatureSlot& entry : signature_slots_) entry = SignatureSlot();
  std::fill(history_.begin(), history_.end(), 0);
  signatures_ = 0;
  last_signature_ = 0;
  for (AddressEntry& entry : by_address_) entry.known.bare_signature = 0;
  for (auto& [text, known] : by_text_) known.bare_signature = 0;
  modules_.ForgetSignatures();
  module_signatures_ = 0;
}

// ---------------------------------------------------------------------------
// Device times.

DeviceTimer::Pair ThreadRecorder::BeginTiming(const Call& call) {
  DeviceTimer* const timer = DeviceTimer::Active();
  if (timer == nullptr) return 0;
  if (call.timed == Call::kOutside && times_all_ != 0) return 0;
  timer->ResolveIfDue(this);
  return timer->Begin(call.node);
}

void ThreadRecorder::NameTiming(const Call& call, DeviceTimer::Pair timing) {
  if (call.times_all && times_all_ == 0) times_all_ = depth_;
  const uint64_t which = ++timed_spans_;
  if (DeviceTimer* const timer = DeviceTimer::Active()) {
    timer->Name(timing, thread_.number, which);
  }
}

void ThreadRecorder::EndTiming(const Frame& frame, bool lost) {
  const auto depth = static_cast<size_t>(&frame - frames_) + 1;
  if (times_all_ == depth) times_all_ = 0;
  DeviceTimer* const timer = DeviceTimer::Active();
  if (timer == nullptr) return;
  if (lost) {
    timer->Lose(frame.timing);
  } else {
    timer->End(frame.timing);
  }
}

// There was no room for it.
void ThreadRecorder::DropSpan(Frame* frame) {
  DeviceTimer* const timer = DeviceTimer::Active();
  if (frame->timing != 0 && timer != nullptr) timer->Cancel(frame->timing);
  frame->timing = 0;
  CountDrop();
}

void ThreadRecorder::Put(const DeviceTime& time) {
  constexpr size_t kWords = format::kDeviceTimeWords;
  uint64_t* record = Reserve(kWords);
  if (record == nullptr) return CountDrop();
  record[0] =
      RecordHeader(RecordKind::kDeviceTime, time.of_step ? format::kOfStep : 0,
                   kWords, time.thread);
  record[1] = Ticks();
  record[2] = time.which;
  record[3] = time.stream.id;
  record[4] = time.stream.device;
  record[5] = static_cast<uint64_t>(time.start_ns);
  record[6] = time.duration_ns;
  record[7] = time.begin_ticks;
  record[8] = time.end_ticks;
  ring_->Commit(kWords);
}

bool ThreadRecorder::PutDeviceLoss(const uint64_t (&counts)[4]) {
  constexpr size_t kWords = format::kDeviceLossWords;
  uint64_t* record = Reserve(kWords);
  if (record == nullptr) return false;
  record[0] = RecordHeader(RecordKind::kDeviceLoss, 0, kWords, 0);
  record[1] = Ticks();
  std::copy(counts, counts + 4, record + 2);
  ring_->Commit(kWords);
  return true;
}

void ThreadRecorder::Allocate(uint32_t device, uint64_t address,
                              uint64_t bytes) {
  constexpr size_t kWords = 4;
  const bool hidden = depth_ != 0 && !frames_[depth_ - 1].recorded;
  uint64_t* record = hidden ? nullptr : Reserve(kWords);
  if (record == nullptr) return CountDrop();
  record[0] = RecordHeader(RecordKind::kAllocate, 0, kWords, device);
  record[1] = Ticks();
  record[2] = address;
  record[3] = bytes;
  ring_->Commit(kWords);
}

void ThreadRecorder::Free(uint64_t address) {
  constexpr size_t kWords = 3;
  uint64_t* record = Reserve(kWords);
  if (record == nullptr) return CountDrop();
  record[0] = RecordHeader(RecordKind::kFree, 0, kWords, 0);
  record[1] = Ticks();
  record[2] = address;
  ring_->Commit(kWords);
}

void ThreadRecorder::Allocate(uint32_t device, uint64_t address, uint64_t bytes,
                              const DeviceTotals& totals) {
  constexpr size_t kWords = 6;
  const bool hidden = depth_ != 0 && !frames_[depth_ - 1].recorded;
  uint64_t* record = hidden ? nullptr : Reserve(kWords);
  if (record == nullptr) return CountDrop();
  record[0] =
      RecordHeader(RecordKind::kAllocate, format::kHasTotals, kWords, device);
  record[1] = Ticks();
  record[2] = address;
  record[3] = bytes;
  record[4] = totals.allocated;
  record[5] = totals.reserved;
  ring_->Commit(kWords);
}

void ThreadRecorder::Free(uint32_t device, uint64_t address,
                          const DeviceTotals& totals) {
  constexpr size_t kWords = 5;
  uint64_t* record = Reserve(kWords);
  if (record == nullptr) return CountDrop();
  record[0] =
      RecordHeader(RecordKind::kFree, format::kHasTotals, kWords, device);
  record[1] = Ticks();
  record[2] = address;
  record[3] = totals.allocated;
  record[4] = totals.reserved;
  ring_->Commit(kWords);
}

void ThreadRecorder::Save(uint64_t address, uint64_t bytes) {
  constexpr size_t kWords = 4;
  const bool hidden = depth_ != 0 && !frames_[depth_ - 1].recorded;
  uint64_t* record = hidden ? nullptr : Reserve(kWords);
  if (record == nullptr) return CountDrop();
  record[0] = RecordHeader(RecordKind::kSave, 0, kWords, 0);
  record[1] = Ticks();
  record[2] = address;
  record[3] = bytes;
  ring_->Commit(kWords);
}

void ThreadRecorder::Release(uint64_t address) {
  constexpr size_t kWords = 3;
  uint64_t* record = Reserve(kWords);
  if (record == nullptr) return CountDrop();
  record[0] = RecordHeader(RecordKind::kRelease, 0, kWords, 0);
  record[1] = Ticks();
  record[2] = address;
  ring_->Commit(kWords);
}

void ThreadRecorder::Step(uint64_t number, bool recording) {
  constexpr size_t kWords = 3;
  uint64_t* record = Reserve(kWords);
  if (record == nullptr) return CountDrop();
  record[0] = RecordHeader(RecordKind::kStep,
                           recording ? format::kRecording : 0, kWords, 0);
  record[1] = Ticks();
  record[2] = number;
  ring_->Commit(kWords);
}

void ThreadRecorder::Window(bool recording) {
  constexpr size_t kWords = 2;
  uint64_t* record = Reserve(kWords);
  if (record == nullptr) return CountDrop();
  record[0] = RecordHeader(RecordKind::kWindow,
                           recording ? format::kRecording : 0, kWords, 0);
  record[1] = Ticks();
  ring_->Commit(kWords);
}

void ThreadRecorder::Value(absl::string_view name, double value) {
  constexpr SpanKind kKind = SpanKind::kRange;
  KnownOperator* op = FindByText(kKind, name);
  if (op == nullptr) op = AddByText(kKind, name);
  constexpr size_t kWords = 3;
  uint64_t* record = op == nullptr ? nullptr : Reserve(kWords);
  if (record == nullptr) return CountDrop();
  record[0] = RecordHeader(RecordKind::kValue, 0, kWords, op->id);
  record[1] = Ticks();
  std::memcpy(&record[2], &value, sizeof value);
  ring_->Commit(kWords);
}

void ThreadRecorder::Audit(uint64_t tapped_ops, uint64_t missed_ops) {
  constexpr size_t kWords = 4;
  uint64_t* record = Reserve(kWords);
  if (record == nullptr) return CountDrop();
  record[0] = RecordHeader(RecordKind::kAudit, 0, kWords, 0);
  record[1] = Ticks();
  record[2] = tapped_ops;
  record[3] = missed_ops;
  ring_->Commit(kWords);
}

void ThreadRecorder::Model(uint32_t id) {
  constexpr size_t kWords = 2;
  uint64_t* record = Reserve(kWords);
  if (record == nullptr) return CountDrop();
  record[0] = RecordHeader(RecordKind::kModel, 0, kWords, id);
  record[1] = Ticks();
  ring_->Commit(kWords);
}

}  // namespace torchtape::internal
