#ifndef TORCHTAPE_FORMAT_SRC_FRAMING_H_
#define TORCHTAPE_FORMAT_SRC_FRAMING_H_

// The fixed-size parts of a log as bytes and back. Each goes through one
// function in each direction; the sizes are in layout.h.

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "torchtape/format/layout.h"

namespace torchtape::format::internal {

struct FileHeader {
  uint16_t major = 0;
  uint16_t minor = 0;
};

struct ChunkHeader {
  uint8_t kind = 0;
  uint8_t codec = 0;
  uint32_t stored_bytes = 0;  // of the payload alone
  uint32_t raw_bytes = 0;
  uint32_t payload_crc = 0;
  uint64_t number = 0;
  uint32_t more_chunks = 0;  // that lay here, of a Released chunk
};

struct Footer {
  uint64_t index_offset = 0;
};

std::string Encode(const FileHeader& header);
std::string Encode(const ChunkHeader& header);
std::string Encode(const Footer& footer);
// The header that stands for `chunks` chunks, from `number` on, that took
// `bytes` bytes, headers and all.
std::string EncodeReleased(uint64_t bytes, uint64_t number, uint64_t chunks);

// Each returns nullopt if `bytes` is too short, or if marks or checksum are
// wrong. More bytes may follow. What the values mean is not looked at.
std::optional<FileHeader> DecodeFileHeader(absl::string_view bytes);
std::optional<ChunkHeader> DecodeChunkHeader(absl::string_view bytes);
std::optional<Footer> DecodeFooter(absl::string_view bytes);

// Views of the marks in layout.h.
absl::string_view FileMagic();
absl::string_view ChunkSync();
absl::string_view FooterMagic();

}  // namespace torchtape::format::internal

#endif  // TORCHTAPE_FORMAT_SRC_FRAMING_H_
