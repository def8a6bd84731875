#ifndef TORCHTAPE_SDK_CORE_THREAD_RECORDER_H_
#define TORCHTAPE_SDK_CORE_THREAD_RECORDER_H_

// One thread's part of a recording: its ring, its open spans, and the tables
// that turn repeated names and signatures into numbers. Sources of events (op
// callbacks, the allocator's observer, the tracker) call it on that thread.
//
//   if (ThreadRecorder* recorder = ThreadRecorder::Current()) {
//     recorder->Begin(...);
//   }
//
// After a thread's first events nothing here locks, allocates or enters the
// kernel. When the ring is full, whole events are dropped and counted: a span
// that begins is sure of room for its end, and what happens inside a dropped
// span is dropped with it.

#include <atomic>
#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "core/call_paths.h"
#include "core/clock.h"
#include "core/device_timer.h"
#include "core/hash.h"
#include "core/module_table.h"
#include "core/own_cost.h"
#include "core/ring.h"
#include "core/values.h"

namespace torchtape::internal {

using format::ModuleSource;
using format::SpanKind;

// What the log tells of a thread.
struct ThreadFacts {
  uint32_t number = 0;  // 1-based, in this recording
  std::string name;
  uint64_t os_id = 0;
  uint64_t torch_id = 0;  // RecordFunction's number; 0 unknown
};

// What a source wants to know of an operator it has seen before.
struct KnownOperator {
  uint32_t id = 0;              // the thread's number for it; 0: not known
  uint32_t bare_signature = 0;  // its signature without values; 0: not known
};

class ThreadRecorder {
 public:
  // This thread's recorder; null if nothing is recorded. Joins the recording
  // on a thread's first call, which allocates.
  static ThreadRecorder* Current() {
    ThreadRecorder* recorder = current_;
    if (__builtin_expect(recorder != nullptr, 1)) {
      const uint64_t session = active_session_.load(std::memory_order_relaxed);
      if (__builtin_expect(recorder->session_ == session, 1)) return recorder;
    }
    return Join();
  }

  // The number of the recording that is going on; 0: none.
  static uint64_t active_session() {
    return active_session_.load(std::memory_order_acquire);
  }

  // --- Names -------------------------------------------------------------

  // An operator whose name lies at an address of its own for as long as it
  // exists, as those of LibTorch's schemas do.
  KnownOperator* FindByAddress(const char* name) {
    for (size_t slot = AddressSlot(name);; slot = (slot + 1) % kAddressSlots) {
      AddressEntry& entry = by_address_[slot];
      if (entry.name == nullptr) return nullptr;
      // The name is compared too: memory of a name that is gone may be reused.
      if (entry.name == name) {
        return std::strncmp(entry.text, name, kTextBytes) == 0 ? &entry.known
                                                               : nullptr;
      }
    }
  }
  // An operator that has a number of its own, below kMaxNumbers.
  static constexpr size_t kMaxNumbers = 4096;
  KnownOperator* FindByNumber(uint32_t number) {
    KnownOperator& known = by_number_[number];
    return known.id == 0 ? nullptr : &known;
  }
  // A name that may lie anywhere. `kind` keeps equal names of different things
  // apart.
  KnownOperator* FindByText(SpanKind kind, absl::string_view name);

  // Adds an operator. Null if the ring or the table is full. `address` may hold
  // another text than the operator's name.
  KnownOperator* AddByAddress(const char* address, SpanKind kind,
                              absl::string_view name,
                              absl::string_view overload,
                              absl::string_view schema);
  KnownOperator* AddByNumber(uint32_t number, SpanKind kind,
                             absl::string_view name, absl::string_view overload,
                             absl::string_view schema);
  KnownOperator* AddByText(SpanKind kind, absl::string_view name);

  // The modules that this thread has met.
  ModuleTable& modules() { return modules_; }
  // Takes up a module under its name, found by nobody else. Null if the ring or
  // the table is full.
  ModuleTable::Entry* AddModule(const ModuleInstance& instance,
                                ModuleSource source, absl::string_view path,
                                absl::string_view type);
  // Number of the signature of its calls, which come by `path`. 0 if the ring
  // is full.
  uint32_t SignatureOfModule(ModuleTable::Entry* module, const CallPath& path) {
    if (__builtin_expect(module->signature == 0, 0)) Define(module, path);
    return module->signature;
  }

  CallPaths& call_paths() { return call_paths_; }

