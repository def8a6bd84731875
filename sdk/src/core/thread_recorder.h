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
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "core/clock.h"
#include "core/ring.h"
#include "core/values.h"

namespace torchtape::internal {

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
  // A name that may lie anywhere. `kind` keeps equal names of different things
  // apart.
  KnownOperator* FindByText(SpanKind kind, absl::string_view name);

  // Adds an operator. Null if the ring or the table is full.
  KnownOperator* AddByAddress(const char* address, SpanKind kind,
                              absl::string_view name,
                              absl::string_view overload,
                              absl::string_view schema);
  KnownOperator* AddByText(SpanKind kind, absl::string_view name);

  // Number of the signature of `values()` for an operator, or for returned
  // values if `op` is 0. 0 if the ring is full.
  uint32_t SignatureOf(uint32_t op);
  // Number of an operator's signature that says nothing of values.
  uint32_t BareSignature(KnownOperator* op);

  // --- Events ------------------------------------------------------------

  // Room to collect a call's values in; cleared by its user.
  Values& values() { return *values_; }

  struct Call {
    const void* key = nullptr;  // tells End() which span it ends
    uint32_t signature = 0;     // 0: could not be defined; the span is dropped
    bool has_values = false;    // `values()` belong to it
    bool identities = false;
    bool backward = false;
    int64_t sequence = -1;        // -1: none
    uint32_t forward_thread = 0;  // backward only
  };

  void Begin(const Call& call);

  // Whether the span that `key` began is the innermost and recorded, so that
  // its results are wanted.
  bool WantsResult(const void* key) const {
    return depth_ != 0 && frames_[depth_ - 1].key == key &&
           frames_[depth_ - 1].recorded;
  }

  // Ends the span that `key` began; spans inside it that never ended are cut.
  // Without such a span nothing happens. `signature` of the results, 0 for
  // none.
  // If an exception is on its way that was not there when the span began, the
  // span threw.
  void End(const void* key, uint64_t ticks, uint32_t signature,
           bool identities);

  void Allocate(uint32_t device, uint64_t address, uint64_t bytes);
  void Free(uint64_t address);
  void Step(uint64_t number, bool recording);
  void Window(bool recording);
  void Value(absl::string_view name, double value);
  void Model(uint32_t id);

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
    int exceptions;
    bool recorded;
  };
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
    uint32_t seen = 0;  // where in `history_` it was used last
  };
  // Training repeats itself. The slots used lately are kept in order, and
  // `guess_` follows the previous repetition: the slot that will be wanted next
  // is fetched while the program is busy, which hides the misses of the cache.
  static constexpr uint32_t kHistory = 1 << 14;  // a power of two
  class ThreadExit;

  static ThreadRecorder* Join();

  static size_t AddressSlot(const char* name) {
    return (reinterpret_cast<uintptr_t>(name) * 0x9e3779b97f4a7c15u) >> 53;
  }

  uint32_t DefineOperator(SpanKind kind, absl::string_view name,
                          absl::string_view overload, absl::string_view schema);
  uint32_t DefineSignature(uint32_t op, bool values_recorded);
  // What SignatureOf() does when its guess was wrong.
  uint32_t FindSignature(uint32_t op, uint64_t hash);
  uint32_t& HistoryAt(uint32_t position) {
    return history_[position & (kHistory - 1)];
  }
  uint32_t Use(uint32_t slot) {
    signature_slots_[slot].seen = used_;
    HistoryAt(used_++) = slot;
    __builtin_prefetch(&signature_slots_[HistoryAt(guess_)]);
    __builtin_prefetch(&HistoryAt(guess_ + 16));
    return signature_slots_[slot].id;
  }

  // Room for a record that leaves the open spans room for their ends. Tells of
  // dropped events first. Null if there is none.
  uint64_t* Reserve(size_t words);
  bool TellDrops();
  void Forget();
  void CountDrop();
  void PutEnd(uint64_t flags, uint64_t ticks, uint32_t signature);
  static std::atomic<uint64_t> active_session_;
  static std::atomic<TorchThread> torch_thread_;
  // __thread, as nothing has to be made first: no other file asks whether it
  // is.
  static __thread ThreadRecorder* current_
      __attribute__((tls_model("initial-exec")));

  uint64_t session_;
  std::unique_ptr<Ring> ring_;  // null: no memory, all is dropped
  size_t depth_ = 0;            // frames in use
  uint32_t last_operator_ = 0;
  uint32_t last_signature_ = 0;
  std::atomic<uint64_t> drops_{0};
  std::atomic<uint64_t> first_drop_ticks_{0};
  uint64_t last_drop_ticks_ = 0;
  std::atomic<bool> finished_{false};
  ThreadFacts thread_;
  std::unique_ptr<Values> values_;
  std::vector<SignatureSlot> signature_slots_;
  size_t signatures_ = 0;
  std::vector<uint32_t> history_;
  uint32_t used_ = 0;    // positions in the history, which is a ring:
  uint32_t guess_ = 0;   // of the next use, and of what it may be like
  bool forget_ = false;  // the signature table was full: start over soon
  std::vector<AddressEntry> by_address_;
  size_t addresses_ = 0;
  absl::flat_hash_map<std::string, KnownOperator> by_text_;
  std::string text_key_;
  Frame frames_[kMaxDepth];
};

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_CORE_THREAD_RECORDER_H_
