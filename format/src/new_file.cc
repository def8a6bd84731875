#include "new_file.h"

#include <fcntl.h>
#include <stdio.h>  // renameat2
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "file_error.h"
#include "torchtape/format/journal.h"

namespace torchtape::format::internal {
namespace {

// Enough for anyone who does not clean up; bounds the search.
constexpr int kMaxNumber = 1 << 20;

// How often another process may snatch the path away before we give up.
constexpr int kMaxAttempts = 100;

int CreateExclusively(const std::string& path) {
  return open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
}

// For file systems without RENAME_NOREPLACE: takes the new name with an empty
// file of our own, which alone the rename then replaces.
int RenameOverPlaceholder(const std::string& from, const std::string& to) {
  const int placeholder = CreateExclusively(to);
  if (placeholder < 0) return errno;
  close(placeholder);
  if (rename(from.c_str(), to.c_str()) == 0) return 0;
  const int error = errno;
  unlink(to.c_str());
  return error;
}

// Returns 0 or an error number; EEXIST if `to` is taken.
int RenameToFreeName(const std::string& from, const std::string& to) {
  if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(),
                RENAME_NOREPLACE) == 0) {
    return 0;
  }
  if (errno != EINVAL && errno != ENOSYS) return errno;
  return RenameOverPlaceholder(from, to);
}

// Whether there is something at `path` that is not an ordinary file, such as
// a device, a folder or a link. Those are never renamed.
bool IsSpecial(const std::string& path) {
  struct stat facts;
  return lstat(path.c_str(), &facts) == 0 && !S_ISREG(facts.st_mode);
}

// Moves the file at `path` out of the way. It is fine if it is gone already.
absl::Status KeepOlderFile(const std::string& path) {
  for (int number = 1; number < kMaxNumber; ++number) {
    const std::string free_path = NumberedPath(path, number);
    const int error = RenameToFreeName(path, free_path);
    // A log takes along the journal of a run that was killed.
    if (error == 0) {
      if (IsSpecial(JournalPath(path))) return absl::OkStatus();
      RenameToFreeName(JournalPath(path), JournalPath(free_path));
      return absl::OkStatus();
    }
    if (error == ENOENT) return absl::OkStatus();
    if (error != EEXIST) return FileError(error, path);
  }
  return FileError(EEXIST, path);
}

absl::StatusOr<int> OpenDevice(const std::string& path) {
  struct stat facts;
  if (stat(path.c_str(), &facts) != 0) return FileError(errno, path);
  if (!S_ISCHR(facts.st_mode)) {
    return absl::UnavailableError(absl::StrCat(
        path, S_ISDIR(facts.st_mode) ? ": is a folder" : ": is not a file"));
  }
  const int file = open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY);
  if (file < 0) return FileError(errno, path);
  return file;
}

}  // namespace

std::string NumberedPath(const std::string& path, int number) {
  const size_t slash = path.rfind('/');
  const size_t name = slash == std::string::npos ? 0 : slash + 1;
  const size_t dot = path.rfind('.');
  // The dot of ".tape" starts a hidden name, not an extension.
  if (dot == std::string::npos || dot <= name) {
    return absl::StrCat(path, ".", number);
  }
  return absl::StrCat(path.substr(0, dot), ".", number, path.substr(dot));
}

absl::StatusOr<int> OpenNewFile(const std::string& path) {
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    const int file = CreateExclusively(path);
    if (file >= 0) return file;
    if (errno == EINTR) continue;
    if (errno != EEXIST) return FileError(errno, path);
    if (IsSpecial(path)) return OpenDevice(path);
    if (absl::Status status = KeepOlderFile(path); !status.ok()) return status;
  }
  return FileError(EEXIST, path);
}

}  // namespace torchtape::format::internal
