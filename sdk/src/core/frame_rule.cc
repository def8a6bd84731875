#include "core/frame_rule.h"

#include <link.h>

#include <cstddef>
#include <cstring>

namespace torchtape::internal {

#if defined(__x86_64__)
namespace {

// DWARF's numbers of registers on x86-64.
constexpr uint64_t kRbp = 6;
constexpr uint64_t kRsp = 7;
constexpr uint64_t kReturnAddress = 16;

// DWARF's encodings of pointers that linkers write for x86-64.
constexpr uint8_t kRelativeToItself = 0x1b;   // pcrel | sdata4
constexpr uint8_t kRelativeToTable = 0x3b;    // datarel | sdata4
constexpr uint8_t kFourBytesUnsigned = 0x03;  // udata4

// The bytes of a table, front to back. A read past their end gives zeros and
// is remembered.
class Bytes {
 public:
  Bytes(const uint8_t* at, const uint8_t* end) : at_(at), end_(end) {}

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

  const uint8_t* at_;
  const uint8_t* end_;
  bool bad_ = false;
};

// A record of the table: its length, then so many bytes.
Bytes RecordAt(const uint8_t* at) {
  uint32_t bytes = 0;
  std::memcpy(&bytes, at, sizeof bytes);
  constexpr uint32_t kLonger = 0xffffffff;  // nobody writes those
  if (bytes == kLonger) bytes = 0;
  return {at + sizeof bytes, at + sizeof bytes + bytes};
}

// What all functions of one compilation share.
struct Common {
  uint64_t code_unit = 0;
  int64_t data_unit = 0;
  bool has_lengths = false;  // of augmentations
  Bytes instructions{nullptr, nullptr};
};

bool ReadCommon(const uint8_t* at, Common* common) {
  Bytes bytes = RecordAt(at);
  if (bytes.Take<uint32_t>() != 0) return false;
  const uint8_t version = bytes.Take<uint8_t>();
  char augmentation[8] = {};
  size_t length = 0;
  while (const char c = bytes.Take<char>()) {
    if (length + 1 == sizeof augmentation) return false;
    augmentation[length++] = c;
  }
  common->code_unit = bytes.TakeUleb();
  common->data_unit = bytes.TakeSleb();
  const uint64_t return_address =
      version == 1 ? bytes.Take<uint8_t>() : bytes.TakeUleb();
  if (return_address != kReturnAddress) return false;
  uint8_t encoding = 0;
  if (augmentation[0] == 'z') {
    common->has_lengths = true;
    const uint64_t data_bytes = bytes.TakeUleb();
    const uint8_t* const data = bytes.at();
    bytes.Skip(data_bytes);
    Bytes rest(data, bytes.at());
    for (size_t i = 1; i < length; ++i) {
      if (augmentation[i] == 'R') {
        encoding = rest.Take<uint8_t>();
      } else if (augmentation[i] == 'L') {
        rest.Take<uint8_t>();
      } else if (augmentation[i] == 'P') {
        const uint8_t personality = rest.Take<uint8_t>();
        constexpr uint8_t kSize = 0x0f, kFour = 0x0b, kFourUnsigned = 0x03;
        const bool four = (personality & kSize) == kFour ||
                          (personality & kSize) == kFourUnsigned;
        rest.Skip(four ? 4 : 8);
      } else {
        return false;  // 'S', a signal's frame, too
      }
    }
    if (rest.bad()) return false;
  }
  common->instructions = {bytes.at(), bytes.end()};
  return encoding == kRelativeToItself && !bytes.bad();
}

// What the instructions so far have said.
struct Row {
  uint64_t cfa_register = 0;
  int64_t cfa_bytes = 0;
  bool cfa_known = false;
  int64_t frame_pointer_at = 0;
  bool frame_pointer_known = true;
  bool return_address_usual = false;  // just below the frame address
};

// Runs the instructions of a table up to a place in the code.
class Rows {
 public:
  explicit Rows(const Common& common) : common_(common) {}

