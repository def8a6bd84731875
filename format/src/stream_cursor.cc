#include "torchtape/format/stream_cursor.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace torchtape::format {
namespace {

// Deeper nesting is damage: it bounds what a forged stream can make us hold.
constexpr size_t kMaxDepth = size_t{1} << 16;

// Forward thread of a backward node without sequence number.
constexpr uint32_t kNoSequence = 0xffffffff;

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
    : StreamCursor(std::make_shared<const SignatureCounts>(events), stream,
                   columns) {}

StreamCursor::StreamCursor(std::shared_ptr<const SignatureCounts> counts,
                           const v1::Stream& stream, Columns columns)
    : counts_(std::move(counts)),
      all_columns_(columns == Columns::kAll),
      has_ids_(all_columns_ && !stream.tensors().empty()),
      has_reals_(all_columns_ && !stream.reals().empty()),
      has_devices_(all_columns_ && !stream.allocation_devices().empty()),
      time_ns_(stream.start_time_ns()),
      next_span_(stream.first_span()),
      tensor_references_{stream.tensor_base()},
      storage_references_{stream.storage_base()} {
  const auto begin = [](const auto& values, auto* column) {
    column->next = values.data();
    column->end = values.data() + values.size();
  };
  begin(stream.kinds(), &kinds_);
  begin(stream.times(), &times_);
  begin(stream.signatures(), &signatures_);
  begin(stream.sequences(), &sequences_);
  begin(stream.forward_threads(), &forward_threads_);
  begin(stream.results(), &results_);
  begin(stream.tensors(), &tensors_);
  begin(stream.storages(), &storages_);
  begin(stream.reals(), &reals_);
  begin(stream.allocations(), &allocations_);
  begin(stream.sizes(), &sizes_);
  begin(stream.addresses(), &addresses_);
  begin(stream.frees(), &frees_);
  begin(stream.allocation_devices(), &devices_);
  if (times_.left() != kinds_.left()) {
    Damaged("`times` and `kinds` differ in length");
  } else if (storages_.left() != tensors_.left()) {
    Damaged("`storages` and `tensors` differ in length");
  } else {
    OpenSpans(stream);
  }
}

void StreamCursor::OpenSpans(const v1::Stream& stream) {
  open_.reserve(64 + static_cast<size_t>(stream.open_size()));
  for (const v1::OpenSpan& open : stream.open()) {
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

bool StreamCursor::Next(Event* event) {
  if (kinds_.next == kinds_.end) return Finish();
  const uint64_t time_ns = time_ns_ + *times_.next++;
  if (time_ns < time_ns_) return Damaged("a time is too large");
  time_ns_ = time_ns;
  event->kind = static_cast<v1::EventKind>(*kinds_.next++);
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

bool StreamCursor::Begin(Event* event) {
  if (open_.size() >= kMaxDepth) return Damaged("spans are nested too deeply");
  if (signatures_.left() == 0) return Damaged("`signatures` ends too early");
  open_.emplace_back();
  Span& span = open_.back();
  span.number = next_span_++;
  span.start_time_ns = event->time_ns;
  span.signature = *signatures_.next++;
  span.forward_thread = 0;
  bool has_sequence = event->kind != v1::EVENT_KIND_BEGIN;
  if (has_sequence) {
    if (sequences_.left() == 0) return Damaged("`sequences` ends too early");
    sequence_ += static_cast<uint64_t>(*sequences_.next++);
  }
  if (event->kind == v1::EVENT_KIND_BEGIN_BACKWARD) {
    if (forward_threads_.left() == 0) {
      return Damaged("`forward_threads` ends too early");
    }
    const uint32_t thread = *forward_threads_.next++;
    has_sequence = thread != kNoSequence;
    if (has_sequence) span.forward_thread = thread;
  }
  if (has_sequence) span.sequence = static_cast<int64_t>(sequence_);
  event->span = &span;
  event->depth = static_cast<uint32_t>(open_.size() - 1);
  event->parent = event->depth == 0 ? nullptr : &span - 1;
  return TakeValues(span.signature, event);
}

bool StreamCursor::End(Event* event) {
  if (open_.empty()) return Damaged("a span ends that did not begin");
  ended_ = open_.back();
  open_.pop_back();
  event->span = &ended_;
  event->depth = static_cast<uint32_t>(open_.size());
  event->parent = open_.empty() ? nullptr : &open_.back();
  if (event->kind != v1::EVENT_KIND_END) return true;
  if (results_.left() == 0) return Damaged("`results` ends too early");
  event->result = *results_.next++;
  return TakeValues(event->result, event);
}

// Takes the ids and reals that `signature` calls for.
bool StreamCursor::TakeValues(uint32_t signature, Event* event) {
  if (signature >= counts_->size()) {
    return Damaged("an event has a signature that the chunk lacks");
  }
  if (!all_columns_) return true;
  const SignatureCounts::Count& count = (*counts_)[signature];
  if (has_ids_ && count.tensors != 0) {
    if (count.tensors > tensors_.left()) {
      return Damaged("`tensors` ends too early");
    }
    if (ids_.size() < count.tensors) ids_.resize(count.tensors);
    for (size_t i = 0; i < count.tensors; ++i) {
      ids_[i].tensor = tensor_references_.Decode(*tensors_.next++);
      ids_[i].storage = storage_references_.Decode(*storages_.next++);
    }
    event->tensors = absl::MakeConstSpan(ids_.data(), count.tensors);
  }
  if (has_reals_ && count.reals != 0) {
    if (count.reals > reals_.left()) return Damaged("`reals` ends too early");
    event->reals = absl::MakeConstSpan(reals_.next, count.reals);
    reals_.next += count.reals;
  }
  return true;
}

bool StreamCursor::Allocate(Event* event) {
  PutInsideSpan(event);
  if (!all_columns_) return true;
  if (allocations_.left() == 0 || sizes_.left() == 0 ||
      addresses_.left() == 0 || (has_devices_ && devices_.left() == 0)) {
    return Damaged("a column of allocations ends too early");
  }
  event->storage = storage_references_.Decode(*allocations_.next++);
  event->bytes = *sizes_.next++;
  address_ += static_cast<uint64_t>(*addresses_.next++);
  event->address = address_;
  if (has_devices_) {
    const uint32_t device = *devices_.next++;
    event->device_type = device >> 8;
    event->device_index = static_cast<int32_t>(device & 0xff) - 1;
  }
  return true;
}

bool StreamCursor::Free(Event* event) {
  PutInsideSpan(event);
  if (!all_columns_) return true;
  if (frees_.left() == 0) return Damaged("`frees` ends too early");
  event->storage = storage_references_.Decode(*frees_.next++);
  return true;
}

// An allocation or a free belongs to the innermost open span.
void StreamCursor::PutInsideSpan(Event* event) const {
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
  const bool ops_done = signatures_.left() == 0 && sequences_.left() == 0 &&
                        forward_threads_.left() == 0 && results_.left() == 0;
  const bool rest_done = tensors_.left() == 0 && reals_.left() == 0 &&
                         allocations_.left() == 0 && sizes_.left() == 0 &&
                         addresses_.left() == 0 && frees_.left() == 0 &&
                         devices_.left() == 0;
  if (ops_done && (rest_done || !all_columns_)) return false;
  return Damaged("a column is longer than its events need");
}

bool StreamCursor::Damaged(const char* what) {
  status_ = absl::DataLossError(absl::StrCat("a stream is damaged: ", what));
  kinds_.next = kinds_.end;
  return false;
}

}  // namespace torchtape::format
