#ifndef TORCHTAPE_SDK_CORE_UNWIND_TABLE_H_
#define TORCHTAPE_SDK_CORE_UNWIND_TABLE_H_

// The unwind table of a loaded object, as compilers and linkers leave it in
// memory: for each function the instructions by which its frame is found (the
// ".eh_frame" and ".eh_frame_hdr" of the Linux Standard Base, 10.6). What the
// instructions mean is frame_rule.cc's.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>

namespace torchtape::internal {

// The bytes of a table, front to back. A read past their end gives zeros and
// is remembered.
class TableBytes {
 public:
  TableBytes() = default;
  TableBytes(const uint8_t* at, const uint8_t* end) : at_(at), end_(end) {}

  template <typename Integer>
  Integer Take() {
    Integer value = 0;
    if (static_cast<size_t>(end_ - at_) < sizeof value) {
      bad_ = true;
      return 0;
    }
    std::memcpy(&value, at_, sizeof value);
    at_ += sizeof value;
    return value;
  }
  uint64_t TakeUleb() { return TakeLeb(nullptr); }
  int64_t TakeSleb() {
    unsigned bits = 0;
    uint64_t value = TakeLeb(&bits);
    const bool negative = bits != 0 && bits < 64 && (value >> (bits - 1)) != 0;
    if (negative) value |= ~uint64_t{0} << bits;
    return static_cast<int64_t>(value);
  }
  void Skip(uint64_t bytes) {
    if (bytes > static_cast<size_t>(end_ - at_)) {
      bad_ = true;
      at_ = end_;
    } else {
      at_ += bytes;
    }
  }

  const uint8_t* at() const { return at_; }
  const uint8_t* end() const { return end_; }
  bool empty() const { return at_ == end_; }
  bool bad() const { return bad_; }

 private:
  uint64_t TakeLeb(unsigned* bits) {
    uint64_t value = 0;
    unsigned shift = 0;
    uint8_t byte = 0;
    do {
      byte = Take<uint8_t>();
      if (shift < 64) value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      shift += 7;
    } while ((byte & 0x80) != 0 && !bad_);
    if (bits != nullptr) *bits = shift;
    return value;
  }

  const uint8_t* at_ = nullptr;
  const uint8_t* end_ = nullptr;
  bool bad_ = false;
};

// What the table says of one function.
struct FunctionUnwinding {
  uint64_t begin = 0;   // address of its code
  uint64_t length = 0;  // in bytes
  // What operands of instructions count in.
  uint64_t code_unit = 0;
  int64_t data_unit = 0;
  // What holds at its first instruction, as of all that were compiled with it;
  // and how that changes from there on.
  TableBytes first, instructions;
};

// DWARF's number of the register that stands for the return address.
constexpr uint64_t kReturnAddress = 16;  // on x86-64

// Of the function whose code lies at `pc`. `index`: the object's
// ".eh_frame_hdr". None if there is none, or if it is of a kind that linkers
// do not write for x86-64. Neither allocates nor throws.
std::optional<FunctionUnwinding> FindUnwinding(const uint8_t* index,
                                               uint64_t pc) noexcept;

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_CORE_UNWIND_TABLE_H_