  // Number of the signature of `values()` for an operator that was called from
  // `call_site`, 0 if that is not known; or for returned values if `op` is 0.
  // 0 if the ring is full. `values_recorded`: false if `values()` are empty
  // because nobody looked.
  uint32_t SignatureOf(uint32_t op, uint64_t call_site = 0,
                       bool values_recorded = true) {
    const uint64_t hash = HashOfValues(op, call_site, values_recorded);
    uint32_t found = GuessSignature(hash);
    if (__builtin_expect(found == 0, 0)) {
      found = FindSignature(op, CallPath(call_site), values_recorded, hash);
    }
    return found & kSignatureId;
  }

  // The steps of SignatureOf(), for who knows an operator by something else
  // than its id here, and looks for that only if need be. `op` is its id, or
  // something else that is no other operator's.
  uint64_t HashOfValues(uint64_t op, uint64_t call_site, bool values_recorded) {
    const uint64_t seed =
        (kHashKey[4] + values_recorded) * (op + 1) ^ kHashKey[5] * call_site;
    return HashWords(values_->tag_words(), values_->tags(), seed) | kHashBit;
  }
  // What is found of a signature: its number, and where its call site lies.
  static constexpr uint32_t kSignatureId = 0xffff;
  static constexpr uint32_t kThroughHeaders = 0x10000;  // CodeKind::kHeader
  static constexpr uint32_t kFromLibTorch = 0x20000;    // CodeKind::kLibTorch
  // Whether the call's path says more than its call site, so that who knows it
  // should ask for the signature with that. What LibTorch's own code calls
  // inside of a span is that span's.
  bool WantsPath(uint32_t found) const {
    return (found & kThroughHeaders) != 0 ||
           ((found & kFromLibTorch) != 0 && !InLibTorch());
  }
  // 0: the guess was wrong.
  uint32_t GuessSignature(uint64_t hash) {
    const uint64_t guess = HistoryAt(guess_);
    if (__builtin_expect(((guess ^ hash) & kHashMask) != 0, 0)) return 0;
    ++guess_;
    HistoryAt(used_++) = guess;
    // Training has driven them out of the cache since the last step.
    __builtin_prefetch(&HistoryAt(guess_ + 8));
    __builtin_prefetch(&HistoryAt(used_ + 8), 1);
    return static_cast<uint32_t>(guess & ~kHashMask);
  }
  uint32_t FindSignature(uint32_t op, const CallPath& path,
                         bool values_recorded, uint64_t hash);
  // Number of an operator's signature that says nothing of values.
  uint32_t BareSignature(KnownOperator* op);

  // --- Events ------------------------------------------------------------

  // Room to collect a call's values in; cleared by its user.
  Values& values() { return *values_; }

  // Of recording on this thread: see CostSample.
  OwnCost& own_cost() { return own_cost_; }
  const OwnCost& own_cost() const { return own_cost_; }

  struct Call {
    const void* key = nullptr;  // tells End() which span it ends
    uint32_t signature = 0;     // 0: could not be defined; the span is dropped
    bool has_values = false;    // `values()` belong to it
    bool identities = false;
    bool backward = false;
    bool in_libtorch = false;  // it is a call into LibTorch
    // Whoever ends the span does not know whether it threw: it did if an
    // exception is on its way then that is not now.
    bool watch_exceptions = true;
    // Whether the span gets a device time: always, or unless it is inside of
    // one whose time says it all.
    enum Timed : uint8_t { kNot, kAlways, kOutside };
    Timed timed = kNot;
    bool times_all = false;       // its time says it all
    const void* node = nullptr;   // of a backward node: see DeviceEvents
    int64_t sequence = -1;        // -1: none
    uint32_t forward_thread = 0;  // backward only
  };

  inline void Begin(const Call& call);

  // Whether the span that `key` began is the innermost and recorded, so that
  // its results are wanted.
  bool WantsResult(const void* key) const {
    return depth_ != 0 && frames_[depth_ - 1].key == key &&
           frames_[depth_ - 1].recorded;
  }

  // Whether the span that `key` began is the innermost, recorded or not.
  bool HasSpan(const void* key) const {
    return depth_ != 0 && frames_[depth_ - 1].key == key;
  }

  // Whether the innermost span is a call into LibTorch.
  bool InLibTorch() const {
    return depth_ != 0 && frames_[depth_ - 1].in_libtorch;
  }

  // What began the innermost span; null outside of all.
  const void* InnermostKey() const {
    return depth_ == 0 ? nullptr : frames_[depth_ - 1].key;
  }

  // A word that two sources of events use to tell each other of a call that
  // both of them see: what the outer one left for the inner one.
  void Announce(uint32_t call) { announced_ = call; }
  uint32_t TakeAnnounced() { return std::exchange(announced_, 0); }

