#ifndef TORCHTAPE_VIEWER_SRC_SOURCE_SYMBOL_TABLE_H_
#define TORCHTAPE_VIEWER_SRC_SOURCE_SYMBOL_TABLE_H_

// The functions of an object file by their addresses.
//
// LibTorch has half a million, of which a log asks for some dozens. So they are
// not sorted, but dealt to equal parts of the code, and only parts that are
// asked for are put in order.

#include <elf.h>
#include <libelf.h>

#include <cstdint>
#include <vector>

namespace torchtape::viewer {

class SymbolTable {
 public:
  // The program's own table or, where that was stripped, the loader's. `elf`
  // must outlive this.
  explicit SymbolTable(Elf* elf);

  // The name of the function at an address, in the file; null if none is there.
  const char* Find(uint64_t address);

 private:
  struct Part {
    uint32_t begin = 0;  // in order_
    bool sorted = false;
  };

  void Read(uint32_t section_type);
  Elf64_Sym Symbol(size_t i) const;
  void Deal();
  size_t PartOf(uint64_t address) const { return (address - low_) >> shift_; }
  void Sort(size_t part);
  const char* NameOf(const Elf64_Sym& symbol) const;

  Elf* const elf_;
  const char* symbols_ = nullptr;  // not aligned if the file is damaged
  size_t count_ = 0;
  size_t names_ = 0;  // the section of their names

  uint64_t low_ = 0;  // the least address
  int shift_ = 0;     // a part has 2^shift_ bytes of code
  std::vector<Part> parts_;
  std::vector<uint32_t> order_;  // places in symbols_, part by part
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_SOURCE_SYMBOL_TABLE_H_
