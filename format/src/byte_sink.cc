#include "torchtape/format/byte_sink.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "file_error.h"
#include "new_file.h"

namespace torchtape::format {
namespace {

class FileSink : public ByteSink {
 public:
  // The file is empty, so it can be tried whether holes can be made.
  FileSink(std::string path, int file)
      : path_(std::move(path)), file_(file), can_punch_(Punch(0, 1)) {}
  ~FileSink() override {
    if (file_ >= 0) close(file_);
  }
  FileSink(const FileSink&) = delete;
  FileSink& operator=(const FileSink&) = delete;

  absl::Status Append(absl::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t n = write(file_, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return internal::FileError(errno, path_);
      bytes.remove_prefix(static_cast<size_t>(n));
    }
    return absl::OkStatus();
  }

  absl::Status Sync() override {
    // A device has nothing to hand to a disk and says EINVAL.
    if (fdatasync(file_) != 0 && errno != EINVAL) {
      return internal::FileError(errno, path_);
    }
    if (!std::exchange(folder_is_synced_, true)) SyncFolder();
    return absl::OkStatus();
  }

  // The head first: who reads it does not look at what is behind it.
  absl::Status Release(uint64_t offset, uint64_t bytes,
                       absl::string_view head) override {
    if (!can_punch_.ok()) return can_punch_;
    const ssize_t n =
        pwrite(file_, head.data(), head.size(), static_cast<off_t>(offset));
    if (n != static_cast<ssize_t>(head.size())) {
      return internal::FileError(n < 0 ? errno : ENOSPC, path_);
    }
    return Punch(offset + head.size(), bytes - head.size());
  }
  absl::Status CanRelease() const override { return can_punch_; }

  absl::Status Close() override {
    if (file_ < 0) return absl::OkStatus();
    // The descriptor is gone whatever close() answers. A quota may be found
    // full only now.
    const int result = close(std::exchange(file_, -1));
    if (result == 0 || errno == EINTR) return absl::OkStatus();
    return internal::FileError(errno, path_);
  }

 private:
  absl::Status Punch(uint64_t offset, uint64_t bytes) {
    while (fallocate(file_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                     static_cast<off_t>(offset),
                     static_cast<off_t>(bytes)) != 0) {
      if (errno == EINTR) continue;
      return absl::UnimplementedError(
          internal::FileError(errno, path_).message());
    }
    return absl::OkStatus();
  }

  // The file's name. Not every file system can, and what it does by itself
  // mostly suffices.
  void SyncFolder() {
    const size_t slash = path_.rfind('/');
    const std::string folder =
        slash == std::string::npos ? "." : path_.substr(0, slash + 1);
    const int opened = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (opened < 0) return;
    fsync(opened);
    close(opened);
  }

  const std::string path_;
  int file_;
  const absl::Status can_punch_;
  bool folder_is_synced_ = false;
};

class StringSink : public ByteSink {
 public:
  explicit StringSink(std::string* bytes) : bytes_(bytes) {}

  absl::Status Append(absl::string_view bytes) override {
    bytes_->append(bytes.data(), bytes.size());
    return absl::OkStatus();
  }
  absl::Status Sync() override { return absl::OkStatus(); }
  absl::Status Release(uint64_t offset, uint64_t bytes,
                       absl::string_view head) override {
    bytes_->replace(offset, bytes, bytes, '\0');
    bytes_->replace(offset, head.size(), head.data(), head.size());
    return absl::OkStatus();
  }
  absl::Status CanRelease() const override { return absl::OkStatus(); }
  absl::Status Close() override { return absl::OkStatus(); }

 private:
  std::string* const bytes_;
};

}  // namespace

absl::Status ByteSink::Release(uint64_t, uint64_t, absl::string_view) {
  return CanRelease();
}

absl::Status ByteSink::CanRelease() const {
  return absl::UnimplementedError("bytes cannot be given back");
}

absl::StatusOr<std::unique_ptr<ByteSink>> CreateFile(const std::string& path) {
  absl::StatusOr<int> file = internal::OpenNewFile(path);
  if (!file.ok()) return file.status();
  return std::make_unique<FileSink>(path, *file);
}

std::unique_ptr<ByteSink> ToString(std::string* bytes) {
  return std::make_unique<StringSink>(bytes);
}

}  // namespace torchtape::format
