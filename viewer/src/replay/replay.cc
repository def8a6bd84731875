#include "replay/replay.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "replay/player.h"
#include "replay/read_ahead.h"
#include "replay/step_chunks.h"

namespace torchtape::viewer {
namespace {

absl::Status PlayAll(const ReplayOptions& options, format::LogReader* reader,
                     Player* player, ReplayReport* report) {
  ReadAhead chunks(reader);
  while (true) {
    absl::StatusOr<std::unique_ptr<ParsedChunk>> chunk = chunks.Next();
    if (!chunk.ok()) return chunk.status();
    if (*chunk == nullptr) break;
    ++report->chunks;
    if (options.progress) {
      options.progress((*chunk)->chunk.offset, reader->size());
    }
    player->Play(**chunk);
  }
  player->EndSpans();
  for (const format::SkippedRegion& region : reader->skipped()) {
    report->damage.push_back({region.begin, region.end, region.reason});
  }
  return absl::OkStatus();
}

// Plays chunks by their places in the index.
class PartPlayer {
 public:
  PartPlayer(const format::LogReader& reader, Player* player,
             ReplayReport* report)
      : reader_(reader), player_(*player), report_(*report) {}

  size_t count() const {
    return static_cast<size_t>(reader_.index()->chunks_size());
  }
  v1::ChunkKind KindOf(size_t place) const { return EntryAt(place).kind(); }

  absl::Status Play(size_t place) {
    const v1::IndexEntry& entry = EntryAt(place);
    absl::StatusOr<format::Chunk> chunk = reader_.ReadAt(entry.offset());
    if (chunk.ok() && chunk->kind != entry.kind()) {
      chunk = absl::DataLossError("the index tells of another chunk here");
    }
    if (absl::IsDataLoss(chunk.status())) {
      report_.damage.push_back({entry.offset(),
                                entry.offset() + entry.stored_bytes(),
                                std::string(chunk.status().message())});
      return absl::OkStatus();
    }
    if (!chunk.ok()) return chunk.status();
    ++report_.chunks;
    const ParsedChunk parsed(*std::move(chunk));
    if (entry.kind() == v1::CHUNK_KIND_EVENTS) {
      if (place != next_) player_.Seek(parsed);
      next_ = place + 1;
    } else if (place == next_) {
      ++next_;
    }
    player_.Play(parsed);
    return absl::OkStatus();
  }

 private:
  const v1::IndexEntry& EntryAt(size_t place) const {
    return reader_.index()->chunks(static_cast<int>(place));
  }

  const format::LogReader& reader_;
  Player& player_;
  ReplayReport& report_;
  size_t next_ = 1;  // behind the Run chunk and what was played last
};

absl::Status PlaySteps(const StepChunks& chunks,
                       const format::LogReader& reader, Player* player,
                       ReplayReport* report) {
  report->whole = false;
  PartPlayer parts(reader, player, report);
  for (size_t place : chunks.before) {
    if (absl::Status status = parts.Play(place); !status.ok()) return status;
  }
  player->StopAfterSteps();
  for (size_t place = chunks.from; place < parts.count(); ++place) {
    // Models that came later tell of the modules, too.
    if (player->Done() && parts.KindOf(place) == v1::CHUNK_KIND_EVENTS) {
      continue;
    }
    if (absl::Status status = parts.Play(place); !status.ok()) return status;
  }
  player->EndSpans();
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ReplayReport> Replay(const ReplayOptions& options,
                                    absl::Span<Visitor* const> visitors,
                                    format::LogReader* reader) {
  ReplayReport report;
  report.index = reader->index();
  Player player(options, visitors, &report);
  const std::optional<StepChunks> chunks =
      ChunksOfSteps(options.steps, *reader);
  const absl::Status status =
      chunks ? PlaySteps(*chunks, *reader, &player, &report)
             : PlayAll(options, reader, &player, &report);
  if (!status.ok()) return status;
  std::stable_sort(
      report.damage.begin(), report.damage.end(),
      [](const Damage& a, const Damage& b) { return a.offset < b.offset; });
  return report;
}

}  // namespace torchtape::viewer
