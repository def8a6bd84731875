#include "written_chunks.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/match.h"
#include "framing.h"
#include "torchtape/format/events_view.h"
#include "torchtape/format/layout.h"

namespace torchtape::format::internal {
namespace {

constexpr size_t kKindAt = 8;  // in a chunk header

v1::IndexEntry EntryOf(const Chunk& chunk) {
  v1::IndexEntry entry;
  entry.set_kind(chunk.kind);
  entry.set_offset(chunk.offset);
  entry.set_stored_bytes(chunk.stored_bytes);
  if (chunk.kind == v1::CHUNK_KIND_RELEASED) entry.set_chunks(chunk.chunks);
  if (chunk.kind != v1::CHUNK_KIND_EVENTS) return entry;
  const absl::StatusOr<EventsView> view = EventsView::Parse(chunk.payload);
  if (!view.ok()) return entry;
  const v1::Events& events = view->head;
  entry.set_start_time_ns(events.start_time_ns());
  entry.set_end_time_ns(events.end_time_ns());
  entry.set_first_step(events.step());
  entry.set_last_step(events.step());
  if (!events.steps().empty()) {
    entry.set_last_step(events.steps(events.steps_size() - 1).number());
  }
  entry.set_events(view->event_count());
  return entry;
}

v1::IndexEntry ReleasedEntry(uint64_t offset, uint64_t bytes) {
  v1::IndexEntry entry;
  entry.set_kind(v1::CHUNK_KIND_RELEASED);
  entry.set_offset(offset);
  entry.set_stored_bytes(bytes);
  entry.set_chunks(1);
  return entry;
}

// Whether the header there lies on two pages, so that a write of it may have
// ended in between, behind what says of which kind it is.
bool MayBeHalfWritten(uint64_t offset) {
  constexpr uint64_t kPageBytes = 4096;
  const uint64_t to_page = kPageBytes - offset % kPageBytes;
  return to_page > kKindAt && to_page < kChunkHeaderBytes;
}

}  // namespace

void WrittenChunks::Append(Entry entry, uint64_t next_number) {
  const uint64_t end = entry.entry.offset() + entry.entry.stored_bytes();
  entries_.push_back(std::move(entry));
  numbers_at_[end] = next_number;
}

void WrittenChunks::Add(const Chunk& chunk) {
  Append({EntryOf(chunk), chunk.number}, chunk.number + chunk.chunks);
  if (chunk.kind != v1::CHUNK_KIND_SUMMARY) return;
  const absl::StatusOr<v1::Summary> summary = chunk.Parse<v1::Summary>();
  if (!summary.ok()) return;
  for (const v1::ChunkRange& range : summary->chunks()) {
    summarized_.emplace_back(range, chunk.offset + chunk.stored_bytes);
  }
}

void WrittenChunks::AddTorn(absl::string_view head, uint64_t bytes) {
  // None that was released is longer, whatever a damaged log has here.
  if (bytes < kChunkHeaderBytes || bytes > kMaxRawBytes ||
      head.size() < kChunkHeaderBytes || !absl::StartsWith(head, ChunkSync()) ||
      head[kKindAt] != static_cast<char>(v1::CHUNK_KIND_RELEASED)) {
    return;
  }
  const uint64_t number = next_number();
  Append({ReleasedEntry(end(), bytes), number, /*torn=*/true}, number + 1);
}

uint64_t WrittenChunks::NumberAt(uint64_t offset) const {
  const auto next = numbers_at_.upper_bound(offset);
  return next == numbers_at_.begin() ? 0 : std::prev(next)->second;
}

// Numbers of chunks summaries tell of, from first to last; a
// range reaches as far as those before it.
std::map<uint64_t, uint64_t> WrittenChunks::SummarizedUpTo(
    uint64_t offset) const {
  std::map<uint64_t, uint64_t> longest;
  for (const auto& [range, end] : summarized_) {
    if (end > offset) continue;
    uint64_t& last = longest[range.first()];
    last = std::max(last, range.last());
  }
  uint64_t reached = 0;
  for (auto& [first, last] : longest) last = reached = std::max(last, reached);
  return longest;
}

std::vector<Release> WrittenChunks::FinishReleases(uint64_t offset) {
  const std::map<uint64_t, uint64_t> ranges = SummarizedUpTo(offset);
  std::vector<Release> releases;
  for (Entry& each : entries_) {
    const auto behind = ranges.upper_bound(each.number);
    const bool is_told_of =
        behind != ranges.begin() && std::prev(behind)->second >= each.number;
    const uint64_t at = each.entry.offset(), bytes = each.entry.stored_bytes();
    // A summary that a later one replaced is told of by none.
    const bool is_due =
        each.torn ? is_told_of || (!ranges.empty() && MayBeHalfWritten(at))
                  : is_told_of && each.entry.kind() == v1::CHUNK_KIND_EVENTS;
    if (!is_due) continue;
    releases.push_back({at, at + bytes, EncodeReleased(bytes, each.number, 1)});
    each = {ReleasedEntry(at, bytes), each.number};
  }
  return releases;
}

v1::Index WrittenChunks::IndexUpTo(uint64_t offset) const {
  v1::Index part;
  for (const Entry& each : entries_) {
    const uint64_t end = each.entry.offset() + each.entry.stored_bytes();
    if (!each.torn && end <= offset) *part.add_chunks() = each.entry;
  }
  return part;
}

}  // namespace torchtape::format::internal
