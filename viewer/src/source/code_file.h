#ifndef TORCHTAPE_VIEWER_SRC_SOURCE_CODE_FILE_H_
#define TORCHTAPE_VIEWER_SRC_SOURCE_CODE_FILE_H_

// An executable, a shared library, or the separate debug file of one.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "source/code_lines.h"
#include "source/source_frame.h"
#include "source/symbol_table.h"

namespace torchtape::viewer {

class CodeFile {
 public:
  // Opens a file and looks at nothing but its notes. Fails with
  //   NotFound            there is no such file, or it may not be read
  //   InvalidArgument     it is no object file
  //   FailedPrecondition  it has another build id
  static absl::StatusOr<std::unique_ptr<CodeFile>> Open(
      const std::string& path, const std::string& build_id);
  ~CodeFile();

  // Whether there is debug information.
  bool has_lines() const { return has_lines_; }

  // The frames that hold the code at an address, innermost first; empty if the
  // debug information does not tell.
  std::vector<SourceFrame> Lines(uint64_t address);

  // The function at an address by the symbol table; empty if none is there.
  std::string Symbol(uint64_t address);

  // The name of the file that the debug information was moved to, or empty.
  std::string debug_link() const;

  const std::string& path() const { return path_; }

 private:
  CodeFile(std::string path, int file, Elf* elf);
  bool HasSection(const char* name) const;

  const std::string path_;
  const int file_;
  Elf* const elf_;
  bool has_lines_ = false;
  // Read when first asked.
  std::unique_ptr<CodeLines> lines_;
  std::unique_ptr<SymbolTable> symbols_;
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_SOURCE_CODE_FILE_H_
