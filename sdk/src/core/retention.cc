#include "core/retention.h"

#include <algorithm>
#include <utility>

namespace torchtape::internal {
namespace {

// What is written last is never given back: recovery goes on from there.
constexpr size_t kNewestChunks = 3;

// A summary that is not written anew any more, whatever its steps.
constexpr uint64_t kLargeSummaryBytes = uint64_t{8} << 20;

}  // namespace

absl::Status Retention::Add(absl::string_view events) {
  const uint64_t number = writer_->next_number() - 1;
  const v1::IndexEntry& entry = writer_->last_entry();
  absl::StatusOr<format::Summary> summary = summarizer_.Add(number, events);
  if (!summary.ok()) return summary.status();
  step_ = entry.last_step();
  const std::vector<v1::Pin> reasons = std::exchange(summary->pins, {});
  chunks_.push_back({number, entry.stored_bytes(), entry.last_step(), false,
                     summary->ToMessage().SerializeAsString()});
  kept_bytes_ += entry.stored_bytes();
  for (const v1::Pin& reason : reasons) Pin(reason);
  const size_t batch = FindBatch();
  return batch == 0 ? writer_->status() : Summarize(batch);
}

// Whether no rule wants it, if `newer_bytes` of the log are it and what follows
// and `step` runs.
bool Retention::IsOut(const KeptChunk& chunk, uint64_t newer_bytes,
                      uint64_t step) const {
  const KeepLast& keep = options_.keep_last;
  const bool of_last_steps =
      keep.steps != 0 &&
      (step <= keep.steps || chunk.last_step >= step - keep.steps);
  const bool of_last_bytes = keep.bytes != 0 && newer_bytes <= keep.bytes;
  return !of_last_steps && !of_last_bytes;
}

// How many chunks, from the oldest on, are out; 0 if they are too few as yet.
size_t Retention::FindBatch() const {
  uint64_t newer = kept_bytes_, out = 0;
  size_t count = 0;
  while (count + kNewestChunks < chunks_.size() &&
         IsOut(chunks_[count], newer, step_)) {
    newer -= chunks_[count].bytes;
    if (!chunks_[count].pinned) out += chunks_[count].bytes;
    ++count;
  }
  const uint64_t wanted = std::clamp(
      (kept_bytes_ - out) / 4, options_.least_batch_bytes,
      std::max(options_.least_batch_bytes, options_.most_batch_bytes));
  return out >= wanted ? count : 0;
}

void Retention::Pin(v1::Pin why) {
  if (pins_.size() == options_.max_pins) {
    ++left_out_pins_;
    return;
  }
  uint64_t newer = kept_bytes_;
  for (KeptChunk& chunk : chunks_) {
    const bool stays = !IsOut(chunk, newer, why.step());
    newer -= chunk.bytes;
    if (!stays) continue;
    chunk.pinned = true;
    if (why.chunks_size() != 0 &&
        why.chunks(why.chunks_size() - 1).last() + 1 == chunk.number) {
      why.mutable_chunks(why.chunks_size() - 1)->set_last(chunk.number);
    } else {
      v1::ChunkRange* range = why.add_chunks();
      range->set_first(chunk.number);
      range->set_last(chunk.number);
    }
  }
  pins_.push_back(std::move(why));
}

// Writes what stays of the oldest chunks.
absl::Status Retention::Summarize(size_t batch) {
  if (summary_.steps.size() >= options_.summary_steps ||
      summary_bytes_ >= kLargeSummaryBytes) {
    for (KeptChunk& chunk : chunks_) {
      chunk.pinned |= chunk.number == summary_number_;
    }
    summary_ = format::Summary();
  }
  for (size_t i = 0; i < batch; ++i) {
    const KeptChunk chunk = std::move(chunks_.front());
    chunks_.pop_front();
    kept_bytes_ -= chunk.bytes;
    if (chunk.pinned) continue;
    next_.push_back(chunk.number);
    v1::Summary message;
    if (chunk.summary.empty() || !message.ParseFromString(chunk.summary)) {
      continue;
    }
    absl::StatusOr<format::Summary> part =
        format::Summary::FromMessage(message);
    if (part.ok()) summary_.Merge(*part);
  }
  summary_.pins = pins_;
  summary_.left_out_pins = left_out_pins_;
  summary_number_ = writer_->next_number();
  const std::string payload = summary_.ToMessage().SerializeAsString();
  summary_bytes_ = payload.size();
  const absl::Status status =
      writer_->Write(v1::CHUNK_KIND_SUMMARY, payload, v1::IndexEntry());
  // It is given back with the chunks around it, once a newer one tells of all.
  chunks_.push_back({summary_number_, 0, step_, false, ""});
  return status;
}

absl::Status Retention::Release() {
  std::vector<uint64_t> due = std::exchange(waiting_, std::exchange(next_, {}));
  return due.empty() ? absl::OkStatus() : writer_->Release(due);
}

absl::Status Retention::ReleaseAll() {
  absl::Status status = Release();
  status.Update(Release());
  return status;
}

}  // namespace torchtape::internal
