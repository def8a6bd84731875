#include "torchtape/format/stream_cursor.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "no_sequence.h"

namespace torchtape::format {
namespace {

// Deeper nesting is damage: it bounds what a forged stream can make us hold.
constexpr size_t kMaxDepth = size_t{1} << 16;

// Of a column of varints: all bytes of one but its last have the highest bit.
size_t EntriesIn(absl::string_view column) {
  return static_cast<size_t>(
      std::count_if(column.begin(), column.end(),
                    [](char byte) { return (byte & 0x80) == 0; }));
}

Span FromOpen(const v1::OpenSpan& open) {
  Span span = {};
  span.number = open.number();
  span.start_time_ns = open.start_time_ns();
  span.signature = open.signature();
  span.forward_thread = open.forward_thread();
  if (open.has_sequence()) span.sequence = open.sequence();
  return span;
}

}  // namespace

StreamCursor::StreamCursor(const v1::Events& events, const v1::Stream& stream,
                           Columns columns)
    : StreamCursor(std::make_shared<const SignatureCounts>(events),
                   StreamView::Of(stream), columns) {}

StreamCursor::StreamCursor(std::shared_ptr<const SignatureCounts> counts,
                           const StreamView& stream, Columns columns)
    : counts_(std::move(counts)),
      all_columns_(columns == Columns::kAll),
      has_ids_(all_columns_ && !stream.tensors.empty()),
      has_reals_(all_columns_ && !stream.reals.empty()),
      has_devices_(all_columns_ && !stream.allocation_devices.empty()),
      time_ns_(stream.start_time_ns),
      next_span_(stream.first_span),
      tensor_references_{stream.tensor_base},
      storage_references_{stream.storage_base},
      bytes_(stream.bytes),
      kinds_(stream.kinds),
      times_(stream.times),
      signatures_(stream.signatures),
      sequences_(stream.sequences),
      forward_threads_(stream.forward_threads),
      results_(stream.results) {
  if (EntriesIn(stream.times) != stream.kinds.size()) {
    Damaged("`times` and `kinds` differ in length");
    return;
  }
  if (all_columns_) {
    tensors_ = Column(stream.tensors);
    storages_ = Column(stream.storages);
    reals_ = Column(stream.reals);
    allocations_ = Column(stream.allocations);
    sizes_ = Column(stream.sizes);
    addresses_ = Column(stream.addresses);
    frees_ = Column(stream.frees);
    devices_ = Column(stream.allocation_devices);
    saves_ = Column(stream.saves);
    saved_storages_ = Column(stream.saved_storages);
    saved_bytes_ = Column(stream.saved_bytes);
    ExpectMark();
    if (EntriesIn(stream.storages) != EntriesIn(stream.tensors)) {
      Damaged("`storages` and `tensors` differ in length");
      return;
    }
  }
  OpenSpans(stream);
}

void StreamCursor::OpenSpans(const StreamView& stream) {
  open_.reserve(64 + stream.open.size());
  for (const v1::OpenSpan& open : stream.open) {
    if (open.signature() >= counts_->size()) {
      Damaged("an open span has a signature that the chunk lacks");
      return;
    }
    if (open_.size() >= kMaxDepth) {
      Damaged("spans are nested too deeply");
      return;
    }
    open_.push_back(FromOpen(open));
  }
}

inline bool StreamCursor::Column::TakeByte(uint8_t* byte) {
  if (next_ == end_) return false;
  *byte = static_cast<uint8_t>(*next_++);
  return true;
}

// Most entries have one byte or two.
inline bool StreamCursor::Column::Take(uint64_t* number) {
  if (next_ == end_) return false;
  const uint8_t low = static_cast<uint8_t>(next_[0]);
  if (low < 0x80) {
    *number = low;
    next_ += 1;
    return true;
  }
  if (end_ - next_ < 2) return false;
  const uint8_t high = static_cast<uint8_t>(next_[1]);
  if (high >= 0x80) return TakeLong(number);
  *number = (low & 0x7f) | static_cast<uint64_t>(high) << 7;
  next_ += 2;
  return true;
}

// What is too large for 64 bits is damage, as it is to protobuf.
bool StreamCursor::Column::TakeLong(uint64_t* number) {
  uint64_t sum = 0;
  const char* at = next_;
  for (int shift = 0; at != end_ && shift < 64; shift += 7) {
    const uint8_t byte = static_cast<uint8_t>(*at++);
    sum |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte >= 0x80) continue;
    next_ = at;
    *number = sum;
    return true;
  }
  return false;
}

