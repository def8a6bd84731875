#ifndef TORCHTAPE_FORMAT_SRC_ZSTD_CODEC_H_
#define TORCHTAPE_FORMAT_SRC_ZSTD_CODEC_H_

// One payload is one zstd frame that tells its content size.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace torchtape::format::internal {

// The largest frame that `raw_bytes` bytes can become.
size_t MaxCompressedBytes(size_t raw_bytes);

// Compresses one payload after another with the same working memory.
class Compressor {
 public:
  Compressor();
  ~Compressor();
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;

  // Appends the compressed `raw` to `stored`. Fails with ResourceExhausted if
  // memory runs out, and then leaves `stored` as it was.
  absl::Status Append(absl::string_view raw, std::string* stored);

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

// Undoes `Compressor`. Fails with DataLoss unless `stored` is exactly one frame
// that says it holds `raw_bytes` bytes and does.
absl::StatusOr<std::string> Decompress(absl::string_view stored,
                                       uint32_t raw_bytes);

}  // namespace torchtape::format::internal

#endif  // TORCHTAPE_FORMAT_SRC_ZSTD_CODEC_H_
