#include "torchtape/format/recovery.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "framing.h"
#include "journal_reader.h"
#include "spliced_log.h"
#include "torchtape/format/encoder.h"
#include "torchtape/format/layout.h"
#include "torchtape/format/log_reader.h"
#include "written_chunks.h"

namespace torchtape::format {
namespace {

using internal::FoundCheckpoint;
using internal::FoundJournal;
using internal::FoundRing;
using internal::Release;
using internal::SplicedLog;
using internal::WrittenChunks;

uint64_t EventsIn(const v1::Statistics& sums) {
  return sums.spans_begun() + sums.spans_ended() + sums.allocations() +
         sums.frees();
}

// Finds where the log and the journal meet, and encodes what follows.
class Merger {
 public:
  Merger(std::shared_ptr<ByteSource> log, const ByteSource& journal)
      : log_(std::move(log)), journal_(journal) {}

  absl::StatusOr<Recovery> Merge() {
    absl::StatusOr<LogReader> reader = LogReader::Open(log_);
    if (!reader.ok()) return reader.status();
    if (reader->index()) {
      return absl::FailedPreconditionError("the log is finished");
    }
    absl::StatusOr<FoundJournal> found = internal::ReadJournal(journal_);
    if (!found.ok()) return found.status();
    found_ = *std::move(found);
    if (reader->has_run() && reader->run().run_id() != found_.run_id) {
      return absl::InvalidArgumentError(
          "offset 16: the journal of another run");
    }
    recovery_.problems = found_.problems;
    absl::Status status = Walk(&*reader);
    if (status.ok()) status = Meet();
    if (status.ok()) status = Restore();
    if (!status.ok()) return status;
    return Encode();
  }

 private:
  void Problem(uint64_t offset, absl::string_view what) {
    recovery_.problems.push_back(absl::StrCat("offset ", offset, ": ", what));
  }

  absl::Status Walk(LogReader* reader) {
    // The Run chunk was read by Open(); where it ends, the next one begins or
    // the log does.
    absl::StatusOr<Chunk> run = reader->ReadAt(kFileHeaderBytes);
    if (run.ok()) AddChunk(*run);
    while (true) {
      absl::StatusOr<std::optional<Chunk>> chunk = reader->Next();
      if (!chunk.ok()) return chunk.status();
      if (!chunk->has_value()) return absl::OkStatus();
      AddChunk(**chunk);
    }
  }

  void AddChunk(const Chunk& chunk) {
    const uint64_t end = written_.end();
    if (end != 0 && end < chunk.offset &&
        written_.next_number() + 1 == chunk.number) {
      const absl::StatusOr<std::string> head =
          log_->Read(end, kChunkHeaderBytes);
      if (head.ok()) written_.AddTorn(*head, chunk.offset - end);
    }
    written_.Add(chunk);
  }

  // Chooses the newest checkpoint whose chunk is in the log, and takes up the
  // rings from there on.
  absl::Status Meet() {
    std::vector<const FoundCheckpoint*> newest;
    for (const FoundCheckpoint& each : found_.checkpoints) {
      newest.push_back(&each);
    }
    std::sort(newest.begin(), newest.end(),
              [](const FoundCheckpoint* a, const FoundCheckpoint* b) {
                return a->sequence > b->sequence;
              });
    // Where the log is damaged, its length must do.
    for (const bool damaged : {false, true}) {
      for (const FoundCheckpoint* each : newest) {
        absl::StatusOr<v1::Checkpoint> checkpoint =
            internal::ReadCheckpoint(journal_, *each);
        if (!checkpoint.ok()) continue;
        const uint64_t end = checkpoint->log_bytes();
        const bool there = damaged ? end <= log_->size() : written_.EndsAt(end);
        if (end < kFileHeaderBytes || !there || !Follows(*checkpoint)) {
          continue;
        }
        chosen_ = each;
        log_bytes_ = end;
        return absl::OkStatus();
      }
    }
    return absl::DataLossError(absl::StrCat(
        "offset ", found_.checkpoints.empty() ? 0 : newest[0]->offset,
        ": no checkpoint fits the log and the rings"));
  }

  // Whether the rings still hold everything from the checkpoint on.
  bool Follows(const v1::Checkpoint& checkpoint) {
    std::map<uint32_t, uint64_t> positions;
    for (const v1::RingPosition& ring : checkpoint.rings()) {
      positions[ring.thread()] = ring.position();
    }
    begins_.clear();
    for (const FoundRing& ring : found_.rings) {
      auto known = positions.find(ring.thread.number());
      const uint64_t begin =
          known == positions.end() ? ring.first : known->second;
      // A damaged ring is its own loss; one that went on is the checkpoint's.
      if (ring.tail > begin && ring.head >= ring.tail) return false;
      begins_.push_back(begin);
    }
    return true;
  }

  absl::Status Restore() {
    releases_ = written_.FinishReleases(log_bytes_);
    writer_ = std::make_unique<LogWriter>(
        ToString(&tail_), written_.IndexUpTo(log_bytes_), log_bytes_,
        written_.NumberAt(log_bytes_));
    encoder_ = std::make_unique<Encoder>(
        EncoderOptions(), writer_.get(),
        [this](uint32_t id) { return ModelOf(id); },
        [this](uint64_t address) { return ObjectAt(address); });
    const size_t last =
        static_cast<size_t>(chosen_ - found_.checkpoints.data());
    for (size_t i = chosen_->base; i <= last; ++i) {
      absl::StatusOr<v1::Checkpoint> checkpoint =
          internal::ReadCheckpoint(journal_, found_.checkpoints[i]);
      absl::Status status = checkpoint.status();
      if (status.ok()) status = encoder_->Restore(checkpoint->encoder());
      if (!status.ok()) {
        return absl::DataLossError(absl::StrCat(
            "offset ", found_.checkpoints[i].offset, ": ", status.message()));
      }
    }
    return absl::OkStatus();
  }

