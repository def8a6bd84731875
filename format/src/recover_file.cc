#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "file_error.h"
#include "torchtape/format/journal.h"
#include "torchtape/format/recovery.h"

namespace torchtape::format {
namespace {

constexpr size_t kCopyBytes = size_t{1} << 20;
constexpr size_t kHoleBytes = size_t{4} << 10;

absl::Status InFile(const std::string& path, const absl::Status& status) {
  return absl::Status(status.code(),
                      absl::StrCat(path, ": ", status.message()));
}

// Which of the two files a failure of Recover() is about.
const std::string& Blamed(const absl::Status& status,
                          const std::string& log_path,
                          const std::string& journal_path) {
  const bool journal = status.message().substr(0, 7) == "offset ";
  return journal ? journal_path : log_path;
}

struct File {
  explicit File(int file) : number(file) {}
  ~File() {
    if (number >= 0) close(number);
  }
  const int number;
};

bool IsLocked(int file) {
  struct flock whole = {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  return fcntl(file, F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
}

absl::Status Copy(const ByteSource& from, const std::string& to) {
  const File file(
      open(to.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (file.number < 0) return internal::FileError(errno, to);
  const std::string zeros(kHoleBytes, '\0');
  for (uint64_t offset = 0; offset < from.size();) {
    absl::StatusOr<std::string> bytes = from.Read(offset, kCopyBytes);
    if (!bytes.ok()) return bytes.status();
    if (bytes->empty()) return absl::UnavailableError("the log became shorter");
    for (size_t done = 0; done < bytes->size();) {
      const size_t piece = std::min(kHoleBytes, bytes->size() - done);
      // What was given back to the disk stays so.
      if (bytes->compare(done, piece, zeros, 0, piece) == 0) {
        done += piece;
        continue;
      }
      const ssize_t n = pwrite(file.number, bytes->data() + done, piece,
                               static_cast<off_t>(offset + done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return internal::FileError(errno, to);
      done += static_cast<size_t>(n);
    }
    offset += bytes->size();
  }
  if (ftruncate(file.number, static_cast<off_t>(from.size())) != 0) {
    return internal::FileError(errno, to);
  }
  if (fsync(file.number) != 0) return internal::FileError(errno, to);
  return absl::OkStatus();
}

// So that the new name survives a loss of power. Not all file systems can.
void SyncFolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder =
      slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const File file(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (file.number >= 0) fsync(file.number);
}

}  // namespace

absl::StatusOr<bool> IsBeingRecorded(const std::string& journal_path) {
  const File file(
      open(journal_path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.number < 0) return internal::FileError(errno, journal_path);
  return IsLocked(file.number);
}

absl::StatusOr<Recovery> RecoverFile(const std::string& log_path,
                                     const std::string& to_path) {
  const std::string journal_path = JournalPath(log_path);
  absl::StatusOr<std::unique_ptr<ByteSource>> log = OpenFile(log_path);
  if (!log.ok()) return log.status();
  absl::StatusOr<bool> live = IsBeingRecorded(journal_path);
  if (!live.ok()) return live.status();
  if (*live) {
    return absl::FailedPreconditionError(
        absl::StrCat(log_path, ": the run is still recording"));
  }
  absl::StatusOr<std::unique_ptr<ByteSource>> journal = OpenFile(journal_path);
  if (!journal.ok()) return journal.status();
  absl::StatusOr<Recovery> recovery = Recover(*std::move(log), **journal);
  if (!recovery.ok()) {
    return InFile(Blamed(recovery.status(), log_path, journal_path),
                  recovery.status());
  }
  const std::string partial = absl::StrCat(to_path, ".", getpid(), ".partial");
  absl::Status status = Copy(*recovery->log, partial);
  if (status.ok() && std::rename(partial.c_str(), to_path.c_str()) != 0) {
    status = internal::FileError(errno, to_path);
  }
  if (!status.ok()) {
    unlink(partial.c_str());
    return status;
  }
  SyncFolderOf(to_path);
  if (to_path == log_path && recovery->problems.empty()) {
    unlink(journal_path.c_str());
  }
  return recovery;
}

}  // namespace torchtape::format
