#include "torchtape/format/byte_sink.h"

#include <unistd.h>

#include <cerrno>
#include <utility>

#include "file_error.h"
#include "new_file.h"

namespace torchtape::format {
namespace {

class FileSink : public ByteSink {
 public:
  FileSink(std::string path, int file) : path_(std::move(path)), file_(file) {}
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
    if (fdatasync(file_) == 0 || errno == EINVAL) return absl::OkStatus();
    return internal::FileError(errno, path_);
  }

  absl::Status Close() override {
    if (file_ < 0) return absl::OkStatus();
    // The descriptor is gone whatever close() answers. A quota may be found
    // full only now.
    const int result = close(std::exchange(file_, -1));
    if (result == 0 || errno == EINTR) return absl::OkStatus();
    return internal::FileError(errno, path_);
  }

 private:
  const std::string path_;
  int file_;
};

class StringSink : public ByteSink {
 public:
  explicit StringSink(std::string* bytes) : bytes_(bytes) {}

  absl::Status Append(absl::string_view bytes) override {
    bytes_->append(bytes.data(), bytes.size());
    return absl::OkStatus();
  }
  absl::Status Sync() override { return absl::OkStatus(); }
  absl::Status Close() override { return absl::OkStatus(); }

 private:
  std::string* const bytes_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ByteSink>> CreateFile(const std::string& path) {
  absl::StatusOr<int> file = internal::OpenNewFile(path);
  if (!file.ok()) return file.status();
  return std::make_unique<FileSink>(path, *file);
}

std::unique_ptr<ByteSink> ToString(std::string* bytes) {
  return std::make_unique<StringSink>(bytes);
}

}  // namespace torchtape::format