  // Ends the span that `key` began; spans inside it that never ended are cut.
  // Without such a span nothing happens. `signature` of the results, 0 for
  // none.
  inline void End(const void* key, uint64_t ticks, uint32_t signature,
                  bool identities);
  // The same of a span that threw.
  void EndThrown(const void* key, uint64_t ticks);

  // `device`: type << 8 | index + 1.
  void Allocate(uint32_t device, uint64_t address, uint64_t bytes);
  void Free(uint64_t address);
  // The same with what the device's allocator says of itself after it: bytes
  // that it has given out, and that it holds.
  struct DeviceTotals {
    uint64_t allocated, reserved;
  };
  void Allocate(uint32_t device, uint64_t address, uint64_t bytes,
                const DeviceTotals& totals);
  void Free(uint32_t device, uint64_t address, const DeviceTotals& totals);
  // Autograd keeps a tensor whose memory is at `address`, in a storage of
  // `bytes`, for the backward pass; and lets one go.
  void Save(uint64_t address, uint64_t bytes);
  void Release(uint64_t address);
  void Step(uint64_t number, bool recording);
  void Window(bool recording);
  void Value(absl::string_view name, double value);
  // The last steps before now are to stay in full.
  void Keep(absl::string_view why, bool out_of_memory);
  void Model(uint32_t id);
  void Audit(uint64_t tapped_ops, uint64_t missed_ops);

  // What became known of a pair of timing events.
  struct DeviceTime {
    bool of_step = false;
    uint32_t thread = 0;  // ThreadFacts::number; 0 of a step
    uint64_t which = 0;   // of the thread's spans with device times; the step's
                          // number
    DeviceStream stream;
    int64_t start_ns = 0;  // of the device's clock
    uint64_t duration_ns = 0;
    uint64_t begin_ticks = 0, end_ticks = 0;  // before each was recorded
  };
  void Put(const DeviceTime& time);
  // Counts in the order of v1::DeviceLoss. False if there is no room.
  bool PutDeviceLoss(const uint64_t (&counts)[4]);

  // A call that CUPTI numbers so asks a device for something, here.
  void Launch(uint32_t correlation);
  // What a device did, as CUPTI tells of it.
  struct Activity {
    format::ActivityKind kind;
    absl::string_view name;
    uint32_t device, context, stream;
    uint32_t correlation;
    uint64_t start_ns;  // of CUPTI's clock
    uint64_t duration_ns;
    uint64_t bytes;
  };
  // False if there is no room, here and in the next two: nothing is counted.
  bool Put(const Activity& activity);
  // CUPTI's clock said `cupti_ns` between these.
  bool PutActivityClock(uint64_t before_ticks, uint64_t cupti_ns,
                        uint64_t after_ticks);
  // Counts in the order of v1::ActivityLoss.
  bool PutActivityLoss(const uint64_t (&counts)[3]);

  // --- For the recorder --------------------------------------------------

  // `ring` is null if there is no memory for one: all events are dropped.
  ThreadRecorder(std::unique_ptr<Ring> ring, uint64_t session,
                 ThreadFacts thread);
  ~ThreadRecorder();

  Ring* ring() { return ring_.get(); }
  std::unique_ptr<Ring> TakeRing() { return std::move(ring_); }
  const ThreadFacts& thread() const { return thread_; }
  bool finished() const { return finished_.load(std::memory_order_acquire); }
  // Events that were dropped and are not in the ring as a kDrop record. The
  // writer's, once the thread records no more.
  uint64_t untold_drops() const {
    return drops_.load(std::memory_order_relaxed);
  }
  uint64_t first_drop_ticks() const {
    return first_drop_ticks_.load(std::memory_order_relaxed);
  }

  // How to ask RecordFunction for its number of the calling thread; null if
  // no source knows.
  using TorchThread = uint64_t (*)();
  static void SetTorchThread(TorchThread torch_thread) {
    torch_thread_.store(torch_thread);
  }
  static uint64_t TorchThreadId() {
    const TorchThread torch_thread = torch_thread_.load();
    return torch_thread ? torch_thread() : 0;
  }

  static void SetActiveSession(uint64_t session) {
    active_session_.store(session, std::memory_order_release);
  }

 private:
  static constexpr size_t kMaxDepth = 512;
  static constexpr size_t kAddressSlots = 2048;    // a power of two
  static constexpr size_t kSignatureSlots = 8192;  // a power of two
  static constexpr size_t kMaxSignatures = kSignatureSlots / 4 * 3;
  // An end without values, and what padding may cost it.
  static constexpr size_t kEndWords = 4;

