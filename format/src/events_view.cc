#include "torchtape/format/events_view.h"

#include <google/protobuf/io/coded_stream.h>

#include <utility>

#include "absl/strings/str_cat.h"

namespace torchtape::format {
namespace {

using google::protobuf::io::CodedInputStream;

// Each takes memory, however few bytes it has.
constexpr size_t kMaxStreams = size_t{1} << 16;

enum WireType { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

const uint8_t* Data(absl::string_view bytes) {
  return reinterpret_cast<const uint8_t*>(bytes.data());
}

// One field after another of a message, as they lie there.
class Fields {
 public:
  explicit Fields(absl::string_view message)
      : message_(message),
        input_(Data(message), static_cast<int>(message.size())) {}

  // False at the end and where the bytes are no message: see `ok()`.
  bool Next() {
    begin_ = static_cast<size_t>(input_.CurrentPosition());
    if (begin_ == message_.size()) return false;
    const uint32_t tag = input_.ReadTag();
    number_ = static_cast<int>(tag >> 3);
    type_ = static_cast<WireType>(tag & 7);
    ok_ = number_ != 0 && TakeValue();
    return ok_;
  }
  bool ok() const { return ok_; }

  int number() const { return number_; }
  WireType type() const { return type_; }
  uint64_t varint() const { return varint_; }
  absl::string_view bytes() const { return bytes_; }
  size_t begin() const { return begin_; }  // of the field in the message
  size_t end() const { return static_cast<size_t>(input_.CurrentPosition()); }

 private:
  bool TakeValue() {
    switch (type_) {
      case kVarint:
        return input_.ReadVarint64(&varint_);
      case kBytes:
        uint64_t size;
        if (!input_.ReadVarint64(&size)) return false;
        if (size > message_.size() - end()) return false;
        bytes_ = message_.substr(end(), size);
        return input_.Skip(static_cast<int>(size));
      case kFixed64:
        return input_.Skip(8);
      case kFixed32:
        return input_.Skip(4);
    }
    return false;
  }

  const absl::string_view message_;
  CodedInputStream input_;
  bool ok_ = true;
  size_t begin_ = 0;
  int number_ = 0;
  WireType type_ = kVarint;
  uint64_t varint_ = 0;
  absl::string_view bytes_;
};

absl::string_view* ColumnOf(int field, StreamView* view) {
  switch (field) {
    case v1::Stream::kKindsFieldNumber:
      return &view->kinds;
    case v1::Stream::kTimesFieldNumber:
      return &view->times;
    case v1::Stream::kSignaturesFieldNumber:
      return &view->signatures;
    case v1::Stream::kSequencesFieldNumber:
      return &view->sequences;
    case v1::Stream::kForwardThreadsFieldNumber:
      return &view->forward_threads;
    case v1::Stream::kResultsFieldNumber:
      return &view->results;
    case v1::Stream::kTensorsFieldNumber:
      return &view->tensors;
    case v1::Stream::kStoragesFieldNumber:
      return &view->storages;
    case v1::Stream::kRealsFieldNumber:
      return &view->reals;
    case v1::Stream::kAllocationsFieldNumber:
      return &view->allocations;
    case v1::Stream::kSizesFieldNumber:
      return &view->sizes;
    case v1::Stream::kAddressesFieldNumber:
      return &view->addresses;
    case v1::Stream::kFreesFieldNumber:
      return &view->frees;
    case v1::Stream::kAllocationDevicesFieldNumber:
      return &view->allocation_devices;
    case v1::Stream::kSavesFieldNumber:
      return &view->saves;
    case v1::Stream::kSavedStoragesFieldNumber:
      return &view->saved_storages;
    case v1::Stream::kSavedBytesFieldNumber:
      return &view->saved_bytes;
    default:
      return nullptr;
  }
}

uint64_t* NumberOf(int field, StreamView* view) {
  switch (field) {
    case v1::Stream::kStartTimeNsFieldNumber:
      return &view->start_time_ns;
    case v1::Stream::kFirstSpanFieldNumber:
      return &view->first_span;
    case v1::Stream::kTensorBaseFieldNumber:
      return &view->tensor_base;
    case v1::Stream::kStorageBaseFieldNumber:
      return &view->storage_base;
    default:
      return nullptr;
  }
}

// `whole` becomes false if a column is not one run of packed entries; protobuf
// allows others, though its own writers make none.
bool Walk(absl::string_view message, bool* whole, StreamView* view) {
  Fields fields(message);
  while (fields.Next()) {
    const int number = fields.number();
    if (absl::string_view* column = ColumnOf(number, view)) {
      if (fields.type() != kBytes || !column->empty()) *whole = false;
      *column = fields.bytes();
    } else if (number == v1::Stream::kOpenFieldNumber &&
               fields.type() == kBytes) {
      const absl::string_view open = fields.bytes();
      if (!view->open.emplace_back().ParseFromArray(
              open.data(), static_cast<int>(open.size()))) {
        return false;
      }
    } else if (fields.type() != kVarint) {
      continue;  // of a later version
    } else if (number == v1::Stream::kThreadFieldNumber) {
      view->thread = static_cast<uint32_t>(fields.varint());
    } else if (uint64_t* to = NumberOf(number, view)) {
      *to = fields.varint();
    }
  }
  return fields.ok();
}

bool ParseStream(absl::string_view message, StreamView* view) {
  bool whole = true;
  if (!Walk(message, &whole, view)) return false;
  if (whole) return true;
  v1::Stream stream;
  if (!stream.ParseFromArray(message.data(),
                             static_cast<int>(message.size()))) {
    return false;
  }
  *view = StreamView::Of(stream);
  return true;
}

// Adds what `slice`, some whole fields, says.
bool Merge(absl::string_view slice, v1::Events* events) {
  if (slice.empty()) return true;
  CodedInputStream input(Data(slice), static_cast<int>(slice.size()));
  return events->MergeFromCodedStream(&input);
}

}  // namespace

StreamView StreamView::Of(const v1::Stream& stream) {
  StreamView view;
  view.bytes = std::make_shared<const std::string>(stream.SerializeAsString());
  bool whole = true;
  Walk(*view.bytes, &whole, &view);
  return view;
}

absl::StatusOr<EventsView> EventsView::Parse(absl::string_view payload) {
  const auto damage = [] {
    return absl::DataLossError("its payload does not parse");
  };
  EventsView view;
  Fields fields(payload);
  size_t merged = 0;  // of the payload are in the head, or streams
  while (fields.Next()) {
    if (fields.number() != v1::Events::kStreamsFieldNumber) continue;
    if (fields.type() != kBytes) return damage();
    if (view.streams.size() == kMaxStreams) {
      return absl::DataLossError(
          absl::StrCat("more than ", kMaxStreams, " threads"));
    }
    if (!Merge(payload.substr(merged, fields.begin() - merged), &view.head) ||
        !ParseStream(fields.bytes(), &view.streams.emplace_back())) {
      return damage();
    }
    merged = fields.end();
  }
  if (!fields.ok() || !Merge(payload.substr(merged), &view.head)) {
    return damage();
  }
  return view;
}

uint64_t EventsView::event_count() const {
  uint64_t count = 0;
  for (const StreamView& stream : streams) count += stream.kinds.size();
  return count;
}

}  // namespace torchtape::format
