#include "framing.h"

#include "absl/strings/match.h"
#include "checksum.h"
#include "torchtape/v1/tape.pb.h"

namespace torchtape::format::internal {
namespace {

void Put(uint64_t value, int bytes, std::string* out) {
  for (int i = 0; i < bytes; ++i) {
    out->push_back(static_cast<char>(value >> (8 * i) & 0xff));
  }
}

void PutChecksum(std::string* out) { Put(Crc32(*out), 4, out); }

// Little-endian integer of `width` bytes at `offset`, which must be inside.
uint64_t Get(absl::string_view bytes, size_t offset, size_t width) {
  uint64_t value = 0;
  for (size_t i = width; i-- > 0;) {
    value = value << 8 | static_cast<unsigned char>(bytes[offset + i]);
  }
  return value;
}

// Whether the 4 bytes at `end` are the checksum of all bytes before them.
bool ChecksumFits(absl::string_view bytes, size_t end) {
  return Get(bytes, end, 4) == Crc32(bytes.substr(0, end));
}

absl::string_view Mark(const unsigned char (&bytes)[8]) {
  return {reinterpret_cast<const char*>(bytes), sizeof(bytes)};
}

}  // namespace

absl::string_view FileMagic() { return Mark(kFileMagic); }
absl::string_view ChunkSync() { return Mark(kChunkSync); }
absl::string_view FooterMagic() { return Mark(kFooterMagic); }

std::string Encode(const FileHeader& header) {
  std::string out(FileMagic());
  Put(header.major, 2, &out);
  Put(header.minor, 2, &out);
  PutChecksum(&out);
  return out;
}

std::string Encode(const ChunkHeader& header) {
  std::string out(ChunkSync());
  out.reserve(kChunkHeaderBytes);
  Put(header.kind, 1, &out);
  Put(header.codec, 1, &out);
  Put(0, 2, &out);
  Put(header.stored_bytes, 4, &out);
  Put(header.raw_bytes, 4, &out);
  Put(header.payload_crc, 4, &out);
  Put(header.number, 8, &out);
  Put(header.more_chunks, 4, &out);
  PutChecksum(&out);
  return out;
}

std::string Encode(const Footer& footer) {
  std::string out;
  Put(footer.index_offset, 8, &out);
  Put(0, 4, &out);
  PutChecksum(&out);
  out.append(FooterMagic().data(), FooterMagic().size());
  return out;
}

// Its payload is zeros to who reads it, and to the disk nothing.
std::string EncodeReleased(uint64_t bytes, uint64_t number, uint64_t chunks) {
  ChunkHeader header;
  header.kind = static_cast<uint8_t>(v1::CHUNK_KIND_RELEASED);
  header.codec = static_cast<uint8_t>(Codec::kNone);
  header.stored_bytes = static_cast<uint32_t>(bytes - kChunkHeaderBytes);
  header.raw_bytes = header.stored_bytes;
  header.payload_crc = Crc32OfZeros(header.stored_bytes);
  header.number = number;
  header.more_chunks = static_cast<uint32_t>(chunks - 1);
  return Encode(header);
}

std::optional<FileHeader> DecodeFileHeader(absl::string_view bytes) {
  if (bytes.size() < kFileHeaderBytes ||
      !absl::StartsWith(bytes, FileMagic()) || !ChecksumFits(bytes, 12)) {
    return std::nullopt;
  }
  FileHeader header;
  header.major = static_cast<uint16_t>(Get(bytes, 8, 2));
  header.minor = static_cast<uint16_t>(Get(bytes, 10, 2));
  return header;
}

std::optional<ChunkHeader> DecodeChunkHeader(absl::string_view bytes) {
  if (bytes.size() < kChunkHeaderBytes ||
      !absl::StartsWith(bytes, ChunkSync()) || !ChecksumFits(bytes, 36)) {
    return std::nullopt;
  }
  ChunkHeader header;
  header.kind = static_cast<uint8_t>(Get(bytes, 8, 1));
  header.codec = static_cast<uint8_t>(Get(bytes, 9, 1));
  header.stored_bytes = static_cast<uint32_t>(Get(bytes, 12, 4));
  header.raw_bytes = static_cast<uint32_t>(Get(bytes, 16, 4));
  header.payload_crc = static_cast<uint32_t>(Get(bytes, 20, 4));
  header.number = Get(bytes, 24, 8);
  header.more_chunks = static_cast<uint32_t>(Get(bytes, 32, 4));
  return header;
}

std::optional<Footer> DecodeFooter(absl::string_view bytes) {
  if (bytes.size() < kFooterBytes || bytes.substr(16, 8) != FooterMagic() ||
      !ChecksumFits(bytes, 12)) {
    return std::nullopt;
  }
  return Footer{Get(bytes, 0, 8)};
}

}  // namespace torchtape::format::internal
