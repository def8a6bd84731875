#include "replay/step_chunks.h"

#include <algorithm>
#include <set>

#include "torchtape/format/events_view.h"

namespace torchtape::viewer {
namespace {

using Entries = google::protobuf::RepeatedPtrField<v1::IndexEntry>;

bool IsModel(v1::ChunkKind kind) {
  return kind == v1::CHUNK_KIND_MODEL || kind == v1::CHUNK_KIND_OPTIMIZER;
}

// Whether single chunks tell all that is asked, and steps only go up.
bool CanBeReadInParts(const format::LogReader& reader) {
  if (!reader.has_run() || !reader.index() ||
      !reader.index()->statistics().has_facts() ||
      reader.index()->statistics().activities() != 0 ||
      reader.index()->statistics().launches() != 0 ||
      reader.run().options().device_time() != v1::DEVICE_TIME_LEVEL_OFF) {
    return false;
  }
  uint64_t step = 0;
  for (const v1::IndexEntry& entry : reader.index()->chunks()) {
    if (entry.kind() == v1::CHUNK_KIND_EVENTS) {
      if (entry.first_step() < step || entry.last_step() < entry.first_step()) {
        return false;
      }
      step = entry.last_step();
    } else if (entry.kind() != v1::CHUNK_KIND_RUN && !IsModel(entry.kind())) {
      return false;
    }
  }
  return true;
}

// Places of the chunks with events.
std::vector<size_t> EventsChunks(const Entries& entries) {
  std::vector<size_t> places;
  for (int i = 0; i < entries.size(); ++i) {
    if (entries[i].kind() == v1::CHUNK_KIND_EVENTS) {
      places.push_back(static_cast<size_t>(i));
    }
  }
  return places;
}

// The steps in which memory was allocated that is live when a chunk begins;
// nullopt if the chunk does not say.
std::optional<std::set<uint64_t>> StepsOfLive(const format::LogReader& reader,
                                              const v1::IndexEntry& entry) {
  const absl::StatusOr<format::Chunk> chunk = reader.ReadAt(entry.offset());
  if (!chunk.ok() || chunk->kind != v1::CHUNK_KIND_EVENTS) return std::nullopt;
  const absl::StatusOr<format::EventsView> events =
      format::EventsView::Parse(chunk->payload);
  if (!events.ok() || events->head.step() != entry.first_step()) {
    return std::nullopt;
  }
  std::set<uint64_t> steps;
  if (!events->head.has_live_bytes()) return steps;
  if (!events->head.has_live()) return std::nullopt;
  uint64_t step = 0;
  for (int64_t difference : events->head.live().steps()) {
    steps.insert(step += static_cast<uint64_t>(difference));
  }
  return steps;
}

// The first of these chunks that reaches `step`.
std::vector<size_t>::const_iterator FirstWith(
    uint64_t step, const Entries& entries, const std::vector<size_t>& places) {
  return std::partition_point(places.begin(), places.end(), [&](size_t place) {
    return entries[static_cast<int>(place)].last_step() < step;
  });
}

}  // namespace

std::optional<StepChunks> ChunksOfSteps(const StepRange& steps,
                                        const format::LogReader& reader) {
  if (steps.all() || !CanBeReadInParts(reader)) return std::nullopt;
  const Entries& entries = reader.index()->chunks();
  const std::vector<size_t> places = EventsChunks(entries);
  if (places.empty() ||
      entries[static_cast<int>(places.back())].last_step() < steps.last ||
      entries[static_cast<int>(places[0])].first_step() > steps.first) {
    return std::nullopt;
  }
  const auto from =
      FirstWith(steps.first - (steps.first > 0 ? 1 : 0), entries, places);
  const auto made = StepsOfLive(reader, entries[static_cast<int>(*from)]);
  if (!made) return std::nullopt;
  std::set<size_t> before;
  for (uint64_t step : *made) {
    for (auto at = FirstWith(step - (step > 0 ? 1 : 0), entries, places);
         at < from && entries[static_cast<int>(*at)].first_step() <= step;
         ++at) {
      before.insert(*at);
    }
  }
  for (size_t i = 0; i < *from; ++i) {
    if (IsModel(entries[static_cast<int>(i)].kind())) before.insert(i);
  }
  return StepChunks{{before.begin(), before.end()}, *from};
}

}  // namespace torchtape::viewer
