#ifndef TORCHTAPE_FORMAT_STREAM_CURSOR_H_
#define TORCHTAPE_FORMAT_STREAM_CURSOR_H_

// Walks one thread's columns and yields its events in order.
//
//   auto counts = std::make_shared<SignatureCounts>(events.head);
//   for (const StreamView& stream : events.streams) {
//     StreamCursor cursor(counts, stream, StreamCursor::Columns::kAll);
//     for (Event event; cursor.Next(&event);) { ... }
//     if (!cursor.status().ok()) ...
//   }
//
// Columns that do not fit each other end the walk with DataLoss; they never
// lead outside an array.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "torchtape/format/events_view.h"
#include "torchtape/v1/tape.pb.h"

namespace torchtape::format {

struct TensorId {
  uint64_t tensor;   // 0: not recorded
  uint64_t storage;  // 0: no memory of its own
};

// A span that has begun.
struct Span {
  uint64_t number;  // of the span in its thread: 0, 1, 2, ...
  uint64_t start_time_ns;
  uint32_t signature;       // 1-based index into the chunk's signatures, or 0
  uint32_t forward_thread;  // Thread.torch_id; 0 unknown
  absl::optional<int64_t> sequence;  // autograd sequence number
};

// One event. What is meaningful depends on `kind`; the spans point into the
// cursor and are valid until the next call.
struct Event {
  v1::EventKind kind;
  uint64_t time_ns;

  // BEGIN*: the span that begins. END*: the span that ends. ALLOCATE, FREE,
  // SAVE, RELEASE: the innermost open span; null outside of all spans.
  const Span* span;
  // The innermost span around `span`; null at the outside.
  const Span* parent;
  // Number of spans around `span`: 0 at the outside.
  uint32_t depth;

  uint32_t result;  // END: 1-based index into signatures; 0 no values
  // BEGIN*: the inputs. END: the outputs. In the order of the signature's
  // tensors and reals. Empty if not recorded or not asked for.
  absl::Span<const TensorId> tensors;
  absl::Span<const double> reals;

  // ALLOCATE, FREE, SAVE, RELEASE.
  uint64_t storage;
  uint64_t bytes;        // ALLOCATE, SAVE: of the storage
  uint64_t address;      // ALLOCATE only
  uint32_t device_type;  // ALLOCATE only
  int32_t device_index;  // ALLOCATE only; -1: no index
};

// How many ids and reals each signature of a chunk calls for. Making one takes
// time proportional to the dictionary; all streams of the chunk can share it.
class SignatureCounts {
 public:
  explicit SignatureCounts(const v1::Events& events);

  struct Count {
    uint64_t tensors = 0;
    uint64_t reals = 0;
  };

  // Signatures in the dictionary, and one more: 0 is a valid index.
  size_t size() const { return counts_.size(); }
  // `signature` is 1-based and below `size()`; 0 calls for nothing.
  const Count& operator[](size_t signature) const { return counts_[signature]; }

 private:
  std::vector<Count> counts_;
};

class StreamCursor {
 public:
  // What to decode. Less is faster: kOps leaves out ids, reals, and what
  // ALLOCATE and FREE carry (their kind and time are still yielded), and SAVE
  // and RELEASE altogether.
  enum class Columns { kOps, kAll };

  // `counts` are of the chunk that `stream` is in. The payload must outlive the
  // cursor, the view need not.
  StreamCursor(std::shared_ptr<const SignatureCounts> counts,
               const StreamView& stream, Columns columns);

  // The same for messages, which are encoded for it first.
  StreamCursor(const v1::Events& events, const v1::Stream& stream,
               Columns columns);

  // Decodes the next event. False at the end or on damage.
  bool Next(Event* event);

  // DataLoss if the walk ended before the columns did.
  const absl::Status& status() const { return status_; }

  // The spans that are open now, outermost first.
  const std::vector<Span>& open() const { return open_; }

 private:
  // What is left of a column.
  class Column {
   public:
    Column() = default;
    explicit Column(absl::string_view bytes)
        : next_(bytes.data()), end_(bytes.data() + bytes.size()) {}

    bool empty() const { return next_ == end_; }
    size_t bytes() const { return static_cast<size_t>(end_ - next_); }

    // Each takes an entry; false if there is none that is whole.
    bool TakeByte(uint8_t* byte);
    bool Take(uint64_t* number);
    bool Take(uint32_t* number);
    bool TakeZigzag(uint64_t* number);
    // `count` of eight bytes each.
    bool Take(uint64_t count, std::vector<double>* reals);

   private:
    bool TakeLong(uint64_t* number);

    const char* next_ = nullptr;
    const char* end_ = nullptr;
  };

  // Decodes references one after another.
  struct References {
    uint64_t highest = 0;
    uint64_t Decode(uint64_t code);
  };

  void OpenSpans(const StreamView& stream);
  bool Begin(Event* event);
  bool End(Event* event);
  bool Allocate(Event* event);
  bool Free(Event* event);
  bool Mark(Event* event);
  void ExpectMark();
  void PutInsideSpan(Event* event) const;
  bool TakeValues(uint32_t signature, Event* event);
  bool TakeRecorded(const SignatureCounts::Count& count, Event* event);
  bool Finish();
  bool Damaged(const char* what);

  absl::Status status_;
  std::vector<Span> open_;
  Span ended_ = {};  // what the last END's event points to

  std::shared_ptr<const SignatureCounts> counts_;
  bool all_columns_;
  bool has_ids_;
  bool has_reals_;
  bool has_devices_;
  uint64_t time_ns_;
  uint64_t next_span_;
  uint64_t sequence_ = 0;
  uint64_t address_ = 0;
  References tensor_references_;
  References storage_references_;
  std::vector<TensorId> ids_;   // of the last event; grows, never shrinks
  std::vector<double> values_;  // the same of its reals
  std::shared_ptr<const std::string> bytes_;  // StreamView::bytes

  Column kinds_;
  Column times_;
  Column signatures_;
  Column sequences_;
  Column forward_threads_;
  Column results_;
  Column tensors_;
  Column storages_;
  Column reals_;
  Column allocations_;
  Column sizes_;
  Column addresses_;
  Column frees_;
  Column devices_;
  Column saves_;
  Column saved_storages_;
  Column saved_bytes_;
  bool has_mark_ = false;    // a save or a release comes
  bool releases_ = false;    // it is a release
  uint64_t until_mark_ = 0;  // events that come before it
  uint64_t marked_storage_ = 0;
};

}  // namespace torchtape::format

#endif  // TORCHTAPE_FORMAT_STREAM_CURSOR_H_
