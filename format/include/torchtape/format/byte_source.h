#ifndef TORCHTAPE_FORMAT_BYTE_SOURCE_H_
#define TORCHTAPE_FORMAT_BYTE_SOURCE_H_

// Where the bytes of a log come from: a file, or memory in tests.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace torchtape::format {

class ByteSource {
 public:
  virtual ~ByteSource() = default;

  // Total number of bytes.
  virtual uint64_t size() const = 0;

  // Reads up to `length` bytes at `offset`; fewer only at the end of the
  // source. Fails with Unavailable if the device reports an error.
  virtual absl::StatusOr<std::string> Read(uint64_t offset,
                                           size_t length) const = 0;
};

// Opens a file. Fails with NotFound, PermissionDenied or Unavailable; the
// message names the file.
absl::StatusOr<std::unique_ptr<ByteSource>> OpenFile(const std::string& path);

// Bytes in memory.
std::unique_ptr<ByteSource> FromString(std::string bytes);

}  // namespace torchtape::format

#endif  // TORCHTAPE_FORMAT_BYTE_SOURCE_H_
