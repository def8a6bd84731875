#include "source/code_file.h"

#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <gelf.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "source/function_name.h"

namespace torchtape::viewer {
namespace {

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

std::string CodeFile::Symbol(uint64_t address) {
  if (symbols_ == nullptr) symbols_ = std::make_unique<SymbolTable>(elf_);
  const char* name = symbols_->Find(address);
  return name == nullptr ? "" : FunctionName(name);
}

}  // namespace torchtape::viewer
