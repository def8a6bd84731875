#ifndef TORCHTAPE_VIEWER_SRC_SOURCE_CODE_LINES_H_
#define TORCHTAPE_VIEWER_SRC_SOURCE_CODE_LINES_H_

// The debug information of one file: which functions and lines hold an address.
//
// Read as far as needed: of all compilation units only where their code lies,
// of those that are asked for the functions and the line table.

#include <elfutils/libdw.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "source/source_frame.h"

namespace torchtape::viewer {

class CodeLines {
 public:
  // Null if there is no debug information. `elf` must outlive what is returned.
  static std::unique_ptr<CodeLines> Read(Elf* elf);
  ~CodeLines();

  // Innermost first; empty if the address is in no compilation unit.
  std::vector<SourceFrame> Find(uint64_t address);

 private:
  // Code that belongs to a unit (by its place in units_) or a function.
  struct UnitRange {
    uint64_t begin, end;
    size_t unit;
  };
  struct FunctionRange {
    uint64_t begin, end;
    Dwarf_Die die;
  };
  // A function or what can hold one, and what it is in.
  struct Scope {
    void* die;  // its place in the file
    size_t parent;
  };
  static constexpr size_t kNoScope = ~size_t{0};
  struct Unit {
    Dwarf_Die die = {};
    bool has_functions = false;  // whether they were read
    // Where the functions are: the same, or a part that was split off into a
    // .dwo file.
    Dwarf_Die functions_die = {};
    std::vector<FunctionRange> functions;  // by `begin`
    std::vector<Scope> scopes;             // by `die`
  };

  explicit CodeLines(Dwarf* dwarf);
  void ReadUnits();
  static void ReadFunctions(Unit* unit);
  static std::string NameWithScopes(const Unit& unit, Dwarf_Die* die);
  std::string NameOf(const Unit& unit, Dwarf_Die* die);

  Dwarf* const dwarf_;
  std::vector<Unit> units_;
  std::vector<UnitRange> ranges_;  // by `begin`
  // Of functions without a linkage name, by where they are in the file.
  absl::flat_hash_map<void*, std::string> names_;
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_SOURCE_CODE_LINES_H_
