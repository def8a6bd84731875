#include "torchtape/format/log_writer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "checksum.h"
#include "framing.h"
#include "torchtape/format/layout.h"
#include "zstd_codec.h"

namespace torchtape::format {
namespace {

absl::Status TooLarge(size_t bytes) {
  return absl::InvalidArgumentError(absl::StrCat(
      "a payload of ", bytes, " bytes is larger than ", kMaxRawBytes));
}

}  // namespace

LogWriter::LogWriter(std::unique_ptr<ByteSink> sink, const v1::Run& run)
    : sink_(std::move(sink)),
      compressor_(std::make_unique<internal::Compressor>()) {
  status_ = AppendBytes(
      internal::Encode(internal::FileHeader{kMajorVersion, kMinorVersion}));
  if (status_.ok()) status_ = Write(v1::CHUNK_KIND_RUN, run, v1::IndexEntry());
}

LogWriter::LogWriter(std::unique_ptr<ByteSink> sink, v1::Index index,
                     uint64_t offset, uint64_t number)
    : sink_(std::move(sink)),
      index_(std::move(index)),
      offset_(offset),
      number_(number),
      compressor_(std::make_unique<internal::Compressor>()) {}

LogWriter::~LogWriter() = default;

absl::Status LogWriter::Write(v1::ChunkKind kind,
                              const google::protobuf::MessageLite& payload,
                              v1::IndexEntry entry) {
  if (!status_.ok() || closed_) return status_;
  const size_t bytes = payload.ByteSizeLong();
  if (bytes > kMaxRawBytes) return TooLarge(bytes);
  raw_.clear();
  if (!payload.AppendToString(&raw_)) {
    return status_ = absl::InternalError("a payload does not serialize");
  }
  return Write(kind, raw_, std::move(entry));
}

absl::Status LogWriter::Write(v1::ChunkKind kind, absl::string_view payload,
                              v1::IndexEntry entry) {
  if (!status_.ok() || closed_) return status_;
  if (payload.size() > kMaxRawBytes) return TooLarge(payload.size());
  const uint64_t offset = offset_;
  status_ = Append(kind, payload);
  if (!status_.ok()) return status_;
  entry.set_kind(kind);
  entry.set_offset(offset);
  entry.set_stored_bytes(offset_ - offset);
  *index_.add_chunks() = std::move(entry);
  return absl::OkStatus();
}

absl::Status LogWriter::Append(v1::ChunkKind kind, absl::string_view payload) {
  // The header takes its place when the size of the rest is known, so that one
  // append carries the whole chunk.
  stored_.assign(kChunkHeaderBytes, '\0');
  absl::Status status = compressor_->Append(payload, &stored_);
  if (!status.ok()) return status;

  internal::ChunkHeader header;
  header.codec = static_cast<uint8_t>(Codec::kZstd);
  if (stored_.size() - kChunkHeaderBytes >= payload.size()) {
    header.codec = static_cast<uint8_t>(Codec::kNone);
    stored_.resize(kChunkHeaderBytes);
    stored_.append(payload.data(), payload.size());
  }
  const absl::string_view stored_payload =
      absl::string_view(stored_).substr(kChunkHeaderBytes);
  header.kind = static_cast<uint8_t>(kind);
  header.stored_bytes = static_cast<uint32_t>(stored_payload.size());
  header.raw_bytes = static_cast<uint32_t>(payload.size());
  header.payload_crc = internal::Crc32(stored_payload);
  header.number = number_;
  stored_.replace(0, kChunkHeaderBytes, internal::Encode(header));

  status = AppendBytes(stored_);
  if (status.ok()) ++number_;
  return status;
}

absl::Status LogWriter::AppendBytes(absl::string_view bytes) {
  absl::Status status = sink_->Append(bytes);
  if (status.ok()) offset_ += bytes.size();
  return status;
}

absl::Status LogWriter::Release(const std::vector<uint64_t>& numbers) {
  if (!status_.ok() || closed_) return status_;
  absl::Status status;
  v1::Index index;
  auto wanted = numbers.begin();
  uint64_t number = 0;  // of the chunk, or of the first that lay there
  for (int i = 0; i < index_.chunks_size();) {
    v1::IndexEntry region = index_.chunks(i);
    int end = i;
    uint64_t bytes = 0;
    while (end < index_.chunks_size() && wanted != numbers.end() &&
           *wanted == number + static_cast<uint64_t>(end - i) &&
           bytes + index_.chunks(end).stored_bytes() <= kMaxRawBytes) {
      bytes += index_.chunks(end++).stored_bytes();
      ++wanted;
    }
    if (end == i) {
      number += std::max<uint64_t>(region.chunks(), 1);
      *index.add_chunks() = std::move(region);
      ++i;
      continue;
    }
    region.Clear();
    region.set_kind(v1::CHUNK_KIND_RELEASED);
    region.set_offset(index_.chunks(i).offset());
    region.set_stored_bytes(bytes);
    region.set_chunks(static_cast<uint64_t>(end - i));
    status.Update(sink_->Release(
        region.offset(), bytes,
        internal::EncodeReleased(bytes, number, region.chunks())));
    number += region.chunks();
    *index.add_chunks() = std::move(region);
    i = end;
  }
  index_ = std::move(index);
  return status;
}

uint64_t LogWriter::end_time_ns() const {
  uint64_t end = 0;
  for (const v1::IndexEntry& entry : index_.chunks()) {
    end = std::max(end, entry.end_time_ns());
  }
  return end;
}

absl::Status LogWriter::Close(const v1::Statistics& statistics) {
  if (closed_) return status_;
  closed_ = true;
  *index_.mutable_statistics() = statistics;
  const uint64_t index_offset = offset_;
  if (status_.ok()) {
    status_ = Append(v1::CHUNK_KIND_INDEX, index_.SerializeAsString());
  }
  if (status_.ok()) {
    status_ = AppendBytes(internal::Encode(internal::Footer{index_offset}));
  }
  const absl::Status closing = sink_->Close();
  status_.Update(closing);
  return status_;
}

}  // namespace torchtape::format