  // `target`: bytes from the start of the function. False if an instruction
  // is not known.
  bool Run(Bytes bytes, uint64_t target) {
    uint64_t at = 0;
    while (!bytes.empty()) {
      const uint8_t instruction = bytes.Take<uint8_t>();
      const uint8_t operand = instruction & 0x3f;
      bool advanced = true;
      switch (instruction >> 6) {
        case 1:  // advance_loc
          at += operand * common_.code_unit;
          break;
        case 2:  // offset
          Put(operand,
              static_cast<int64_t>(bytes.TakeUleb()) * common_.data_unit);
          continue;
        case 3:  // restore
          Restore(operand);
          continue;
        default:
          switch (instruction) {
            case 0x02:
              at += bytes.Take<uint8_t>() * common_.code_unit;
              break;
            case 0x03:
              at += bytes.Take<uint16_t>() * common_.code_unit;
              break;
            case 0x04:
              at += bytes.Take<uint32_t>() * common_.code_unit;
              break;
            default:
              advanced = false;
              if (!RunOther(instruction, &bytes)) return false;
          }
      }
      if (bytes.bad()) return false;
      if (advanced && at > target) break;
    }
    return !bytes.bad();
  }

  const Row& row() const { return row_; }
  void SetFirst() { first_ = row_; }

 private:
  static constexpr size_t kMostRemembered = 16;

  bool RunOther(uint8_t instruction, Bytes* bytes) {
    switch (instruction) {
      case 0x00:  // nop
        return true;
      case 0x05: {  // offset_extended
        const uint64_t number = bytes->TakeUleb();
        Put(number,
            static_cast<int64_t>(bytes->TakeUleb()) * common_.data_unit);
        return true;
      }
      case 0x06:  // restore_extended
        Restore(bytes->TakeUleb());
        return true;
      case 0x07:  // undefined
        Lose(bytes->TakeUleb());
        return true;
      case 0x08: {  // same_value
        if (bytes->TakeUleb() == kRbp) {
          row_.frame_pointer_at = 0;
          row_.frame_pointer_known = true;
        }
        return true;
      }
      case 0x09:  // register
        Lose(bytes->TakeUleb());
        bytes->TakeUleb();
        return true;
      case 0x0a:  // remember_state
        if (remembered_ == kMostRemembered) return false;
        rows_[remembered_++] = row_;
        return true;
      case 0x0b:  // restore_state
        if (remembered_ == 0) return false;
        row_ = rows_[--remembered_];
        return true;
      case 0x0c:  // def_cfa
        row_.cfa_register = bytes->TakeUleb();
        row_.cfa_bytes = static_cast<int64_t>(bytes->TakeUleb());
        row_.cfa_known = true;
        return true;
      case 0x0d:  // def_cfa_register
        row_.cfa_register = bytes->TakeUleb();
        return true;
      case 0x0e:  // def_cfa_offset
        row_.cfa_bytes = static_cast<int64_t>(bytes->TakeUleb());
        return true;
      case 0x0f:  // def_cfa_expression
        row_.cfa_known = false;
        bytes->Skip(bytes->TakeUleb());
        return true;
      case 0x10:    // expression
      case 0x16: {  // val_expression
        Lose(bytes->TakeUleb());
        bytes->Skip(bytes->TakeUleb());
        return true;
      }
      case 0x2e:  // GNU_args_size
        bytes->TakeUleb();
        return true;
      default:
        return false;
    }
  }

  void Put(uint64_t number, int64_t at) {
    if (number == kRbp) {
      row_.frame_pointer_at = at;
      row_.frame_pointer_known = true;
    } else if (number == kReturnAddress) {
      row_.return_address_usual = at == -8;
    }
  }
  void Lose(uint64_t number) {
    if (number == kRbp) row_.frame_pointer_known = false;
    if (number == kReturnAddress) row_.return_address_usual = false;
  }
  void Restore(uint64_t number) {
    if (number == kRbp) {
      row_.frame_pointer_at = first_.frame_pointer_at;
      row_.frame_pointer_known = first_.frame_pointer_known;
    } else if (number == kReturnAddress) {
      row_.return_address_usual = first_.return_address_usual;
    }
  }

