#include "chunk_search.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "checksum.h"
#include "framing.h"
#include "torchtape/format/layout.h"
#include "zstd_codec.h"

namespace torchtape::format::internal {
namespace {

// How much is searched at once for a sync mark. The first look is short: most
// often the next chunk is near, and a forged log may ask for many searches.
constexpr size_t kFirstScanBytes = size_t{4} << 10;
constexpr size_t kMaxScanBytes = size_t{1} << 20;

constexpr char kTornChunk[] = "the file ends inside a chunk";

// Why the sizes that an intact header tells cannot be true; empty if they can.
std::string SizeDamage(const ChunkHeader& header) {
  if (header.raw_bytes > kMaxRawBytes) {
    return absl::StrCat("a chunk claims ", header.raw_bytes,
                        " bytes, more than a chunk may have");
  }
  const bool plain = header.codec == static_cast<uint8_t>(Codec::kNone);
  if (plain ? header.stored_bytes != header.raw_bytes
            : header.stored_bytes > MaxCompressedBytes(kMaxRawBytes)) {
    return absl::StrCat("a chunk claims ", header.stored_bytes,
                        " stored bytes, which cannot be");
  }
  return "";
}

absl::StatusOr<std::string> Unpack(const ChunkHeader& header,
                                   std::string stored) {
  switch (static_cast<Codec>(header.codec)) {
    case Codec::kNone:
      return stored;
    case Codec::kZstd:
      return Decompress(stored, header.raw_bytes);
  }
  return absl::DataLossError(
      absl::StrCat("a chunk has the unknown codec ", header.codec));
}

}  // namespace

absl::StatusOr<ChunkAttempt> TryChunk(const ByteSource& source,
                                      uint64_t offset) {
  ChunkAttempt attempt;
  absl::StatusOr<std::string> bytes = source.Read(offset, kChunkHeaderBytes);
  if (!bytes.ok()) return bytes.status();
  const std::optional<ChunkHeader> header = DecodeChunkHeader(*bytes);
  if (!header) {
    attempt.cut = bytes->size() < kChunkHeaderBytes;
    attempt.damage = attempt.cut ? kTornChunk : "a chunk header is damaged";
    return attempt;
  }
  attempt.damage = SizeDamage(*header);
  if (!attempt.damage.empty()) return attempt;
  const uint64_t begin = offset + kChunkHeaderBytes;
  attempt.cut = header->stored_bytes > source.size() - begin;
  if (!attempt.cut && header->kind == v1::CHUNK_KIND_RELEASED) {
    // What lies there may still be what it was.
    attempt.chunk =
        Chunk{v1::CHUNK_KIND_RELEASED,
              offset,
              header->number,
              static_cast<uint32_t>(kChunkHeaderBytes + header->stored_bytes),
              "",
              uint64_t{1} + header->more_chunks};
    return attempt;
  }
  if (!attempt.cut) {
    bytes = source.Read(begin, header->stored_bytes);
    if (!bytes.ok()) return bytes.status();
    attempt.cut = bytes->size() < header->stored_bytes;
  }
  if (attempt.cut) {
    attempt.damage = kTornChunk;
    return attempt;
  }

  attempt.claimed_end = begin + header->stored_bytes;
  attempt.wasted_bytes = header->stored_bytes;
  if (Crc32(*bytes) != header->payload_crc) {
    attempt.damage = "the checksum of a payload is wrong";
    return attempt;
  }
  attempt.wasted_bytes += header->raw_bytes;
  absl::StatusOr<std::string> payload = Unpack(*header, *std::move(bytes));
  if (!payload.ok()) {
    attempt.damage = std::string(payload.status().message());
    return attempt;
  }
  attempt.chunk =
      Chunk{static_cast<v1::ChunkKind>(header->kind), offset, header->number,
            static_cast<uint32_t>(kChunkHeaderBytes + header->stored_bytes),
            *std::move(payload)};
  return attempt;
}

absl::StatusOr<uint64_t> FindChunk(const ByteSource& source, uint64_t begin,
                                   uint64_t end) {
  size_t length = kFirstScanBytes;
  for (uint64_t block = begin; block < end;) {
    absl::StatusOr<std::string> bytes = source.Read(block, length);
    if (!bytes.ok()) return bytes.status();
    const absl::string_view view = *bytes;
    for (size_t at = 0;
         (at = view.find(ChunkSync(), at)) != absl::string_view::npos; ++at) {
      if (DecodeChunkHeader(view.substr(at))) {
        return std::min(block + at, end);
      }
    }
    if (view.size() < length) break;
    // A header may lie across the seam: the next block sees its bytes again.
    block += length - kChunkHeaderBytes + 1;
    length = std::min(2 * length, kMaxScanBytes);
  }
  return end;
}

}  // namespace torchtape::format::internal