  struct Frame {
    const void* key;
    int exceptions;            // on their way when it began; kUnwatched
    DeviceTimer::Pair timing;  // 0: none
    bool recorded;
    bool in_libtorch;
  };
  static constexpr int kUnwatched = -1;
  // One cache line. The text is the name, or the beginning of a long one.
  static constexpr size_t kTextBytes = 48;
  struct alignas(64) AddressEntry {
    const char* name = nullptr;
    KnownOperator known;
    char text[kTextBytes] = {};
  };
  struct SignatureSlot {
    uint64_t hash = 0;  // 0: empty
    uint32_t id = 0;
    uint32_t seen = 0;  // where in `history_` it was found last
  };
  // Training repeats itself. The signatures used lately are kept in order, and
  // `guess_` follows the previous repetition: as long as that is right, the
  // table of signatures is not touched, and what is touched lies in a row. An
  // entry is the upper bits of a signature's hash, and below what is found of
  // it: id, kThroughHeaders and kFromLibTorch.
  static constexpr uint32_t kHistory = 1 << 14;  // a power of two
  static constexpr uint64_t kHashMask = ~uint64_t{0x3ffff};
  static constexpr uint64_t kHashBit = 0x40000;  // no hash is 0
  // Names that are made up as training goes must not fill the memory.
  static constexpr size_t kMaxTexts = 16384;
  static constexpr size_t kMaxModuleSignatures = 16384;
  static_assert(kMaxSignatures + kAddressSlots + kMaxTexts +
                        kMaxModuleSignatures <
                    kSignatureId,
                "an id fits");
  class ThreadExit;

  static ThreadRecorder* Join();

  static size_t AddressSlot(const char* name) {
    return (reinterpret_cast<uintptr_t>(name) * 0x9e3779b97f4a7c15u) >> 53;
  }

  uint32_t DefineOperator(SpanKind kind, absl::string_view name,
                          absl::string_view overload, absl::string_view schema,
                          ModuleSource source = ModuleSource::kUnspecified);
  void Define(ModuleTable::Entry* module, const CallPath& path);
  uint32_t DefineSignature(uint32_t op, const CallPath& path,
                           bool values_recorded);
  uint64_t& HistoryAt(uint32_t position) {
    return history_[position & (kHistory - 1)];
  }

  // Room for a record that leaves the open spans room for their ends. Tells of
  // dropped events first. Null if there is none.
  uint64_t* Reserve(size_t words) {
    if (__builtin_expect(!plain_, 0)) return ReserveSlowly(words);
    return ring_->Reserve(words, (depth_ + 1) * kEndWords);
  }
  uint64_t* ReserveSlowly(size_t words);
  // The ring's next cache lines are the writer's: they are asked for before
  // they are stored to. A hint only; it may lie behind the end.
  static void FetchAhead(const uint64_t* end) {
#if defined(__x86_64__)
    constexpr size_t kLine = 8;
    asm volatile("prefetchw %0\n\tprefetchw %1"
                 :
                 : "m"(end[2 * kLine]), "m"(end[3 * kLine]));
#else
    __builtin_prefetch(end + 16, 1);
#endif
  }
  // The innermost span that `key` began, without what is open inside it; null
  // if there is none.
  const Frame* EndInner(const void* key, uint64_t ticks);
  // Of the innermost span.
  DeviceTimer::Pair BeginTiming(const Call& call);
  void NameTiming(DeviceTimer::Pair timing);
  void EndTiming(const Frame& frame, bool lost = false);
  bool TellDrops();
  void Forget();
  void CountDrop();
  void DropSpan(Frame* frame);
  void PutEnd(uint64_t flags, uint64_t ticks, uint32_t signature);
  // A record of `words` behind its time. False if there is no room.
  template <typename... Words>
  bool PutRecord(format::RecordKind kind, uint64_t flags, uint32_t id,
                 Words... words);
  // The same; counts what has no room.
  template <typename... Words>
  void PutOrDrop(format::RecordKind kind, uint64_t flags, uint32_t id,
                 Words... words);
  // Whether what happens now is inside of a dropped span.
  bool IsHidden() const { return depth_ != 0 && !frames_[depth_ - 1].recorded; }

  static std::atomic<uint64_t> active_session_;
  static std::atomic<TorchThread> torch_thread_;
  // __thread, as nothing has to be made first: no other file asks whether it
  // is.
  static __thread ThreadRecorder* current_
      __attribute__((tls_model("initial-exec")));

