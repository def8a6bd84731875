#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "file_error.h"
#include "torchtape/format/journal.h"
#include "torchtape/format/log_reader.h"
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

// Who may read the copy is who may read `like`.
absl::Status Copy(const ByteSource& from, const std::string& like,
                  const std::string& to) {
  struct stat of_like;
  const mode_t mode = stat(like.c_str(), &of_like) == 0 ? of_like.st_mode & 0777
                                                        : S_IRUSR | S_IWUSR;
  const File file(
      open(to.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
  if (file.number < 0) return internal::FileError(errno, to);
  fchmod(file.number, mode);  // whatever the mask
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

// Why nothing can be recovered.
absl::Status WithoutJournal(const std::string& log_path,
                            std::shared_ptr<ByteSource> log) {
  const absl::StatusOr<LogReader> reader = LogReader::Open(std::move(log));
  if (!reader.ok()) return InFile(log_path, reader.status());
  return absl::FailedPreconditionError(absl::StrCat(
      log_path,
      reader->index()
          ? ": is finished: there is nothing to recover"
          : ": has no journal beside it: there is nothing more to recover"));
}

}  // namespace

std::string TargetOf(const std::string& path) {
  std::error_code error;
  const auto target = std::filesystem::canonical(path, error);
  return error ? path : target.string();
}

absl::StatusOr<bool> IsBeingRecorded(const std::string& journal_path) {
  const File file(
      open(journal_path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.number < 0) return internal::FileError(errno, journal_path);
  return IsLocked(file.number);
}

absl::StatusOr<Recovery> RecoverFile(const std::string& log_path,
                                     const std::string& to) {
  const std::string real_path = TargetOf(log_path);
  const std::string to_path = to == log_path ? real_path : to;
  const std::string journal_path = JournalPath(real_path);
  absl::StatusOr<std::unique_ptr<ByteSource>> log = OpenFile(log_path);
  if (!log.ok()) return log.status();
  absl::StatusOr<bool> live = IsBeingRecorded(journal_path);
  if (absl::IsNotFound(live.status())) {
    return WithoutJournal(log_path, *std::move(log));
  }
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
  absl::Status status = Copy(*recovery->log, real_path, partial);
  if (status.ok() && std::rename(partial.c_str(), to_path.c_str()) != 0) {
    status = internal::FileError(errno, to_path);
  }
  if (!status.ok()) {
    unlink(partial.c_str());
    return status;
  }
  SyncFolderOf(to_path);
  if (to_path == real_path && recovery->problems.empty()) {
    unlink(journal_path.c_str());
  }
  return recovery;
}

}  // namespace torchtape::format
