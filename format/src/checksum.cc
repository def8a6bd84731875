#include "checksum.h"

#include <zlib.h>

namespace torchtape::format::internal {

uint32_t Crc32(absl::string_view bytes) {
  return static_cast<uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

}  // namespace torchtape::format::internal
