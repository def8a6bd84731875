#ifndef TORCHTAPE_TESTS_SUPPORT_SMALL_LOG_H_
#define TORCHTAPE_TESTS_SUPPORT_SMALL_LOG_H_

// Logs in memory: small ones to write, and all that a reader gets out of one.

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "torchtape/format/log_reader.h"
#include "torchtape/format/log_writer.h"

namespace torchtape::testing {

// A message of one Events chunk that can be told from the others. `padding`
// bytes make it compressible.
inline v1::Events SmallEvents(uint64_t number, size_t padding = 0) {
  v1::Events events;
  events.set_start_time_ns(1000 * number);
  events.set_step(number);
  events.add_values()->set_name("loss" + std::string(padding, '.'));
  return events;
}

// A finished log with `events` Events chunks, the odd ones compressed.
inline std::string SmallLog(int events = 4) {
  std::string bytes;
  v1::Run run;
  run.set_host("here");
  run.set_pid(42);
  format::LogWriter writer(format::ToString(&bytes), run);
  for (int i = 0; i < events; ++i) {
    v1::IndexEntry entry;
    entry.set_first_step(static_cast<uint64_t>(i));
    (void)writer.Write(
        v1::CHUNK_KIND_EVENTS,
        SmallEvents(static_cast<uint64_t>(i), i % 2 == 1 ? 200 : 0), entry);
  }
  v1::Statistics statistics;
  statistics.set_steps(static_cast<uint64_t>(events));
  (void)writer.Close(statistics);
  return bytes;
}

// Everything a reader finds, read to the end.
struct LogContent {
  absl::Status status;  // of Open() or of the Next() that failed
  bool has_run = false;
  v1::Run run;
  std::optional<v1::Index> index;
  std::vector<format::Chunk> chunks;
  std::vector<format::SkippedRegion> skipped;
};

inline LogContent ReadLog(std::string bytes) {
  LogContent content;
  absl::StatusOr<format::LogReader> reader =
      format::LogReader::Open(format::FromString(std::move(bytes)));
  content.status = reader.status();
  if (!reader.ok()) return content;
  while (true) {
    absl::StatusOr<std::optional<format::Chunk>> chunk = reader->Next();
    content.status = chunk.status();
    if (!chunk.ok() || !chunk->has_value()) break;
    content.chunks.push_back(**std::move(chunk));
  }
  content.has_run = reader->has_run();
  content.run = reader->run();
  if (reader->index()) content.index = *reader->index();
  content.skipped = reader->skipped();
  return content;
}

}  // namespace torchtape::testing

#endif  // TORCHTAPE_TESTS_SUPPORT_SMALL_LOG_H_
