#include "core/frame_rule.h"

#include <link.h>

#include <cstddef>

#include "core/unwind_table.h"

namespace torchtape::internal {

#if defined(__x86_64__)
namespace {

// DWARF's numbers of registers on x86-64.
constexpr uint64_t kRbp = 6;
constexpr uint64_t kRsp = 7;

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
  explicit Rows(const FunctionUnwinding& function) : function_(function) {}

  // `target`: bytes from the start of the function. False if an instruction
  // is not known.
  bool Run(TableBytes bytes, uint64_t target) {
    uint64_t at = 0;
    while (!bytes.empty()) {
      const uint8_t instruction = bytes.Take<uint8_t>();
      const uint8_t operand = instruction & 0x3f;
      bool advanced = true;
      switch (instruction >> 6) {
        case 1:  // advance_loc
          at += operand * function_.code_unit;
          break;
        case 2:  // offset
          Put(operand,
              static_cast<int64_t>(bytes.TakeUleb()) * function_.data_unit);
          continue;
        case 3:  // restore
          Restore(operand);
          continue;
        default:
          switch (instruction) {
            case 0x02:
              at += bytes.Take<uint8_t>() * function_.code_unit;
              break;
            case 0x03:
              at += bytes.Take<uint16_t>() * function_.code_unit;
              break;
            case 0x04:
              at += bytes.Take<uint32_t>() * function_.code_unit;
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

  bool RunOther(uint8_t instruction, TableBytes* bytes) {
    switch (instruction) {
      case 0x00:  // nop
        return true;
      case 0x05: {  // offset_extended
        const uint64_t number = bytes->TakeUleb();
        Put(number,
            static_cast<int64_t>(bytes->TakeUleb()) * function_.data_unit);
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

  const FunctionUnwinding& function_;
  Row row_;
  Row first_;  // of the function's first instruction
  Row rows_[kMostRemembered];
  size_t remembered_ = 0;
};

std::optional<FrameRule> RuleAt(const FunctionUnwinding& function,
                                uint64_t pc) {
  Rows rows(function);
  if (!rows.Run(function.first, function.length)) return std::nullopt;
  rows.SetFirst();
  if (!rows.Run(function.instructions, pc - function.begin)) {
    return std::nullopt;
  }
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
    // Read while the loader holds still, so that the object stays.
    std::optional<FrameRule> rule;
  } search{address - 1, std::nullopt};
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
        const std::optional<FunctionUnwinding> function =
            FindUnwinding(index, search.pc);
        if (function) search.rule = RuleAt(*function, search.pc);
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
