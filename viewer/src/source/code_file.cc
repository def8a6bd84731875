#include "source/code_file.h"

#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <gelf.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <tuple>
#include <utility>

#include "source/function_name.h"

namespace torchtape::viewer {
namespace {

// Symbols that lie inside of others are few.
constexpr int kMaxNesting = 16;

// Of names for the same code: the one that others can see.
int PreferenceOf(const GElf_Sym& symbol) {
  switch (GELF_ST_BIND(symbol.st_info)) {
    case STB_GLOBAL:
      return 2;
    case STB_WEAK:
      return 1;
    default:
      return 0;
  }
}

// Only a plain file: another kind could block, or never end.
int OpenPlainFile(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat facts;
  if (file < 0) return -1;
  if (fstat(file, &facts) == 0 && S_ISREG(facts.st_mode)) return file;
  close(file);
  return -1;
}

std::string BuildIdOf(Elf* elf) {
  const void* bytes = nullptr;
  const ssize_t size = dwelf_elf_gnu_build_id(elf, &bytes);
  if (size <= 0) return "";
  return std::string(static_cast<const char*>(bytes),
                     static_cast<size_t>(size));
}

}  // namespace

CodeFile::CodeFile(std::string path, int file, Elf* elf)
    : path_(std::move(path)), file_(file), elf_(elf) {
  has_lines_ = HasSection(".debug_info") || HasSection(".zdebug_info");
}

CodeFile::~CodeFile() {
  lines_.reset();
  elf_end(elf_);
  close(file_);
}

absl::StatusOr<std::unique_ptr<CodeFile>> CodeFile::Open(
    const std::string& path, const std::string& build_id) {
  elf_version(EV_CURRENT);
  const int file = OpenPlainFile(path);
  if (file < 0) return absl::NotFoundError("there is no such file");
  Elf* elf = elf_begin(file, ELF_C_READ_MMAP, nullptr);
  if (elf == nullptr || elf_kind(elf) != ELF_K_ELF) {
    elf_end(elf);
    close(file);
    return absl::InvalidArgumentError("the file there is no object file");
  }
  if (build_id.empty() || BuildIdOf(elf) != build_id) {
    elf_end(elf);
    close(file);
    return absl::FailedPreconditionError("the file there is another build");
  }
  return std::unique_ptr<CodeFile>(new CodeFile(path, file, elf));
}

bool CodeFile::HasSection(const char* name) const {
  size_t names = 0;
  if (elf_getshdrstrndx(elf_, &names) != 0) return false;
  for (Elf_Scn* section = nullptr;
       (section = elf_nextscn(elf_, section)) != nullptr;) {
    GElf_Shdr header;
    if (gelf_getshdr(section, &header) == nullptr) continue;
    const char* text = elf_strptr(elf_, names, header.sh_name);
    if (text != nullptr && std::strcmp(text, name) == 0) {
      return header.sh_type != SHT_NOBITS;
    }
  }
  return false;
}

std::string CodeFile::debug_link() const {
  GElf_Word checksum = 0;
  const char* name = dwelf_elf_gnu_debuglink(elf_, &checksum);
  return name == nullptr ? "" : name;
}

std::vector<SourceFrame> CodeFile::Lines(uint64_t address) {
  if (!has_lines_) return {};
  if (lines_ == nullptr) lines_ = CodeLines::Read(elf_);
  if (lines_ == nullptr) {
    has_lines_ = false;
    return {};
  }
  return lines_->Find(address);
}

void CodeFile::ReadSymbols(uint32_t section_type) {
  for (Elf_Scn* section = nullptr;
       (section = elf_nextscn(elf_, section)) != nullptr;) {
    GElf_Shdr header;
    if (gelf_getshdr(section, &header) == nullptr) continue;
    if (header.sh_type != section_type) continue;
    Elf_Data* data = elf_getdata(section, nullptr);
    GElf_Sym symbol;
    for (int i = 0; gelf_getsym(data, i, &symbol) != nullptr; ++i) {
      const int type = GELF_ST_TYPE(symbol.st_info);
      if (type != STT_FUNC && type != STT_GNU_IFUNC) continue;
      const uint64_t end = symbol.st_value + symbol.st_size;
      if (symbol.st_shndx == SHN_UNDEF || end <= symbol.st_value) continue;
      const char* name = elf_strptr(elf_, header.sh_link, symbol.st_name);
      if (name == nullptr || *name == '\0') continue;
      symbols_.push_back({symbol.st_value, end, PreferenceOf(symbol), name});
    }
  }
  std::stable_sort(symbols_.begin(), symbols_.end(),
                   [](const SymbolRange& a, const SymbolRange& b) {
                     return std::tie(a.begin, a.preference) <
                            std::tie(b.begin, b.preference);
                   });
}

std::string CodeFile::Symbol(uint64_t address) {
  if (!has_read_symbols_) {
    has_read_symbols_ = true;
    ReadSymbols(SHT_SYMTAB);
    if (symbols_.empty()) ReadSymbols(SHT_DYNSYM);
  }
  auto it = std::upper_bound(
      symbols_.begin(), symbols_.end(), address,
      [](uint64_t at, const SymbolRange& symbol) { return at < symbol.begin; });
  for (int i = 0; i < kMaxNesting && it != symbols_.begin(); ++i) {
    --it;
    if (address < it->end) return FunctionName(it->name);
  }
  return "";
}

}  // namespace torchtape::viewer
