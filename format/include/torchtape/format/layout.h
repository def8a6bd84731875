#ifndef TORCHTAPE_FORMAT_LAYOUT_H_
#define TORCHTAPE_FORMAT_LAYOUT_H_

// The bytes around the payloads of a log: constants only. FORMAT.md says what
// they mean and why they are so. All integers are little-endian.

#include <cstddef>
#include <cstdint>

namespace torchtape::format {

// File header, 16 bytes: magic (8), major (u16), minor (u16), CRC-32 of these
// 12 bytes (u32).
inline constexpr size_t kFileHeaderBytes = 16;
inline constexpr unsigned char kFileMagic[8] = {0x89, 'T',  'A',  'P',
                                                'E',  0x0d, 0x0a, 0x1a};
inline constexpr uint16_t kMajorVersion = 1;
inline constexpr uint16_t kMinorVersion = 3;

// Chunk header, 40 bytes: sync mark (8), kind (u8), codec (u8), zero (u16),
// stored_bytes (u32), raw_bytes (u32), CRC-32 of the stored payload (u32),
// number of the chunk (u64), chunks more that lay there (u32, 0 unless it is
// Released), CRC-32 of these 36 bytes (u32).
inline constexpr size_t kChunkHeaderBytes = 40;
inline constexpr unsigned char kChunkSync[8] = {0xc5, 'T', 'A',  'P',
                                                'E',  'C', 0x0a, 0xf3};

// Footer, the last 24 bytes of a finished log: offset of the Index chunk
// (u64), zero (u32), CRC-32 of these 12 bytes (u32), magic (8).
inline constexpr size_t kFooterBytes = 24;
inline constexpr unsigned char kFooterMagic[8] = {0xc5, 'T', 'A',  'P',
                                                  'E',  'E', 0x0a, 0xf4};

// No chunk's payload is larger than this before compression. A header that
// says otherwise is damaged.
inline constexpr uint32_t kMaxRawBytes = uint32_t{64} << 20;

enum class Codec : uint8_t { kNone = 0, kZstd = 1 };

}  // namespace torchtape::format

#endif  // TORCHTAPE_FORMAT_LAYOUT_H_
