#include "torchtape/format/byte_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "file_error.h"

namespace torchtape::format {
namespace {

class FileSource : public ByteSource {
 public:
  FileSource(std::string path, int file, uint64_t size)
      : path_(std::move(path)), file_(file), size_(size) {}
  ~FileSource() override { close(file_); }
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;

  uint64_t size() const override { return size_; }

  absl::StatusOr<std::string> Read(uint64_t offset,
                                   size_t length) const override {
    if (offset >= size_) return std::string();
    std::string bytes(std::min<uint64_t>(length, size_ - offset), '\0');
    size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t n = pread(file_, bytes.data() + done, bytes.size() - done,
                              static_cast<off_t>(offset + done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) {
        return absl::UnavailableError(
            internal::FileError(errno, path_).message());
      }
      if (n == 0) break;  // the file became shorter
      done += static_cast<size_t>(n);
    }
    bytes.resize(done);
    return bytes;
  }

 private:
  const std::string path_;
  const int file_;
  const uint64_t size_;
};

class StringSource : public ByteSource {
 public:
  explicit StringSource(std::string bytes) : bytes_(std::move(bytes)) {}

  uint64_t size() const override { return bytes_.size(); }

  absl::StatusOr<std::string> Read(uint64_t offset,
                                   size_t length) const override {
    if (offset >= bytes_.size()) return std::string();
    return bytes_.substr(offset, length);
  }

 private:
  const std::string bytes_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ByteSource>> OpenFile(const std::string& path) {
  // O_NONBLOCK: opening a pipe that nobody writes to must not wait.
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return internal::FileError(errno, path);
  struct stat facts;
  const bool known = fstat(file, &facts) == 0;
  if (!known || !S_ISREG(facts.st_mode)) {
    const int error = errno;
    close(file);
    if (!known) return internal::FileError(error, path);
    return absl::UnavailableError(absl::StrCat(
        path, S_ISDIR(facts.st_mode) ? ": is a folder" : ": is not a file"));
  }
  return std::make_unique<FileSource>(path, file,
                                      static_cast<uint64_t>(facts.st_size));
}

std::unique_ptr<ByteSource> FromString(std::string bytes) {
  return std::make_unique<StringSource>(std::move(bytes));
}

}  // namespace torchtape::format
