#ifndef TORCHTAPE_FORMAT_STREAM_CURSOR_H_
#define TORCHTAPE_FORMAT_STREAM_CURSOR_H_

// Walks one thread's columns and yields its events in order.
//
//   for (const v1::Stream& stream : events.streams()) {
//     StreamCursor cursor(events, stream, StreamCursor::Columns::kAll);
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

  // BEGIN*: the span that begins. END*: the span that ends. ALLOCATE, FREE:
  // the innermost open span; null outside of all spans.
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

  // ALLOCATE, FREE.
  uint64_t storage;
  uint64_t bytes;        // ALLOCATE only
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
  // ALLOCATE and FREE carry (their kind and time are still yielded).
  enum class Columns { kOps, kAll };

  // `events` and `stream`, which is one of its streams, must outlive the
  // cursor.
  StreamCursor(const v1::Events& events, const v1::Stream& stream,
               Columns columns);

  // The same, for who walks several streams of one chunk.
  StreamCursor(std::shared_ptr<const SignatureCounts> counts,
               const v1::Stream& stream, Columns columns);

  // Decodes the next event. False at the end or on damage.
  bool Next(Event* event);

  // DataLoss if the walk ended before the columns did.
  const absl::Status& status() const { return status_; }

  // The spans that are open now, outermost first.
  const std::vector<Span>& open() const { return open_; }

 private:
  // What is left of one column.
  template <typename T>
  struct Column {
    const T* next = nullptr;
    const T* end = nullptr;

    size_t left() const { return static_cast<size_t>(end - next); }
  };

  // Decodes references one after another.
  struct References {
    uint64_t highest = 0;
    uint64_t Decode(uint64_t code);
  };

  void OpenSpans(const v1::Stream& stream);
  bool Begin(Event* event);
  bool End(Event* event);
  bool Allocate(Event* event);
  bool Free(Event* event);
  void PutInsideSpan(Event* event) const;
  bool TakeValues(uint32_t signature, Event* event);
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
  std::vector<TensorId> ids_;  // of the last event; grows, never shrinks

  Column<char> kinds_;
  Column<uint64_t> times_;
  Column<uint32_t> signatures_;
  Column<int64_t> sequences_;
  Column<uint32_t> forward_threads_;
  Column<uint32_t> results_;
  Column<uint64_t> tensors_;
  Column<uint64_t> storages_;
  Column<double> reals_;
  Column<uint64_t> allocations_;
  Column<uint64_t> sizes_;
  Column<int64_t> addresses_;
  Column<uint64_t> frees_;
  Column<uint32_t> devices_;
};

}  // namespace torchtape::format

#endif  // TORCHTAPE_FORMAT_STREAM_CURSOR_H_
