#ifndef TORCHTAPE_FORMAT_SRC_STREAM_BUILDER_H_
#define TORCHTAPE_FORMAT_SRC_STREAM_BUILDER_H_

// Builds one thread's columns, chunk after chunk. Knows the thread's own
// operators and signatures and which spans are open.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "columns.h"
#include "dictionary.h"
#include "identity.h"
#include "torchtape/format/encoder.h"
#include "torchtape/format/record.h"
#include "torchtape/v1/journal.pb.h"

namespace torchtape::format {

// What was encoded so far.
struct Counts {
  uint64_t spans_begun = 0;
  uint64_t spans_ended = 0;  // cut ones included
  uint64_t cut_spans = 0;
  uint64_t allocations = 0;
  uint64_t frees = 0;
  uint64_t unmatched_frees = 0;
  uint64_t elided_values = 0;
  uint64_t saves = 0;
  uint64_t releases = 0;
};

// What all streams of a log share.
struct Shared {
  std::vector<v1::Operator> operators;  // 1-based: operators[op - 1]
  absl::flat_hash_map<std::string, uint32_t> operator_index;
  Encoder::ObjectLookup object_lookup;  // may be empty
  std::vector<v1::CodeObject> objects;  // 1-based, as operators
  Dictionary dictionary;
  IdentityMap identities;
  Counts counts;
  uint64_t live_bytes = 0;
  bool memory = true;     // write ALLOCATE and FREE
  bool write_ids = true;  // of tensors and storages
  bool recording = true;
  // Of the chunk under construction.
  uint64_t tensor_base = 0;
  uint64_t storage_base = 0;
  uint64_t events = 0;
  uint64_t words = 0;  // column entries, for the size of the chunk

  uint32_t Index(const SignatureWords& signature) {
    return dictionary.Index(signature, operators, objects);
  }
};

// Codes ids as FORMAT.md "References" says.
class ReferenceCoder {
 public:
  void Start(uint64_t base) { base_ = last_ = base; }

  uint64_t Code(uint64_t id) {
    if (id == 0) return 0;
    if (id <= base_) return id * 2;
    const uint64_t back = last_ - id;  // modulo 2^64; -1 for the next id
    const uint64_t zigzag =
        back << 1 ^ static_cast<uint64_t>(static_cast<int64_t>(back) >> 63);
    last_ = std::max(last_, id);
    return zigzag << 1 | 1;
  }

 private:
  uint64_t base_ = 0;
  uint64_t last_ = 0;
};

class StreamBuilder {
 public:
  // `shared` must outlive the builder.
  StreamBuilder(const v1::Thread& thread, Shared* shared);

  const v1::Thread& thread() const { return thread_; }

  // The thread's facts may become better known, such as its name.
  void set_thread(const v1::Thread& thread) { thread_ = thread; }

  // Takes one whole record that has no time: padding or a definition. False if
  // it is none, or malformed.
  bool Define(absl::Span<const uint64_t> record);

  // Each takes one whole record whose kind fits. False if it is malformed.
  bool Begin(absl::Span<const uint64_t> record, uint64_t time_ns);
  bool End(absl::Span<const uint64_t> record, uint64_t time_ns);
  bool Allocate(absl::Span<const uint64_t> record, uint64_t time_ns);
  bool Free(absl::Span<const uint64_t> record, uint64_t time_ns);
  bool SaveTensor(absl::Span<const uint64_t> record, uint64_t time_ns);
  bool ReleaseTensor(absl::Span<const uint64_t> record, uint64_t time_ns);

  // Of an allocation or free: words behind the others.
  static size_t TotalsWords(absl::Span<const uint64_t> record);

  // Ends all open spans at an unknown time before `time_ns`: what they do from
  // here on is not recorded.
  void Cut(uint64_t time_ns);

  // Name of one of the thread's operators; null if there is none such.
  const std::string* OperatorName(uint32_t id) const;

  // Of the thread's last event; the next one is not earlier.
  uint64_t last_time_ns() const { return last_time_ns_; }

  // Whether the chunk under construction has events of this thread.
  bool has_events() const {
    return !columns_.kinds.empty() || !columns_.saves.empty();
  }
  // Appends them to a payload, as one of the streams of v1::Events, and starts
  // the next chunk.
  void Finish(std::string* events);
  // Gives back memory that a thread without events does not need.
  void Rest() { columns_.Clear(); }

