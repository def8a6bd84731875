#include "output/output.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "torchtape/format/recovery.h"

namespace torchtape::viewer {
namespace {

// A device or pipe cannot be replaced by a file.
bool IsReplaceable(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  return !std::filesystem::exists(status) ||
         std::filesystem::is_regular_file(status);
}

absl::Status CannotWrite(const std::string& path, int error) {
  return absl::UnavailableError(absl::StrCat(
      path, ": cannot be written",
      error == 0 ? "" : absl::StrCat(" (", std::strerror(error), ")")));
}

}  // namespace

// What a link leads to is replaced, not the link.
Output::Output(const std::string& path) : path_(format::TargetOf(path)) {
  if (path_.empty()) return;
  if (IsReplaceable(path_)) {
    partial_path_ = absl::StrCat(path_, ".", getpid(), ".partial");
  }
  errno = 0;
  file_.open(partial_path_.empty() ? path_ : partial_path_,
             std::ios::binary | std::ios::trunc);
  if (!file_) status_ = CannotWrite(path, errno);
}

Output::~Output() {
  if (partial_path_.empty()) return;
  file_.close();
  std::remove(partial_path_.c_str());
}

std::ostream& Output::stream() {
  if (path_.empty()) return std::cout;
  return file_;
}

absl::Status Output::Commit() {
  if (!status_.ok()) return status_;
  errno = 0;
  stream().flush();
  if (!stream()) {
    return CannotWrite(path_.empty() ? "standard output" : path_, errno);
  }
  if (partial_path_.empty()) return absl::OkStatus();
  file_.close();
  if (!file_ || std::rename(partial_path_.c_str(), path_.c_str()) != 0) {
    return CannotWrite(path_, errno);
  }
  partial_path_.clear();
  return absl::OkStatus();
}

bool StdoutIsTerminal() { return isatty(STDOUT_FILENO) == 1; }
bool StderrIsTerminal() { return isatty(STDERR_FILENO) == 1; }

}  // namespace torchtape::viewer
