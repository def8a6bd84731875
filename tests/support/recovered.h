#ifndef TORCHTAPE_TESTS_SUPPORT_RECOVERED_H_
#define TORCHTAPE_TESTS_SUPPORT_RECOVERED_H_

// What a process that was killed has left behind.

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "torchtape/format/journal.h"
#include "torchtape/format/log_reader.h"
#include "torchtape/format/recovery.h"
#include "torchtape/format/stream_cursor.h"
#include "torchtape/format/summary.h"

namespace torchtape::testing {

// Counts the events of each thread, and looks whether they hang together: the
// allocations of a thread have 1, 2, 3, ... bytes.
class EventCounts {
 public:
  explicit EventCounts(std::shared_ptr<format::ByteSource> log) {
    auto reader = format::LogReader::Open(std::move(log));
    if (!reader.ok()) {
      Problem(reader.status().ToString());
      return;
    }
    while (true) {
      auto chunk = reader->Next();
      if (!chunk.ok() || !chunk->has_value()) break;
      if ((*chunk)->kind == v1::CHUNK_KIND_EVENTS) Add(**chunk);
      if ((*chunk)->kind == v1::CHUNK_KIND_RELEASED) Forget();
      if ((*chunk)->kind == v1::CHUNK_KIND_SUMMARY) AddSummary(**chunk);
    }
    for (const auto& skipped : reader->skipped()) Problem(skipped.reason);
    finished_ = reader->index().has_value();
  }

  uint64_t Of(uint32_t thread) const {
    auto found = counts_.find(thread);
    return found == counts_.end() ? 0 : found->second;
  }
  uint64_t all() const {
    uint64_t sum = 0;
    for (const auto& [thread, count] : counts_) sum += count;
    return sum;
  }
  // Of those that were released; they are not among the others.
  uint64_t summarized() const {
    uint64_t sum = 0;
    for (const format::Summary& each : summaries_) {
      sum += each.counts.spans_begun() + each.counts.spans_ended() +
             each.counts.allocations() + each.counts.frees();
    }
    return sum;
  }
  bool finished() const { return finished_; }
  uint64_t dropped() const { return dropped_; }
  const std::vector<std::string>& problems() const { return problems_; }

 private:
  void Problem(const std::string& problem) { problems_.push_back(problem); }

  // What follows is not what follows on the chunk before.
  void Forget() {
    bytes_.clear();
    open_.clear();
    after_release_ = true;
  }

  // A later one takes the place of those whose chunks it has.
  void AddSummary(const format::Chunk& chunk) {
    auto summary = format::Summary::FromMessage(*chunk.Parse<v1::Summary>());
    if (!summary.ok()) return Problem("a summary makes no sense");
    std::vector<format::Summary> others;
    for (format::Summary& each : summaries_) {
      if (!summary->Contains(each)) others.push_back(std::move(each));
    }
    summaries_ = std::move(others);
    summaries_.push_back(*std::move(summary));
  }

  void Add(const format::Chunk& chunk) {
    auto events = chunk.Parse<v1::Events>();
    if (!events.ok()) return Problem("a chunk does not parse");
    for (const v1::Drop& drop : events->drops()) dropped_ += drop.events();
    for (const v1::Stream& stream : events->streams()) {
      const uint32_t thread = stream.thread();
      uint64_t& bytes = bytes_[thread];
      for (uint64_t size : stream.sizes()) {
        if (after_release_ && bytes == 0) bytes = size - 1;
        if (size != ++bytes) Problem("an allocation is missing");
      }
      std::vector<uint64_t> open;
      for (const auto& span : stream.open()) open.push_back(span.number());
      if (after_release_ && open_.count(thread) == 0) open_[thread] = open;
      if (open != open_[thread]) Problem("open spans differ between chunks");
      format::StreamCursor cursor(*events, stream,
                                  format::StreamCursor::Columns::kAll);
      for (format::Event event; cursor.Next(&event);) ++counts_[thread];
      if (!cursor.status().ok()) Problem(cursor.status().ToString());
      open_[thread].clear();
      for (const format::Span& span : cursor.open()) {
        open_[thread].push_back(span.number);
      }
    }
  }

  std::map<uint32_t, uint64_t> counts_;
  std::map<uint32_t, uint64_t> bytes_;
  std::map<uint32_t, std::vector<uint64_t>> open_;
  std::vector<std::string> problems_;
  std::vector<format::Summary> summaries_;
  bool after_release_ = false;
  uint64_t dropped_ = 0;
  bool finished_ = false;
};

// The log at `path` as a viewer shows it: with what its journal adds.
inline absl::StatusOr<format::Recovery> RecoverLog(const std::string& path) {
  auto log = format::OpenFile(path);
  if (!log.ok()) return log.status();
  auto journal = format::OpenFile(format::JournalPath(path));
  if (!journal.ok()) return journal.status();
  return format::Recover(*std::move(log), **journal);
}

}  // namespace torchtape::testing

#endif  // TORCHTAPE_TESTS_SUPPORT_RECOVERED_H_