  v1::Model ModelOf(uint32_t id) {
    auto model = found_.models.find(id);
    if (model != found_.models.end()) return model->second;
    recovery_.problems.push_back(
        absl::StrCat("offset 0: model ", id, " is missing"));
    return v1::Model();
  }

  absl::optional<v1::CodeObject> ObjectAt(uint64_t address) const {
    for (const v1::MappedObject& mapped : found_.code_map.objects()) {
      if (mapped.begin() <= address && address < mapped.end()) {
        return mapped.object();
      }
    }
    return absl::nullopt;
  }

  absl::StatusOr<Recovery> Encode() {
    const uint64_t before = EventsIn(encoder_->statistics());
    std::vector<std::vector<uint64_t>> words(found_.rings.size());
    std::vector<RecordSource> sources;
    std::vector<const FoundRing*> rings;
    for (size_t i = 0; i < found_.rings.size(); ++i) {
      const FoundRing& ring = found_.rings[i];
      const uint64_t begin = begins_[i];
      if (ring.head == begin) continue;
      if (ring.head < begin || ring.head - begin > ring.size) {
        Problem(ring.offset,
                absl::StrCat("the ring of thread ", ring.thread.number(),
                             " ends where it cannot"));
        continue;
      }
      if (!found_.has_clock) {
        Problem(ring.offset, "records without a clock");
        continue;
      }
      absl::StatusOr<std::vector<uint64_t>> read =
          internal::ReadRing(journal_, ring, begin);
      if (!read.ok()) return read.status();
      words[i] = *std::move(read);
      RecordSource source;
      source.thread = ring.thread;
      source.first = words[i];
      sources.push_back(std::move(source));
      rings.push_back(&ring);
    }
    absl::Status status = encoder_->Consume(absl::MakeSpan(sources),
                                            found_.clock, ~uint64_t{0} - 1);
    for (size_t i = 0; i < sources.size(); ++i) {
      if (!sources[i].malformed) continue;
      Problem(rings[i]->offset,
              absl::StrCat("records of thread ", rings[i]->thread.number(),
                           " make no sense; the last ",
                           sources[i].position - *sources[i].malformed,
                           " words are lost"));
    }
    for (const FoundRing& ring : found_.rings) AddDrops(ring);
    if (status.ok()) status = encoder_->Flush();
    v1::Statistics statistics = encoder_->statistics();
    recovery_.events = EventsIn(statistics) - before;
    statistics.set_recovered_events(recovery_.events);
    statistics.set_end_time_ns(writer_->end_time_ns());
    if (status.ok()) status = writer_->Close(statistics);
    if (!status.ok()) return status;
    recovery_.torn_bytes = TornBytes();
    status = MendFileHeader();
    if (!status.ok()) return status;
    recovery_.log = std::make_shared<SplicedLog>(
        log_, log_bytes_, std::move(releases_), std::move(tail_));
    return std::move(recovery_);
  }

  // What proved that this is a log may lie behind the part that is kept.
  absl::Status MendFileHeader() {
    absl::StatusOr<std::string> bytes = log_->Read(0, kFileHeaderBytes);
    if (!bytes.ok()) return bytes.status();
    if (internal::DecodeFileHeader(*bytes)) return absl::OkStatus();
    releases_.insert(
        releases_.begin(),
        {0, kFileHeaderBytes,
         internal::Encode(internal::FileHeader{kMajorVersion, kMinorVersion})});
    return absl::OkStatus();
  }

  // What a thread had dropped and not yet told of in a record.
  void AddDrops(const FoundRing& ring) {
    if (ring.drops[0] == 0) return;
    v1::Drop drop;
    drop.set_thread(ring.thread.number());
    drop.set_events(ring.drops[0]);
    if (found_.has_clock) {
      drop.set_start_time_ns(found_.clock.ToNs(ring.drops[1]));
      drop.set_end_time_ns(
          std::max(drop.start_time_ns(), found_.clock.ToNs(ring.drops[2])));
    }
    encoder_->AddDrop(drop);
  }

  // What is behind the last whole chunk.
  uint64_t TornBytes() const {
    return log_->size() -
           std::min(log_->size(), std::max(written_.end(), log_bytes_));
  }

  const std::shared_ptr<ByteSource> log_;
  const ByteSource& journal_;
  FoundJournal found_;
  WrittenChunks written_;
  const FoundCheckpoint* chosen_ = nullptr;
  uint64_t log_bytes_ = 0;        // of the log that are kept
  std::vector<uint64_t> begins_;  // of each ring
  std::vector<Release> releases_;
  std::string tail_;
  std::unique_ptr<LogWriter> writer_;
  std::unique_ptr<Encoder> encoder_;
  Recovery recovery_;
};

}  // namespace

absl::StatusOr<Recovery> Recover(std::shared_ptr<ByteSource> log,
                                 const ByteSource& journal) {
  return Merger(std::move(log), journal).Merge();
}

}  // namespace torchtape::format
