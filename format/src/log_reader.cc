#include "torchtape/format/log_reader.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "checksum.h"
#include "file_kind.h"
#include "framing.h"
#include "torchtape/format/layout.h"
#include "zstd_codec.h"

namespace torchtape::format {
namespace {

// How much is searched at once for a sync mark. The first look is short: most
// often the next chunk is near, and a forged log may ask for many searches.
constexpr size_t kFirstScanBytes = size_t{4} << 10;
constexpr size_t kMaxScanBytes = size_t{1} << 20;

constexpr char kTornChunk[] = "the file ends inside a chunk";

// Finds the first intact chunk header at or after `begin`; the size of the
// source if there is none.
absl::StatusOr<uint64_t> FindChunk(const ByteSource& source, uint64_t begin) {
  size_t length = kFirstScanBytes;
  for (uint64_t block = begin; block < source.size();) {
    absl::StatusOr<std::string> bytes = source.Read(block, length);
    if (!bytes.ok()) return bytes.status();
    const absl::string_view view = *bytes;
    for (size_t at = 0;
         (at = view.find(internal::ChunkSync(), at)) != absl::string_view::npos;
         ++at) {
      if (internal::DecodeChunkHeader(view.substr(at))) return block + at;
    }
    if (view.size() < length) break;
    // A header may lie across the seam: the next block sees its bytes again.
    block += length - kChunkHeaderBytes + 1;
    length = std::min(2 * length, kMaxScanBytes);
  }
  return source.size();
}

// Why the sizes that an intact header tells cannot be true; empty if they can.
std::string SizeDamage(const internal::ChunkHeader& header) {
  if (header.raw_bytes > kMaxRawBytes) {
    return absl::StrCat("a chunk claims ", header.raw_bytes,
                        " bytes, more than a chunk may have");
  }
  const bool plain = header.codec == static_cast<uint8_t>(Codec::kNone);
  if (plain
          ? header.stored_bytes != header.raw_bytes
          : header.stored_bytes > internal::MaxCompressedBytes(kMaxRawBytes)) {
    return absl::StrCat("a chunk claims ", header.stored_bytes,
                        " stored bytes, which cannot be");
  }
  return "";
}

absl::StatusOr<std::string> Unpack(const internal::ChunkHeader& header,
                                   std::string stored) {
  switch (static_cast<Codec>(header.codec)) {
    case Codec::kNone:
      return stored;
    case Codec::kZstd:
      return internal::Decompress(stored, header.raw_bytes);
  }
  return absl::DataLossError(
      absl::StrCat("a chunk has the unknown codec ", header.codec));
}

}  // namespace

// What was found where a chunk should be.
struct LogReader::Attempt {
  std::optional<Chunk> chunk;
  std::string damage;        // why there is no chunk
  bool cut = false;          // the chunk reaches past the end of the file
  uint64_t claimed_end = 0;  // of a damaged chunk with an intact header, else 0
  uint64_t wasted_bytes = 0;  // what it cost to find that it is damaged
};

absl::StatusOr<LogReader> LogReader::Open(std::shared_ptr<ByteSource> source) {
  LogReader reader(std::move(source));
  absl::Status status = reader.ReadFileHeader();
  if (status.ok()) status = reader.ReadIndex();
  if (status.ok()) status = reader.ReadRun();
  if (!status.ok()) return status;
  return reader;
}

absl::Status LogReader::ReadFileHeader() {
  absl::StatusOr<std::string> first =
      source_->Read(0, internal::kFileKindBytes);
  if (!first.ok()) return first.status();
  if (first->empty()) return absl::InvalidArgumentError("the file is empty");

  offset_ = kFileHeaderBytes;
  const std::optional<internal::FileHeader> header =
      internal::DecodeFileHeader(*first);
  if (header && header->major == kMajorVersion) {
    minor_version_ = header->minor;
    return absl::OkStatus();
  }
  if (header && header->major > kMajorVersion) {
    return absl::UnimplementedError(
        absl::StrCat("written by format ", header->major,
                     "; this viewer reads up to ", kMajorVersion));
  }
  // A chunk in its place proves the format and, since each major version has
  // its own sync mark, the version.
  if (first->size() > kFileHeaderBytes &&
      internal::DecodeChunkHeader(first->substr(kFileHeaderBytes))) {
    Skip(0, kFileHeaderBytes, "the file header is damaged");
    return absl::OkStatus();
  }
  const size_t shown = std::min(first->size(), internal::FileMagic().size());
  if (first->substr(0, shown) != internal::FileMagic().substr(0, shown)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "not a torchtape log; this looks like ", internal::LooksLike(*first)));
  }
  return absl::DataLossError(first->size() < kFileHeaderBytes
                                 ? "the file ends inside the file header"
                                 : "the file header is damaged");
}

absl::Status LogReader::ReadIndex() {
  if (source_->size() < kFileHeaderBytes + kFooterBytes) {
    return absl::OkStatus();
  }
  const uint64_t end = source_->size() - kFooterBytes;
  absl::StatusOr<std::string> bytes = source_->Read(end, kFooterBytes);
  if (!bytes.ok()) return bytes.status();
  const std::optional<internal::Footer> footer = internal::DecodeFooter(*bytes);
  if (!footer || footer->index_offset >= end) return absl::OkStatus();

  absl::StatusOr<Attempt> attempt = TryChunk(footer->index_offset);
  if (!attempt.ok()) return attempt.status();
  const std::optional<Chunk>& chunk = attempt->chunk;
  if (!chunk || chunk->kind != v1::CHUNK_KIND_INDEX ||
      chunk->offset + chunk->stored_bytes != end) {
    return absl::OkStatus();
  }
  absl::StatusOr<v1::Index> index = chunk->Parse<v1::Index>();
  if (index.ok()) index_ = *std::move(index);
  return absl::OkStatus();
}