inline bool StreamCursor::Column::Take(uint32_t* number) {
  uint64_t wide;
  if (!Take(&wide)) return false;
  *number = static_cast<uint32_t>(wide);
  return true;
}

inline bool StreamCursor::Column::TakeZigzag(uint64_t* number) {
  uint64_t code;
  if (!Take(&code)) return false;
  *number = (code >> 1) ^ (0 - (code & 1));
  return true;
}

bool StreamCursor::Column::Take(uint64_t count, std::vector<double>* reals) {
  if (count > bytes() / sizeof(double)) return false;
  if (reals->size() < count) reals->resize(count);
  std::memcpy(reals->data(), next_, count * sizeof(double));
  next_ += count * sizeof(double);
  return true;
}

bool StreamCursor::Next(Event* event) {
  if (has_mark_) {
    if (until_mark_ == 0) return Mark(event);
    --until_mark_;
  }
  uint8_t kind;
  if (!kinds_.TakeByte(&kind)) return Finish();
  uint64_t passed_ns;
  if (!times_.Take(&passed_ns)) return Damaged("`times` is cut short");
  const uint64_t time_ns = time_ns_ + passed_ns;
  if (time_ns < time_ns_) return Damaged("a time is too large");
  time_ns_ = time_ns;
  event->kind = static_cast<v1::EventKind>(kind);
  event->time_ns = time_ns;
  event->result = 0;
  event->tensors = {};
  event->reals = {};
  event->storage = event->bytes = event->address = 0;
  event->device_type = 0;
  event->device_index = -1;
  switch (event->kind) {
    case v1::EVENT_KIND_BEGIN:
    case v1::EVENT_KIND_BEGIN_SEQUENCED:
    case v1::EVENT_KIND_BEGIN_BACKWARD:
      return Begin(event);
    case v1::EVENT_KIND_END:
    case v1::EVENT_KIND_END_THREW:
    case v1::EVENT_KIND_END_UNKNOWN:
      return End(event);
    case v1::EVENT_KIND_ALLOCATE:
      return Allocate(event);
    case v1::EVENT_KIND_FREE:
      return Free(event);
    default:
      return Damaged("an event has an unknown kind");
  }
}

inline bool StreamCursor::Begin(Event* event) {
  if (open_.size() >= kMaxDepth) return Damaged("spans are nested too deeply");
  uint32_t signature;
  if (!signatures_.Take(&signature)) {
    return Damaged("`signatures` ends too early");
  }
  open_.emplace_back();
  Span& span = open_.back();
  span.number = next_span_++;
  span.start_time_ns = event->time_ns;
  span.signature = signature;
  span.forward_thread = 0;
  bool has_sequence = event->kind != v1::EVENT_KIND_BEGIN;
  if (has_sequence) {
    uint64_t difference;
    if (!sequences_.TakeZigzag(&difference)) {
      return Damaged("`sequences` ends too early");
    }
    sequence_ += difference;
  }
  if (event->kind == v1::EVENT_KIND_BEGIN_BACKWARD) {
    uint32_t thread;
    if (!forward_threads_.Take(&thread)) {
      return Damaged("`forward_threads` ends too early");
    }
    has_sequence = thread != kNoSequence;
    if (has_sequence) span.forward_thread = thread;
  }
  if (has_sequence) span.sequence = static_cast<int64_t>(sequence_);
  event->span = &span;
  event->depth = static_cast<uint32_t>(open_.size() - 1);
  event->parent = event->depth == 0 ? nullptr : &span - 1;
  return TakeValues(span.signature, event);
}

inline bool StreamCursor::End(Event* event) {
  if (open_.empty()) return Damaged("a span ends that did not begin");
  ended_ = open_.back();
  open_.pop_back();
  event->span = &ended_;
  event->depth = static_cast<uint32_t>(open_.size());
  event->parent = open_.empty() ? nullptr : &open_.back();
  if (event->kind != v1::EVENT_KIND_END) return true;
  if (!results_.Take(&event->result)) {
    return Damaged("`results` ends too early");
  }
  return TakeValues(event->result, event);
}

// Takes the ids and reals that `signature` calls for.
inline bool StreamCursor::TakeValues(uint32_t signature, Event* event) {
  if (signature >= counts_->size()) {
    return Damaged("an event has a signature that the chunk lacks");
  }
  return !all_columns_ || TakeRecorded((*counts_)[signature], event);
}

