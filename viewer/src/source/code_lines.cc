#include "source/code_lines.h"

#include <dwarf.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "source/function_name.h"

namespace torchtape::viewer {
namespace {

// Bounds of what a damaged file can make us do. Real files are far below.
constexpr size_t kMaxRanges = size_t{1} << 22;
constexpr size_t kMaxEntries = size_t{1} << 24;  // of a unit
constexpr int kMaxOrigins = 16;
constexpr int kMaxDepth = 256;
constexpr ptrdiff_t kMaxOverlap = 64;

// Calls `add` with each range of code that belongs to a DIE. What the linker
// dropped has ranges that begin at 0.
template <typename Add>
void ForEachRange(Dwarf_Die* die, Add add) {
  Dwarf_Addr base = 0, begin = 0, end = 0;
  ptrdiff_t at = 0;
  size_t count = 0;
  while ((at = dwarf_ranges(die, at, &base, &begin, &end)) > 0) {
    if (begin != 0 && begin < end) add(begin, end);
    if (++count > kMaxRanges) return;
  }
}

template <typename Range>
void Sort(std::vector<Range>* ranges) {
  std::stable_sort(
      ranges->begin(), ranges->end(),
      [](const Range& a, const Range& b) { return a.begin < b.begin; });
}

// The last range to begin of those that hold the address: the innermost, where
// they nest.
template <typename Range>
const Range* Holding(const std::vector<Range>& ranges, uint64_t address) {
  auto it = std::upper_bound(
      ranges.begin(), ranges.end(), address,
      [](uint64_t at, const Range& range) { return at < range.begin; });
  const auto stop = it - std::min(it - ranges.begin(), kMaxOverlap);
  while (it != stop) {
    --it;
    if (address < it->end) return &*it;
  }
  return nullptr;
}

// Visits the functions of a unit and all that can hold one, each before what is
// in it: in the order in which they are in the file.
template <typename Add>
class FunctionWalk {
 public:
  // `add` is given each and the number of what holds it, and returns its own.
  explicit FunctionWalk(Add add) : add_(add) {}

  void Children(Dwarf_Die* parent, size_t number, int depth) {
    Dwarf_Die die;
    if (depth > kMaxDepth || dwarf_child(parent, &die) != 0) return;
    do {
      if (budget_ == 0) return;
      --budget_;
      switch (dwarf_tag(&die)) {
        case DW_TAG_subprogram:
        case DW_TAG_namespace:
        case DW_TAG_class_type:
        case DW_TAG_structure_type:
        case DW_TAG_union_type:
        case DW_TAG_lexical_block:
          Children(&die, add_(&die, number), depth + 1);
          break;
        default:
          break;
      }
    } while (Next(&die));
  }

 private:
  // A sibling is further on in the file.
  static bool Next(Dwarf_Die* die) {
    const void* before = die->addr;
    return dwarf_siblingof(die, die) == 0 && die->addr > before;
  }

