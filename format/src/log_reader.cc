#include "torchtape/format/log_reader.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "chunk_search.h"
#include "file_kind.h"
#include "framing.h"
#include "torchtape/format/layout.h"

namespace torchtape::format {
namespace {

using internal::ChunkAttempt;

// How far a log is looked for behind a damaged file header: beyond any sector
// or chunk, but not through the whole of a file that is no log.
constexpr uint64_t kHeaderSearchBytes = uint64_t{4} << 20;

}  // namespace

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
  absl::StatusOr<bool> found = FindLogWithoutHeader();
  if (!found.ok() || *found) return found.status();
  const size_t shown = std::min(first->size(), internal::FileMagic().size());
  if (first->substr(0, shown) != internal::FileMagic().substr(0, shown)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "not a torchtape log; this looks like ", internal::LooksLike(*first)));
  }
  return absl::DataLossError(first->size() < kFileHeaderBytes
                                 ? "the file ends inside the file header"
                                 : "the file header is damaged");
}

// Whether the first intact chunk proves that this is a log, all the same: the
// one that belongs at offset 16, or a later one. It proves the version, too,
// for each major version has its own sync mark. Chunk 0 at another place means
// that a log is inside of some other file.
absl::StatusOr<bool> LogReader::FindLogWithoutHeader() {
  const uint64_t limit = std::min(source_->size(), kHeaderSearchBytes);
  absl::StatusOr<uint64_t> first =
      internal::FindChunk(*source_, kFileHeaderBytes, limit);
  if (!first.ok()) return first.status();
  if (*first >= limit) return false;
  absl::StatusOr<std::string> bytes = source_->Read(*first, kChunkHeaderBytes);
  if (!bytes.ok()) return bytes.status();
  const std::optional<internal::ChunkHeader> header =
      internal::DecodeChunkHeader(*bytes);
  if (!header || (header->number == 0 && *first != kFileHeaderBytes)) {
    return false;
  }
  Skip(0, *first, "the file header is damaged");
  offset_ = *first;
  return true;
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

  absl::StatusOr<ChunkAttempt> attempt =
      internal::TryChunk(*source_, footer->index_offset);
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
    absl::StatusOr<ChunkAttempt> attempt =
        internal::TryChunk(*source_, offset_);
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
  absl::StatusOr<ChunkAttempt> attempt = internal::TryChunk(*source_, offset);
  if (!attempt.ok()) return attempt.status();
  if (!attempt->chunk) return absl::DataLossError(attempt->damage);
  return *std::move(attempt->chunk);
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
absl::Status LogReader::SkipDamage(const ChunkAttempt& attempt) {
  wasted_bytes_ += attempt.wasted_bytes;
  const uint64_t allowed = kMaxRawBytes + 2 * source_->size();
  const uint64_t from = attempt.claimed_end != 0 && wasted_bytes_ > allowed
                            ? attempt.claimed_end
                            : offset_ + 1;
  absl::StatusOr<uint64_t> next =
      internal::FindChunk(*source_, from, source_->size());
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
  last_number_ = chunk.number + (chunk.chunks - 1);
  last_is_index_ = chunk.kind == v1::CHUNK_KIND_INDEX;
  return true;
}

void LogReader::Skip(uint64_t begin, uint64_t end, std::string reason) {
  skipped_.push_back(SkippedRegion{begin, end, std::move(reason)});
}

}  // namespace torchtape::format
