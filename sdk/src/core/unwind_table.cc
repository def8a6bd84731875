#include "core/unwind_table.h"

namespace torchtape::internal {
namespace {

// DWARF's encodings of pointers that linkers write for x86-64.
constexpr uint8_t kRelativeToItself = 0x1b;   // pcrel | sdata4
constexpr uint8_t kRelativeToTable = 0x3b;    // datarel | sdata4
constexpr uint8_t kFourBytesUnsigned = 0x03;  // udata4

// A record of the table: its length, then so many bytes.
TableBytes RecordAt(const uint8_t* at) {
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
  TableBytes instructions;
};

bool ReadCommon(const uint8_t* at, Common* common) {
  TableBytes bytes = RecordAt(at);
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
    TableBytes rest(data, bytes.at());
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

}  // namespace

std::optional<FunctionUnwinding> FindUnwinding(const uint8_t* index,
                                               uint64_t pc) noexcept {
  const uint8_t* const description = FindFunction(index, pc);
  if (description == nullptr) return std::nullopt;
  TableBytes bytes = RecordAt(description);
  const uint8_t* const common_at = bytes.at();
  const uint32_t back = bytes.Take<uint32_t>();
  if (back == 0 || bytes.bad()) return std::nullopt;
  Common common;
  if (!ReadCommon(common_at - back, &common)) return std::nullopt;
  FunctionUnwinding function;
  const uint64_t here = reinterpret_cast<uintptr_t>(bytes.at());
  function.begin = here + static_cast<uint64_t>(int64_t{bytes.Take<int32_t>()});
  function.length = bytes.Take<uint32_t>();
  if (pc < function.begin || pc - function.begin >= function.length) {
    return std::nullopt;
  }
  if (common.has_lengths) bytes.Skip(bytes.TakeUleb());
  if (bytes.bad()) return std::nullopt;
  function.code_unit = common.code_unit;
  function.data_unit = common.data_unit;
  function.first = common.instructions;
  function.instructions = {bytes.at(), bytes.end()};
  return function;
}

}  // namespace torchtape::internal