absl::Status LogReader::ReadRun() {
  absl::StatusOr<std::optional<Chunk>> first = Next();
  if (!first.ok()) return first.status();
  if (!first->has_value()) return absl::OkStatus();
  Chunk& chunk = **first;
  if (chunk.kind != v1::CHUNK_KIND_RUN) {
    pending_ = std::move(chunk);
    return absl::OkStatus();
  }
  has_run_ = run_.ParseFromString(chunk.payload);
  if (!has_run_) {
    run_.Clear();
    Skip(chunk.offset, chunk.offset + chunk.stored_bytes,
         "the run facts do not parse");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Chunk>> LogReader::Next() {
  if (pending_) return std::exchange(pending_, std::nullopt);
  while (offset_ < source_->size()) {
    absl::StatusOr<Attempt> attempt = TryChunk(offset_);
    if (!attempt.ok()) return attempt.status();
    if (attempt->chunk) {
      offset_ += attempt->chunk->stored_bytes;
      if (Accept(*attempt->chunk)) return std::move(attempt->chunk);
      continue;
    }
    absl::StatusOr<bool> at_footer = AtFooter();
    if (!at_footer.ok()) return at_footer.status();
    if (*at_footer) break;
    absl::Status status = SkipDamage(*attempt);
    if (!status.ok()) return status;
  }
  return std::nullopt;
}

absl::StatusOr<Chunk> LogReader::ReadAt(uint64_t offset) const {
  absl::StatusOr<Attempt> attempt = TryChunk(offset);
  if (!attempt.ok()) return attempt.status();
  if (!attempt->chunk) return absl::DataLossError(attempt->damage);
  return *std::move(attempt->chunk);
}

absl::StatusOr<LogReader::Attempt> LogReader::TryChunk(uint64_t offset) const {
  Attempt attempt;
  absl::StatusOr<std::string> bytes = source_->Read(offset, kChunkHeaderBytes);
  if (!bytes.ok()) return bytes.status();
  const std::optional<internal::ChunkHeader> header =
      internal::DecodeChunkHeader(*bytes);
  if (!header) {
    attempt.cut = bytes->size() < kChunkHeaderBytes;
    attempt.damage = attempt.cut ? kTornChunk : "a chunk header is damaged";
    return attempt;
  }
  attempt.damage = SizeDamage(*header);
  if (!attempt.damage.empty()) return attempt;
  const uint64_t begin = offset + kChunkHeaderBytes;
  attempt.cut = header->stored_bytes > source_->size() - begin;
  if (!attempt.cut) {
    bytes = source_->Read(begin, header->stored_bytes);
    if (!bytes.ok()) return bytes.status();
    attempt.cut = bytes->size() < header->stored_bytes;
  }
  if (attempt.cut) {
    attempt.damage = kTornChunk;
    return attempt;
  }

  attempt.claimed_end = begin + header->stored_bytes;
  attempt.wasted_bytes = header->stored_bytes;
  if (internal::Crc32(*bytes) != header->payload_crc) {
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

// Whether the log ends here as it should. What follows the footer is skipped.
absl::StatusOr<bool> LogReader::AtFooter() {
  absl::StatusOr<std::string> bytes = source_->Read(offset_, kFooterBytes);
  if (!bytes.ok()) return bytes.status();
  if (!internal::DecodeFooter(*bytes)) return false;
  offset_ += kFooterBytes;
  if (offset_ < source_->size()) {
    Skip(offset_, source_->size(), "bytes follow the end of the log");
  }
  offset_ = source_->size();
  return true;
}

// Moves on to the next chunk. It is searched from the next byte on, for bytes
// may be missing inside the damaged chunk. That can read the same bytes again,
// so when much was read in vain, the size in the header is believed after all:
// a forged log cannot take more time than a multiple of its size.
absl::Status LogReader::SkipDamage(const Attempt& attempt) {
  wasted_bytes_ += attempt.wasted_bytes;
  const uint64_t allowed = kMaxRawBytes + 2 * source_->size();
  const uint64_t from = attempt.claimed_end != 0 && wasted_bytes_ > allowed
                            ? attempt.claimed_end
                            : offset_ + 1;
  absl::StatusOr<uint64_t> next = FindChunk(*source_, from);
  if (!next.ok()) return next.status();
  const bool at_end = *next == source_->size();
  std::string reason = attempt.damage;
  if (at_end && last_is_index_) reason = "the footer is damaged";
  if (!at_end && attempt.cut) reason = "a chunk is cut short";
  Skip(offset_, *next, std::move(reason));
  offset_ = *next;
  return absl::OkStatus();
}

// Checks that the chunk, which ends at `offset_`, comes after all others.
bool LogReader::Accept(const Chunk& chunk) {
  if (last_number_ && chunk.number <= *last_number_) {
    Skip(chunk.offset, offset_,
         absl::StrCat("chunk ", chunk.number, " comes after chunk ",
                      *last_number_));
    return false;
  }
  const uint64_t expected = last_number_ ? *last_number_ + 1 : 0;
  const bool explained =
      !skipped_.empty() && skipped_.back().end == chunk.offset;
  if (chunk.number != expected && !explained) {
    Skip(chunk.offset, chunk.offset,
         absl::StrCat("chunks ", expected, " to ", chunk.number - 1,
                      " are missing"));
  }
  last_number_ = chunk.number;
  last_is_index_ = chunk.kind == v1::CHUNK_KIND_INDEX;
  return true;
}

void LogReader::Skip(uint64_t begin, uint64_t end, std::string reason) {
  skipped_.push_back(SkippedRegion{begin, end, std::move(reason)});
}

}  // namespace torchtape::format