  uint64_t session_;
  std::unique_ptr<Ring> ring_;  // null: no memory, all is dropped
  bool plain_;                  // there is a ring, and no drop to tell of
  bool forget_ = false;         // the signature table was full: start over soon
  size_t depth_ = 0;            // frames in use
  size_t times_all_ = 0;        // depth in the span whose time says it all
  uint64_t timed_spans_ = 0;    // begun so far
  uint32_t last_operator_ = 0;
  uint32_t last_signature_ = 0;
  uint32_t announced_ = 0;
  OwnCost own_cost_;
  std::atomic<uint64_t> drops_{0};
  std::atomic<uint64_t> first_drop_ticks_{0};
  uint64_t last_drop_ticks_ = 0;
  std::atomic<bool> finished_{false};
  ThreadFacts thread_;
  std::unique_ptr<Values> values_;
  std::vector<SignatureSlot> signature_slots_;
  size_t signatures_ = 0;
  std::vector<uint64_t> history_;
  uint32_t used_ = 0;   // positions in the history, which is a ring:
  uint32_t guess_ = 0;  // of the next use, and of what it may be like
  std::vector<AddressEntry> by_address_;
  std::vector<KnownOperator> by_number_;
  size_t addresses_ = 0;
  absl::flat_hash_map<std::string, KnownOperator> by_text_;
  std::string text_key_;
  ModuleTable modules_;
  size_t module_signatures_ = 0;
  CallPaths call_paths_;
  Frame frames_[kMaxDepth];
};

inline void ThreadRecorder::Begin(const Call& call) {
  if (__builtin_expect(depth_ == kMaxDepth, 0)) return CountDrop();
  Frame& frame = frames_[depth_];
  frame = {call.key,
           call.watch_exceptions ? std::uncaught_exceptions() : kUnwatched, 0,
           false, call.in_libtorch};
  const bool hidden = IsHidden();
  ++depth_;
  const bool sequenced = call.sequence >= 0;
  const size_t fixed = 2 + (sequenced ? 1 : 0) + (call.backward ? 1 : 0);
  const size_t words = fixed + (call.has_values ? values_->dynamic_words() : 0);
  if (__builtin_expect(call.timed != Call::kNot, 0) && !hidden &&
      call.signature != 0) {
    frame.timing = BeginTiming(call);
  }
  const bool timed = frame.timing != 0 && frame.timing != DeviceTimer::kLost;
  uint64_t* record = hidden || call.signature == 0 ? nullptr : Reserve(words);
  if (__builtin_expect(record == nullptr, 0)) return DropSpan(&frame);
  frame.recorded = true;
  const uint64_t flags =
      (sequenced ? format::kHasSequence : 0) |
      (call.backward ? format::kBackward : 0) |
      (call.has_values && call.identities ? format::kHasIdentities : 0) |
      (timed ? format::kTimed : 0);
  if (__builtin_expect(timed, 0)) NameTiming(frame.timing);
  record[0] =
      RecordHeader(format::RecordKind::kBegin, flags, words, call.signature);
  if (sequenced) record[2] = static_cast<uint64_t>(call.sequence);
  if (call.backward) record[fixed - 1] = call.forward_thread;
  if (call.has_values) values_->CopyDynamic(record + fixed);
  FetchAhead(record + words);
  record[1] = Ticks();  // last, so that our own work is not the span's
  ring_->Commit(words);
}

inline void ThreadRecorder::End(const void* key, uint64_t ticks,
                                uint32_t signature, bool identities) {
  const Frame* frame = depth_ == 0 ? nullptr : &frames_[depth_ - 1];
  if (__builtin_expect(frame == nullptr || frame->key != key, 0)) {
    frame = EndInner(key, ticks);
    if (frame == nullptr) return;  // it began before the recording did
  }
  --depth_;
  if (!frame->recorded) return;
  if (__builtin_expect(frame->timing != 0, 0)) EndTiming(*frame);
  if (frame->exceptions != kUnwatched &&
      std::uncaught_exceptions() > frame->exceptions) {
    return PutEnd(format::kThrew, ticks, 0);
  }
  if (signature == 0) return PutEnd(0, ticks, 0);
  const size_t words = 2 + values_->dynamic_words();
  uint64_t* record = ring_->Reserve(words, (depth_ + 1) * kEndWords);
  if (__builtin_expect(record == nullptr, 0)) return PutEnd(0, ticks, 0);
  record[0] =
      RecordHeader(format::RecordKind::kEnd,
                   identities ? format::kHasIdentities : 0, words, signature);
  record[1] = ticks;
  values_->CopyDynamic(record + 2);
  ring_->Commit(words);
}

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_CORE_THREAD_RECORDER_H_