  // Whether a span is open that the log tells of.
  bool has_open() const;

  // The innermost span that is open and that the log tells of.
  absl::optional<uint64_t> InnermostSpan() const;

  // The span that was the `which`-th to begin with kTimed, from 1 on. False if
  // there is none that waits for its device time. `*number` is absent if the
  // log does not tell of the span.
  bool TakeTimed(uint64_t which, absl::optional<uint64_t>* number);
  bool awaits_times() const { return !timed_.empty(); }

  // What is needed to go on with the next chunk: all definitions if `whole`,
  // else those since the last time, at less cost.
  void Save(bool whole, v1::StreamState* state);
  // False if `state` makes no sense.
  bool Restore(const v1::StreamState& state);

 private:
  struct Open {
    const SignatureWords* signature;
    uint64_t number;
    uint64_t start_time_ns;
    uint64_t start_ticks;
    absl::optional<int64_t> sequence;
    uint32_t forward_thread;
    bool recorded;
    uint64_t children_ns = 0;  // of those that have ended
  };

  bool DefineOperator(absl::Span<const uint64_t> record);
  bool DefineSignature(absl::Span<const uint64_t> record);
  void Forget();
  // The encoder's number of an operator, which is added if it is new.
  uint32_t Intern(v1::Operator op);
  uint32_t Intern(v1::CodeObject object);  // likewise
  void Start();                            // the first event of a chunk
  void Pop();                              // the innermost open span
  void Add(v1::EventKind kind, uint64_t time_ns);
  bool AddMark(absl::Span<const uint64_t> record, uint64_t time_ns,
               uint64_t released);
  // Null if there is none of that id.
  const SignatureWords* Signature(uint32_t id) const {
    return id == 0 || id > signatures_.size() ? nullptr
                                              : signatures_[id - 1].get();
  }
  // A call site and its callers at the front of `words`, which are removed.
  bool TakeCallPath(bool has_callers, absl::Span<const uint64_t>* words,
                    std::vector<CodeAddress>* path);
  CodeAddress Resolve(uint64_t address);
  void SaveCallPath(const std::vector<CodeAddress>& path, v1::SpanState* span);
  bool RestoreCallPath(const v1::SpanState& span,
                       std::vector<CodeAddress>* path);
  // Whether a call's dynamic words are as many as its signature wants.
  static bool DynamicFits(const SignatureWords& signature, uint64_t flags,
                          absl::Span<const uint64_t> words);
  // Adds ids and reals. `ending` is the span whose outputs they are; null if
  // they are inputs.
  void AddDynamic(const SignatureWords& signature, uint64_t flags,
                  absl::Span<const uint64_t> words, uint64_t ticks,
                  const Open* ending);
  void AddIdentities(absl::Span<const uint64_t> words, uint64_t ticks,
                     const Open* ending);

  v1::Thread thread_;
  Shared* shared_;
  std::vector<uint32_t> operators_;  // the thread's id -> index in shared
  std::vector<std::unique_ptr<SignatureWords>> signatures_;
  // Forgotten, but open spans may still point to them.
  std::vector<std::unique_ptr<SignatureWords>> retired_;
  std::vector<Open> open_;
  uint64_t next_number_ = 0;
  uint64_t timed_spans_ = 0;  // begun so far
  // Those whose device time is not known yet; 0, or 1 + the span's number.
  absl::flat_hash_map<uint64_t, uint64_t> timed_;

  // The records that made `operators_` and `signatures_`, for Save().
  std::vector<uint64_t> definitions_;
  size_t saved_ = 0;        // words of it that were saved
  bool rewritten_ = false;  // what was saved is not its beginning any more

  // Of the chunk under construction: the columns, and all else.
  Columns columns_;
  v1::Stream stream_;
  uint64_t last_time_ns_ = 0;
  int64_t last_sequence_ = 0;
  uint64_t last_address_ = 0;
  uint64_t marked_events_ = 0, marked_storage_ = 0;  // of the last save
  ReferenceCoder tensor_coder_, storage_coder_;
  bool any_device_ = false;
};

}  // namespace torchtape::format

#endif  // TORCHTAPE_FORMAT_SRC_STREAM_BUILDER_H_
