#include "source/symbol_table.h"

#include <gelf.h>

#include <algorithm>
#include <cstring>
#include <tuple>

namespace torchtape::viewer {
namespace {

// Symbols that lie inside of others are few.
constexpr int kMaxNesting = 16;

constexpr uint64_t kMaxParts = uint64_t{1} << 17;

// Of names for the same code: the one that others can see.
int PreferenceOf(const Elf64_Sym& symbol) {
  switch (ELF64_ST_BIND(symbol.st_info)) {
    case STB_GLOBAL:
      return 2;
    case STB_WEAK:
      return 1;
    default:
      return 0;
  }
}

bool IsFunction(const Elf64_Sym& symbol) {
  const int type = ELF64_ST_TYPE(symbol.st_info);
  return (type == STT_FUNC || type == STT_GNU_IFUNC) &&
         symbol.st_shndx != SHN_UNDEF &&
         symbol.st_value + symbol.st_size > symbol.st_value;
}

}  // namespace

SymbolTable::SymbolTable(Elf* elf) : elf_(elf) {
  if (gelf_getclass(elf) != ELFCLASS64) return;
  Read(SHT_SYMTAB);
  Deal();
  if (!order_.empty()) return;
  Read(SHT_DYNSYM);
  Deal();
}

void SymbolTable::Read(uint32_t section_type) {
  for (Elf_Scn* section = nullptr;
       (section = elf_nextscn(elf_, section)) != nullptr;) {
    GElf_Shdr header;
    if (gelf_getshdr(section, &header) == nullptr) continue;
    if (header.sh_type != section_type) continue;
    const Elf_Data* data = elf_getdata(section, nullptr);
    if (data == nullptr || data->d_buf == nullptr) continue;
    if (data->d_type != ELF_T_SYM) continue;
    symbols_ = static_cast<const char*>(data->d_buf);
    count_ = std::min<size_t>(data->d_size / sizeof(Elf64_Sym), UINT32_MAX);
    names_ = header.sh_link;
    return;
  }
}

Elf64_Sym SymbolTable::Symbol(size_t i) const {
  Elf64_Sym symbol;
  std::memcpy(&symbol, symbols_ + i * sizeof symbol, sizeof symbol);
  return symbol;
}

// By counting: how many each part has, where each begins, and then each symbol
// to its place.
void SymbolTable::Deal() {
  const auto for_each = [this](auto use) {
    for (size_t i = 0; i < count_; ++i) {
      const Elf64_Sym symbol = Symbol(i);
      if (IsFunction(symbol)) use(symbol, static_cast<uint32_t>(i));
    }
  };
  uint64_t high = 0;
  low_ = UINT64_MAX;
  for_each([&](const Elf64_Sym& symbol, uint32_t) {
    low_ = std::min(low_, symbol.st_value);
    high = std::max(high, symbol.st_value);
  });
  if (low_ > high) return;
  for (shift_ = 0; (high - low_) >> shift_ >= kMaxParts;) ++shift_;
  parts_.assign(PartOf(high) + 2, Part());
  for_each([&](const Elf64_Sym& symbol, uint32_t) {
    ++parts_[PartOf(symbol.st_value)].begin;
  });
  uint32_t sum = 0;
  for (Part& part : parts_) part.begin = sum += part.begin;
  order_.resize(sum);
  for_each([&](const Elf64_Sym& symbol, uint32_t i) {
    order_[--parts_[PartOf(symbol.st_value)].begin] = i;
  });
}

void SymbolTable::Sort(size_t part) {
  if (parts_[part].sorted) return;
  parts_[part].sorted = true;
  std::sort(order_.begin() + parts_[part].begin,
            order_.begin() + parts_[part + 1].begin,
            [this](uint32_t a, uint32_t b) {
              const Elf64_Sym x = Symbol(a), y = Symbol(b);
              return std::make_tuple(x.st_value, PreferenceOf(x), a) <
                     std::make_tuple(y.st_value, PreferenceOf(y), b);
            });
}

const char* SymbolTable::NameOf(const Elf64_Sym& symbol) const {
  const char* name = elf_strptr(elf_, names_, symbol.st_name);
  return name != nullptr && *name != '\0' ? name : nullptr;
}

// Backwards from the last to begin at the address or before it.
const char* SymbolTable::Find(uint64_t address) {
  if (order_.empty() || address < low_) return nullptr;
  int seen = 0;
  for (size_t part = std::min(PartOf(address), parts_.size() - 2) + 1;
       part-- > 0;) {
    Sort(part);
    for (uint32_t i = parts_[part + 1].begin; i-- > parts_[part].begin;) {
      const Elf64_Sym symbol = Symbol(order_[i]);
      if (symbol.st_value > address) continue;
      const bool holds = address - symbol.st_value < symbol.st_size;
      const char* name = holds ? NameOf(symbol) : nullptr;
      if (name != nullptr) return name;
      if (++seen == kMaxNesting) return nullptr;
    }
  }
  return nullptr;
}

}  // namespace torchtape::viewer
