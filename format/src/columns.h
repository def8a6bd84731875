#ifndef TORCHTAPE_FORMAT_SRC_COLUMNS_H_
#define TORCHTAPE_FORMAT_SRC_COLUMNS_H_

// The columns of a v1::Stream under construction, each entry as it will lie in
// the payload. A message would keep entries as numbers, walk over them again to
// learn their size, and once more to write them; that cost more than all else
// the writer thread does.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "torchtape/v1/tape.pb.h"

namespace torchtape::format {

// Appends what precedes a message or column of `bytes` bytes: its field number
// and its size.
void StartField(int field, size_t bytes, std::string* out);
// Size of a field with what precedes it.
size_t FieldBytes(int field, size_t bytes);

class Column {
 public:
  explicit Column(int field) : field_(field) {}

  void AddByte(uint8_t byte) {
    MakeRoom();
    *at_++ = static_cast<char>(byte);
  }

  void AddVarint(uint64_t value) {
    MakeRoom();
    char* at = at_;  // a char may alias anything, a local variable does not
    for (; value >= 0x80; value >>= 7) *at++ = static_cast<char>(value | 0x80);
    *at++ = static_cast<char>(value);
    at_ = at;
  }

  void AddZigzag(int64_t value) {
    AddVarint(static_cast<uint64_t>(value) << 1 ^
              static_cast<uint64_t>(value >> 63));
  }

  void AddFixed64(uint64_t bits) {
    MakeRoom();
    char* at = at_;
    for (int i = 0; i < 8; ++i) at[i] = static_cast<char>(bits >> 8 * i);
    at_ = at + 8;
  }

  int field() const { return field_; }
  bool empty() const { return at_ == buffer_.get(); }
  absl::string_view bytes() const {
    return {buffer_.get(), static_cast<size_t>(at_ - buffer_.get())};
  }

  // Keeps the memory for as many entries again; gives it back if that was far
  // more than needed.
  void Clear();

 private:
  static constexpr ptrdiff_t kMaxEntryBytes = 10;

  void MakeRoom() {
    if (end_ - at_ < kMaxEntryBytes) Grow();
  }
  void Grow();

  int field_;
  std::unique_ptr<char[]> buffer_;
  char* at_ = nullptr;  // where the next entry goes
  char* end_ = nullptr;
};

struct Columns {
  Column kinds{v1::Stream::kKindsFieldNumber};
  Column times{v1::Stream::kTimesFieldNumber};
  Column signatures{v1::Stream::kSignaturesFieldNumber};
  Column sequences{v1::Stream::kSequencesFieldNumber};
  Column forward_threads{v1::Stream::kForwardThreadsFieldNumber};
  Column results{v1::Stream::kResultsFieldNumber};
  Column tensors{v1::Stream::kTensorsFieldNumber};
  Column storages{v1::Stream::kStoragesFieldNumber};
  Column reals{v1::Stream::kRealsFieldNumber};
  Column allocations{v1::Stream::kAllocationsFieldNumber};
  Column sizes{v1::Stream::kSizesFieldNumber};
  Column addresses{v1::Stream::kAddressesFieldNumber};
  Column frees{v1::Stream::kFreesFieldNumber};
  Column allocation_devices{v1::Stream::kAllocationDevicesFieldNumber};
  Column saves{v1::Stream::kSavesFieldNumber};
  Column saved_storages{v1::Stream::kSavedStoragesFieldNumber};
  Column saved_bytes{v1::Stream::kSavedBytesFieldNumber};

  std::array<Column*, 17> All();

  // Of all columns as they lie in a payload.
  size_t ByteSize();
  void AppendTo(std::string* out);
  void Clear();
};

}  // namespace torchtape::format

#endif  // TORCHTAPE_FORMAT_SRC_COLUMNS_H_
