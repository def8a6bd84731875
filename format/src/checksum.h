#ifndef TORCHTAPE_FORMAT_SRC_CHECKSUM_H_
#define TORCHTAPE_FORMAT_SRC_CHECKSUM_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace torchtape::format::internal {

// The CRC-32 of zlib, PNG and Ethernet (polynomial 0xedb88320, reflected).
uint32_t Crc32(absl::string_view bytes);
uint32_t Crc32OfZeros(uint64_t count);

}  // namespace torchtape::format::internal

#endif  // TORCHTAPE_FORMAT_SRC_CHECKSUM_H_
