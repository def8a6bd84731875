#include "core/code_kind.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "core/code_objects.h"

namespace torchtape::internal {
namespace {

// What a mangled name begins with, in a namespace or a class.
constexpr absl::string_view kNames[] = {
    "2at", "5torch", "3c10", "6caffe2",
    // Of torchtape, what stands between a call and the program.
    "9torchtape8internal", "9torchtape12ModuleHolder",
    // The standard library: std, and its own abbreviations.
    "St", "Sa", "Sb", "Ss", "Si", "So", "Sd", "9__gnu_cxx", "10__cxxabiv1"};

constexpr absl::string_view kLibraries[] = {"libtorch", "libc10", "libcaffe2",
                                            "libATen"};

// What runs the program's threads and calls its functions back; sanitizers
// stand between both. Where Python calls LibTorch, no code is the program's.
constexpr absl::string_view kRunners[] = {
    "libstdc++",   "libc++",   "libc.",      "libc-",   "libgomp",
    "libomp",      "libiomp",  "libpthread", "libasan", "libtsan",
    "libclang_rt", "libubsan", "libpython",  "python3", "libtorch_python"};

template <typename Prefixes>
bool StartsWithAny(absl::string_view name, const Prefixes& prefixes) {
  return std::any_of(std::begin(prefixes), std::end(prefixes),
                     [name](absl::string_view prefix) {
                       return absl::StartsWith(name, prefix);
                     });
}

// A file as it lies in memory; empty if it cannot be read.
class MappedFile {
 public:
  explicit MappedFile(const std::string& path) {
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    struct stat facts;
    if (fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode) && facts.st_size > 0) {
      const auto bytes = static_cast<size_t>(facts.st_size);
      void* const at = mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, fd, 0);
      if (at != MAP_FAILED) bytes_ = {static_cast<const char*>(at), bytes};
    }
    close(fd);
  }
  ~MappedFile() {
    if (!bytes_.empty()) {
      munmap(const_cast<char*>(bytes_.data()), bytes_.size());
    }
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  template <typename Thing>
  bool Read(uint64_t at, Thing* thing) const {
    if (at > bytes_.size() || bytes_.size() - at < sizeof *thing) return false;
    std::memcpy(thing, bytes_.data() + at, sizeof *thing);
    return true;
  }
  // The text that a zero ends; empty if it does not lie in the file.
  absl::string_view TextAt(uint64_t at, uint64_t end) const {
    if (end > bytes_.size() || at >= end) return {};
    const absl::string_view rest = bytes_.substr(at, end - at);
    const size_t length = rest.find('\0');
    return length == absl::string_view::npos ? absl::string_view()
                                             : rest.substr(0, length);
  }

 private:
  absl::string_view bytes_;
};

// Begin and end of functions, as the file numbers addresses; in order.
using Functions = std::vector<std::pair<uint64_t, uint64_t>>;

void AddSymbols(const MappedFile& file, const ElfW(Shdr) & symbols,
                const ElfW(Shdr) & strings, Functions* functions) {
  for (uint64_t at = 0; at + sizeof(ElfW(Sym)) <= symbols.sh_size;
       at += sizeof(ElfW(Sym))) {
    ElfW(Sym) symbol;
    if (!file.Read(symbols.sh_offset + at, &symbol)) return;
    if (ELF64_ST_TYPE(symbol.st_info) != STT_FUNC || symbol.st_size == 0 ||
        symbol.st_shndx == SHN_UNDEF) {
      continue;
    }
    if (IsHeaderName(file.TextAt(strings.sh_offset + symbol.st_name,
                                 strings.sh_offset + strings.sh_size))) {
      functions->emplace_back(symbol.st_value,
                              symbol.st_value + symbol.st_size);
    }
  }
}

Functions ReadHeaderFunctions(const std::string& path) {
  Functions functions;
  const MappedFile file(path);
  ElfW(Ehdr) header;
  if (!file.Read(0, &header) ||
      std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
      header.e_shentsize != sizeof(ElfW(Shdr))) {
    return functions;
  }
  const auto section_at = [&](uint64_t index, ElfW(Shdr) * section) {
    return index < header.e_shnum &&
           file.Read(header.e_shoff + index * sizeof(ElfW(Shdr)), section);
  };
  for (uint64_t i = 0; i < header.e_shnum; ++i) {
    ElfW(Shdr) symbols, strings;
    if (!section_at(i, &symbols)) break;
    if (symbols.sh_type != SHT_SYMTAB) continue;
    if (!section_at(symbols.sh_link, &strings)) break;
    AddSymbols(file, symbols, strings, &functions);
  }
  std::sort(functions.begin(), functions.end());
  return functions;
}

class KnownCode {
 public:
  CodeKind Find(uint64_t address) {
    const uint64_t code = address - 1;  // of the call itself
    const std::lock_guard<std::mutex> lock(mutex_);
    const CodeObject* const object = objects_.Find(code);
    if (object == nullptr) return CodeKind::kUnknown;
    const absl::string_view path = object->path;
    const absl::string_view name = path.substr(path.rfind('/') + 1);
    if (StartsWithAny(name, kRunners)) return CodeKind::kUnknown;
    if (StartsWithAny(name, kLibraries)) return CodeKind::kLibTorch;
    // The file is the one that was loaded if its build says so; without, path
    // and place have to do.
    auto [known, added] =
        functions_.try_emplace(std::make_pair(object->path, object->build_id));
    if (added) known->second = ReadHeaderFunctions(object->path);
    const Functions& functions = known->second;
    const uint64_t at = code - object->load_address;
    auto after = std::upper_bound(functions.begin(), functions.end(),
                                  std::make_pair(at, ~uint64_t{0}));
    const bool inside =
        after != functions.begin() && at < std::prev(after)->second;
    return inside ? CodeKind::kHeader : CodeKind::kPrograms;
  }

 private:
  std::mutex mutex_;
  CodeObjects objects_;
  std::map<std::pair<std::string, std::string>, Functions> functions_;
};

}  // namespace

bool IsHeaderName(absl::string_view mangled) {
  if (!absl::ConsumePrefix(&mangled, "_Z")) return false;
  // Something inside of a function: a lambda, a class of its own.
  while (absl::ConsumePrefix(&mangled, "Z")) {
  }
  if (absl::ConsumePrefix(&mangled, "N")) {
    // const, volatile, restrict; of what it is called on.
    while (!mangled.empty() && absl::string_view("rVKRO").find(mangled[0]) !=
                                   absl::string_view::npos) {
      mangled.remove_prefix(1);
    }
  } else if (!absl::StartsWith(mangled, "St")) {
    return false;
  }
  return StartsWithAny(mangled, kNames);
}

CodeKind KindOfCode(uint64_t address) {
  // Never destroyed: threads may record until the process ends.
  static KnownCode* const code = new KnownCode;
  return code->Find(address);
}

}  // namespace torchtape::internal
