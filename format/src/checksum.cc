#include "checksum.h"

#include <zlib.h>

#include <algorithm>

namespace torchtape::format::internal {

uint32_t Crc32(absl::string_view bytes) {
  return static_cast<uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

uint32_t Crc32OfZeros(uint64_t count) {
  static constexpr Bytef kZeros[size_t{64} << 10] = {};
  uLong checksum = 0;
  for (uint64_t done = 0; done < count; done += sizeof kZeros) {
    checksum = crc32_z(checksum, kZeros,
                       std::min<uint64_t>(count - done, sizeof kZeros));
  }
  return static_cast<uint32_t>(checksum);
}

}  // namespace torchtape::format::internal