  size_t budget_ = kMaxEntries;
  Add add_;
};

// Goes from a function or block to the block or inlined call in it that holds
// the address.
bool GoInwards(uint64_t address, Dwarf_Die* die) {
  Dwarf_Die child;
  if (dwarf_child(die, &child) != 0) return false;
  while (true) {
    const int tag = dwarf_tag(&child);
    if ((tag == DW_TAG_inlined_subroutine || tag == DW_TAG_lexical_block) &&
        dwarf_haspc(&child, address) > 0) {
      *die = child;
      return true;
    }
    const Dwarf_Off before = dwarf_dieoffset(&child);
    if (dwarf_siblingof(&child, &child) != 0 ||
        dwarf_dieoffset(&child) <= before) {
      return false;
    }
  }
}

// The place where a function was declared, if it is not `die` itself: what
// tells its scope.
Dwarf_Die DeclarationOf(Dwarf_Die die) {
  for (int i = 0; i < kMaxOrigins; ++i) {
    Dwarf_Attribute attribute;
    Dwarf_Die origin;
    if (dwarf_attr(&die, DW_AT_abstract_origin, &attribute) == nullptr &&
        dwarf_attr(&die, DW_AT_specification, &attribute) == nullptr) {
      break;
    }
    if (dwarf_formref_die(&attribute, &origin) == nullptr) break;
    die = origin;
  }
  return die;
}

// "Net::" of a scope that is named Net; empty if it has no part in names. A
// lambda is a class without a name that can be called.
std::string ScopeOf(Dwarf_Die* scope, bool is_call) {
  const char* name = dwarf_diename(scope);
  switch (dwarf_tag(scope)) {
    case DW_TAG_namespace:
      return absl::StrCat(name == nullptr ? "(anonymous namespace)" : name,
                          "::");
    case DW_TAG_class_type:
    case DW_TAG_structure_type:
    case DW_TAG_union_type:
    case DW_TAG_subprogram:
      if (name != nullptr) return absl::StrCat(name, "::");
      return is_call ? "{lambda}::" : "(unnamed)::";
    default:
      return "";
  }
}

// The same from a unit that was not walked through, which takes long.
std::string ScopesOf(Dwarf_Die* declaration, bool is_call) {
  std::string text;
  Dwarf_Die* scopes = nullptr;
  const int count = dwarf_getscopes_die(declaration, &scopes);
  for (int i = 1; i < count; ++i) {
    text = ScopeOf(&scopes[i], is_call && i == 1) + text;
  }
  std::free(scopes);
  return text;
}

// Null if it has none: then nothing outside of its file can call it.
const char* LinkageNameOf(Dwarf_Die* die) {
  Dwarf_Attribute attribute;
  for (unsigned int name : {DW_AT_linkage_name, DW_AT_MIPS_linkage_name}) {
    if (dwarf_attr_integrate(die, name, &attribute) == nullptr) continue;
    const char* text = dwarf_formstring(&attribute);
    if (text != nullptr) return text;
  }
  return nullptr;
}

void SetPlace(const char* file, uint64_t line, Dwarf_Die* unit,
              SourceFrame* frame) {
  if (file == nullptr || line == 0 || line > UINT32_MAX) return;
  std::filesystem::path path = file;
  Dwarf_Attribute attribute;
  const char* folder =
      dwarf_formstring(dwarf_attr(unit, DW_AT_comp_dir, &attribute));
  if (path.is_relative() && folder != nullptr) path = folder / path;
  frame->file = path.lexically_normal().string();
  frame->line = static_cast<uint32_t>(line);
}

// By the line table.
void SetPlaceOf(uint64_t address, Dwarf_Die* unit, SourceFrame* frame) {
  Dwarf_Line* row = dwarf_getsrc_die(unit, address);
  int line = 0;
  if (row == nullptr || dwarf_lineno(row, &line) != 0 || line <= 0) return;
  SetPlace(dwarf_linesrc(row, nullptr, nullptr), static_cast<uint64_t>(line),
           unit, frame);
}

uint64_t NumberOf(Dwarf_Die* die, unsigned int name) {
  Dwarf_Attribute attribute;
  Dwarf_Word number = 0;
  if (dwarf_attr(die, name, &attribute) == nullptr) return 0;
  return dwarf_formudata(&attribute, &number) == 0 ? number : 0;
}

// Where an inlined function was called. The file is one of `root`'s.
void SetPlaceOfCall(Dwarf_Die* inlined, Dwarf_Die* root, Dwarf_Die* unit,
                    SourceFrame* frame) {
  Dwarf_Files* files = nullptr;
  size_t count = 0;
  if (dwarf_getsrcfiles(root, &files, &count) != 0) return;
  const uint64_t file = NumberOf(inlined, DW_AT_call_file);
  if (file >= count) return;
  SetPlace(dwarf_filesrc(files, file, nullptr, nullptr),
           NumberOf(inlined, DW_AT_call_line), unit, frame);
}

}  // namespace

CodeLines::CodeLines(Dwarf* dwarf) : dwarf_(dwarf) { ReadUnits(); }

CodeLines::~CodeLines() { dwarf_end(dwarf_); }

std::unique_ptr<CodeLines> CodeLines::Read(Elf* elf) {
  Dwarf* dwarf = dwarf_begin_elf(elf, DWARF_C_READ, nullptr);
  if (dwarf == nullptr) return nullptr;
  return std::unique_ptr<CodeLines>(new CodeLines(dwarf));
}

// Not by .debug_aranges: not every compiler writes it.
void CodeLines::ReadUnits() {
  Dwarf_CU* unit = nullptr;
  Dwarf_Die die;
  while (dwarf_get_units(dwarf_, unit, &unit, nullptr, nullptr, &die,
                         nullptr) == 0) {
    if (ranges_.size() > kMaxRanges) break;
    const size_t index = units_.size();
    ForEachRange(&die, [&](uint64_t begin, uint64_t end) {
      ranges_.push_back({begin, end, index});
    });
    units_.emplace_back();
    units_.back().die = die;
  }
  Sort(&ranges_);
}

void CodeLines::ReadFunctions(Unit* unit) {
  if (unit->has_functions) return;
  unit->has_functions = true;
  Dwarf_Die* root = &unit->functions_die;
  uint8_t type = 0;
  const bool is_split = dwarf_cu_info(unit->die.cu, nullptr, &type, nullptr,
                                      root, nullptr, nullptr, nullptr) == 0 &&
                        type == DW_UT_skeleton && root->addr != nullptr;
  if (!is_split) *root = unit->die;
  const auto add = [unit](Dwarf_Die* die, size_t parent) {
    unit->scopes.push_back({die->addr, parent});
    if (dwarf_tag(die) == DW_TAG_subprogram) {
      ForEachRange(die, [&](uint64_t begin, uint64_t end) {
        if (unit->functions.size() > kMaxRanges) return;
        unit->functions.push_back({begin, end, *die});
      });
    }
    return unit->scopes.size() - 1;
  };
  FunctionWalk<decltype(add)>(add).Children(root, kNoScope, 0);
  Sort(&unit->functions);
}

std::string CodeLines::NameWithScopes(const Unit& unit, Dwarf_Die* die) {
  const char* name = dwarf_diename(die);
  if (name == nullptr) return "";
  std::string text = name;
  const bool is_call = text == "operator()";
  Dwarf_Die declaration = DeclarationOf(*die);
  const auto found = std::lower_bound(
      unit.scopes.begin(), unit.scopes.end(), declaration.addr,
      [](const Scope& scope, void* at) { return scope.die < at; });
  if (found == unit.scopes.end() || found->die != declaration.addr) {
    return ScopesOf(&declaration, is_call) + text;
  }
  bool nearest = true;
  for (size_t i = found->parent; i != kNoScope; i = unit.scopes[i].parent) {
    Dwarf_Die scope = {};
    scope.addr = unit.scopes[i].die;
    scope.cu = unit.functions_die.cu;
    text = ScopeOf(&scope, is_call && nearest) + text;
    nearest = false;
  }
  return text;
}

std::string CodeLines::NameOf(const Unit& unit, Dwarf_Die* die) {
  const char* linkage_name = LinkageNameOf(die);
  if (linkage_name != nullptr) return FunctionName(linkage_name);
  auto [it, added] = names_.try_emplace(die->addr);
  if (added) it->second = NameWithScopes(unit, die);
  return it->second;
}

std::vector<SourceFrame> CodeLines::Find(uint64_t address) {
  const UnitRange* range = Holding(ranges_, address);
  if (range == nullptr) return {};
  Unit& unit = units_[range->unit];
  ReadFunctions(&unit);

  // The function and the calls inlined into it, outermost first.
  std::vector<Dwarf_Die> calls;
  const FunctionRange* function = Holding(unit.functions, address);
  if (function != nullptr) {
    Dwarf_Die die = function->die;
    calls.push_back(die);
    for (int depth = 0; depth < kMaxDepth && GoInwards(address, &die);
         ++depth) {
      if (dwarf_tag(&die) == DW_TAG_inlined_subroutine) calls.push_back(die);
    }
  }
  std::vector<SourceFrame> frames(std::max<size_t>(calls.size(), 1));
  SetPlaceOf(address, &unit.die, &frames[0]);
  for (size_t i = 0; i < calls.size(); ++i) {
    const size_t outwards = calls.size() - 1 - i;
    frames[i].function = NameOf(unit, &calls[outwards]);
    frames[i].inlined = outwards > 0;
    if (i == 0) continue;
    SetPlaceOfCall(&calls[outwards + 1], &unit.functions_die, &unit.die,
                   &frames[i]);
  }
  return frames;
}

}  // namespace torchtape::viewer