bool StreamCursor::TakeRecorded(const SignatureCounts::Count& count,
                                Event* event) {
  if (has_ids_ && count.tensors != 0) {
    // An entry has a byte at least: what is asked for is not believed.
    if (count.tensors > tensors_.bytes()) {
      return Damaged("`tensors` ends too early");
    }
    if (ids_.size() < count.tensors) ids_.resize(count.tensors);
    for (size_t i = 0; i < count.tensors; ++i) {
      uint64_t tensor, storage;
      if (!tensors_.Take(&tensor) || !storages_.Take(&storage)) {
        return Damaged("`tensors` ends too early");
      }
      ids_[i].tensor = tensor_references_.Decode(tensor);
      ids_[i].storage = storage_references_.Decode(storage);
    }
    event->tensors = absl::MakeConstSpan(ids_.data(), count.tensors);
  }
  if (has_reals_ && count.reals != 0) {
    if (!reals_.Take(count.reals, &values_)) {
      return Damaged("`reals` ends too early");
    }
    event->reals = absl::MakeConstSpan(values_.data(), count.reals);
  }
  return true;
}

bool StreamCursor::Allocate(Event* event) {
  PutInsideSpan(event);
  if (!all_columns_) return true;
  uint64_t reference, difference;
  uint32_t device = 0;
  if (!allocations_.Take(&reference) || !sizes_.Take(&event->bytes) ||
      !addresses_.TakeZigzag(&difference) ||
      (has_devices_ && !devices_.Take(&device))) {
    return Damaged("a column of allocations ends too early");
  }
  event->storage = storage_references_.Decode(reference);
  address_ += difference;
  event->address = address_;
  if (has_devices_) {
    event->device_type = device >> 8;
    event->device_index = static_cast<int32_t>(device & 0xff) - 1;
  }
  return true;
}

bool StreamCursor::Free(Event* event) {
  PutInsideSpan(event);
  if (!all_columns_) return true;
  uint64_t reference;
  if (!frees_.Take(&reference)) return Damaged("`frees` ends too early");
  event->storage = storage_references_.Decode(reference);
  return true;
}

// Reads where the next save or release is.
void StreamCursor::ExpectMark() {
  uint64_t mark;
  has_mark_ = saves_.Take(&mark);
  if (!has_mark_) return;
  until_mark_ = mark >> 1;
  releases_ = (mark & 1) != 0;
}

bool StreamCursor::Mark(Event* event) {
  uint64_t difference;
  *event = {};
  event->kind = releases_ ? v1::EVENT_KIND_RELEASE : v1::EVENT_KIND_SAVE;
  event->time_ns = time_ns_;
  event->device_index = -1;
  PutInsideSpan(event);
  if (!saved_storages_.TakeZigzag(&difference) ||
      (!releases_ && !saved_bytes_.Take(&event->bytes))) {
    return Damaged("a column of saves ends too early");
  }
  marked_storage_ -= difference;
  event->storage = marked_storage_;
  ExpectMark();
  return true;
}

// An allocation, a free or a save belongs to the innermost open span.
inline void StreamCursor::PutInsideSpan(Event* event) const {
  event->span = open_.empty() ? nullptr : &open_.back();
  event->parent = open_.size() < 2 ? nullptr : &open_.back() - 1;
  event->depth = static_cast<uint32_t>(open_.empty() ? 0 : open_.size() - 1);
}

inline uint64_t StreamCursor::References::Decode(uint64_t code) {
  if ((code & 1) == 0) return code >> 1;
  const uint64_t zigzag = code >> 1;
  const uint64_t id = highest - ((zigzag >> 1) ^ (0 - (zigzag & 1)));
  highest = std::max(highest, id);
  return id;
}

// At the end of `kinds` every other column must be used up as well.
bool StreamCursor::Finish() {
  if (!status_.ok()) return false;
  const bool ops_done = times_.empty() && signatures_.empty() &&
                        sequences_.empty() && forward_threads_.empty() &&
                        results_.empty();
  const bool rest_done =
      tensors_.empty() && storages_.empty() && reals_.empty() &&
      allocations_.empty() && sizes_.empty() && addresses_.empty() &&
      frees_.empty() && devices_.empty() && saves_.empty() &&
      saved_storages_.empty() && saved_bytes_.empty() && !has_mark_;
  if (ops_done && rest_done) return false;
  return Damaged("a column is longer than its events need");
}

bool StreamCursor::Damaged(const char* what) {
  status_ = absl::DataLossError(absl::StrCat("a stream is damaged: ", what));
  kinds_ = Column();
  return false;
}

}  // namespace torchtape::format
