#ifndef TORCHTAPE_TESTS_FORMAT_FUZZ_READ_LOG_H_
#define TORCHTAPE_TESTS_FORMAT_FUZZ_READ_LOG_H_

// Reads all of a log and ends the process if the reader breaks a promise.

#include <cstdlib>
#include <memory>
#include <utility>

#include "torchtape/format/log_reader.h"
#include "torchtape/format/stream_cursor.h"

namespace torchtape::format::fuzz {

inline void Promise(bool kept) {
  if (!kept) std::abort();
}

// The same events come, whichever columns are asked for, for as long as both
// walks go on; and spans nest.
inline void WalkStream(const v1::Events& events, const v1::Stream& stream) {
  StreamCursor all(events, stream, StreamCursor::Columns::kAll);
  StreamCursor ops(events, stream, StreamCursor::Columns::kOps);
  size_t count = 0;
  Event full, brief;
  while (all.Next(&full)) {
    ++count;
    Promise(ops.Next(&brief));
    Promise(full.kind == brief.kind && full.time_ns == brief.time_ns &&
            full.depth == brief.depth && full.result == brief.result);
    Promise((full.span == nullptr) == (brief.span == nullptr));
    if (full.span == nullptr) continue;
    Promise(full.span->number == brief.span->number);
    Promise((full.depth == 0) == (full.parent == nullptr));
  }
  Promise(count <= stream.kinds().size());
  Promise(!all.status().ok() || count == stream.kinds().size());
}

inline void ReadChunk(const Chunk& chunk) {
  if (chunk.kind == v1::CHUNK_KIND_MODEL ||
      chunk.kind == v1::CHUNK_KIND_OPTIMIZER) {
    (void)chunk.Parse<v1::Model>();
  }
  if (chunk.kind == v1::CHUNK_KIND_INDEX) (void)chunk.Parse<v1::Index>();
  if (chunk.kind != v1::CHUNK_KIND_EVENTS) return;
  const absl::StatusOr<v1::Events> events = chunk.Parse<v1::Events>();
  if (!events.ok()) return;
  for (const v1::Stream& stream : events->streams()) {
    WalkStream(*events, stream);
  }
}

// Every byte is in a chunk or in a region that was skipped, or neither, but
// never in two.
inline void ReadLog(std::shared_ptr<ByteSource> log) {
  const uint64_t size = log->size();
  absl::StatusOr<LogReader> reader = LogReader::Open(std::move(log));
  if (!reader.ok()) return;
  uint64_t end = 0, number = 0;
  while (true) {
    const absl::StatusOr<std::optional<Chunk>> chunk = reader->Next();
    Promise(chunk.ok());
    if (!chunk->has_value()) break;
    Promise((*chunk)->offset >= end);
    Promise(end == 0 || (*chunk)->number > number);
    number = (*chunk)->number;
    end = (*chunk)->offset + (*chunk)->stored_bytes;
    Promise(end <= size);
    Promise(reader->ReadAt((*chunk)->offset)->payload == (*chunk)->payload);
    ReadChunk(**chunk);
  }
  end = 0;
  for (const SkippedRegion& region : reader->skipped()) {
    Promise(region.begin >= end && region.end >= region.begin);
    Promise(region.end <= size && !region.reason.empty());
    end = region.end;
  }
}

}  // namespace torchtape::format::fuzz

#endif  // TORCHTAPE_TESTS_FORMAT_FUZZ_READ_LOG_H_