  const Common& common_;
  Row row_;
  Row first_;  // of the function's first instruction
  Row rows_[kMostRemembered];
  size_t remembered_ = 0;
};

// The description of the function of which code lies at `pc`, by the sorted
// index of an object; null if there is none.
const uint8_t* FindFunction(const uint8_t* index, uint64_t pc) {
  if (index[0] != 1 || index[1] != kRelativeToItself ||
      index[2] != kFourBytesUnsigned || index[3] != kRelativeToTable) {
    return nullptr;
  }
  uint32_t count = 0;
  std::memcpy(&count, index + 8, sizeof count);
  struct Entry {
    int32_t code, description;  // from `index` on
  };
  const uint8_t* const entries = index + 12;
  const auto entry_at = [entries](uint32_t i) {
    Entry entry;
    std::memcpy(&entry, entries + i * sizeof entry, sizeof entry);
    return entry;
  };
  const int64_t place =
      static_cast<int64_t>(pc - reinterpret_cast<uintptr_t>(index));
  // The last that does not begin behind it.
  uint32_t low = 0, high = count;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (entry_at(middle).code <= place) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low == 0 ? nullptr : index + entry_at(low - 1).description;
}

std::optional<FrameRule> ReadRule(const uint8_t* description, uint64_t pc) {
  Bytes bytes = RecordAt(description);
  const uint8_t* const common_at = bytes.at();
  const uint32_t back = bytes.Take<uint32_t>();
  if (back == 0 || bytes.bad()) return std::nullopt;
  Common common;
  if (!ReadCommon(common_at - back, &common)) return std::nullopt;
  const uint64_t here = reinterpret_cast<uintptr_t>(bytes.at());
  const uint64_t begin =
      here + static_cast<uint64_t>(int64_t{bytes.Take<int32_t>()});
  const uint64_t length = bytes.Take<uint32_t>();
  if (pc < begin || pc - begin >= length) return std::nullopt;
  if (common.has_lengths) bytes.Skip(bytes.TakeUleb());
  if (bytes.bad()) return std::nullopt;

  Rows rows(common);
  if (!rows.Run(common.instructions, length)) return std::nullopt;
  rows.SetFirst();
  if (!rows.Run({bytes.at(), bytes.end()}, pc - begin)) return std::nullopt;
  const Row& row = rows.row();
  constexpr int64_t kMost = 1 << 30;
  if (!row.cfa_known || !row.frame_pointer_known || !row.return_address_usual ||
      (row.cfa_register != kRsp && row.cfa_register != kRbp) ||
      row.cfa_bytes <= 0 || row.cfa_bytes > kMost || row.frame_pointer_at > 0 ||
      row.frame_pointer_at < -kMost) {
    return std::nullopt;
  }
  FrameRule rule;
  rule.from = row.cfa_register == kRbp ? FrameRule::kFramePointer
                                       : FrameRule::kStackPointer;
  rule.bytes = static_cast<int32_t>(row.cfa_bytes);
  rule.frame_pointer_at = static_cast<int32_t>(row.frame_pointer_at);
  return rule;
}

}  // namespace

std::optional<FrameRule> FindFrameRule(uint64_t address) noexcept {
  struct Search {
    uint64_t pc;
    const uint8_t* index;
    // Read while the loader holds still, so that the object stays.
    std::optional<FrameRule> rule;
  } search{address - 1, nullptr, std::nullopt};
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* to) {
        Search& search = *static_cast<Search*>(to);
        const uint8_t* index = nullptr;
        bool here = false;
        for (int i = 0; i < info->dlpi_phnum; ++i) {
          const ElfW(Phdr)& segment = info->dlpi_phdr[i];
          const uint64_t begin = info->dlpi_addr + segment.p_vaddr;
          if (segment.p_type == PT_GNU_EH_FRAME) {
            index = reinterpret_cast<const uint8_t*>(begin);
          } else if (segment.p_type == PT_LOAD) {
            here |= search.pc >= begin && search.pc - begin < segment.p_memsz;
          }
        }
        if (!here) return 0;
        if (index == nullptr) return 1;
        const uint8_t* const function = FindFunction(index, search.pc);
        if (function != nullptr) search.rule = ReadRule(function, search.pc);
        return 1;
      },
      &search);
  return search.rule;
}

#else

std::optional<FrameRule> FindFrameRule(uint64_t) noexcept {
  return std::nullopt;
}

#endif

}  // namespace torchtape::internal
