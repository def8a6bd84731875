#ifndef TORCHTAPE_TESTS_SUPPORT_JOURNALED_RUN_H_
#define TORCHTAPE_TESTS_SUPPORT_JOURNALED_RUN_H_

// A run that keeps a journal, step by step, as the recorder does it. What it
// leaves behind when it is destroyed is what a killed process leaves.

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "support/records.h"
#include "torchtape/format/encoder.h"
#include "torchtape/format/journal.h"
#include "torchtape/format/log_writer.h"

namespace torchtape::testing {

class JournaledRun {
 public:
  static constexpr size_t kRingWords = 512;

  explicit JournaledRun(const std::string& log_path,
                        const std::string& run_id = format::MakeRunId())
      : writer_(*format::CreateFile(log_path), RunOf(run_id)),
        encoder_(format::EncoderOptions(), &writer_,
                 [this](uint32_t id) { return models_[id]; }),
        journal_(
            *format::Journal::Create(format::JournalPath(log_path), run_id)) {
    journal_->SetClock(0, 0);
    journal_->SetClock(1000, 1000);
    encoder_.set_observer(
        [this](absl::string_view) { Checkpoint(writer_.written_bytes()); });
    Checkpoint(writer_.written_bytes());
  }

  // Thread `number` publishes what it has recorded since the last time.
  void Publish(uint32_t number, const Records& records) {
    Thread& thread = ThreadOf(number);
    const auto words = records.Source().first;
    for (; thread.published < words.size(); ++thread.published) {
      const uint64_t head = thread.ring.head()->load();
      thread.ring.words()[head % kRingWords] = words[thread.published];
      thread.ring.head()->store(head + 1);
    }
  }

  // Encodes what is published, without or with its chunk.
  absl::Status Drain(uint64_t limit_ticks = ~uint64_t{0} - 1) {
    for (auto& [number, thread] : threads_) {
      const uint64_t head = thread.ring.head()->load();
      const size_t at = thread.taken % kRingWords;
      const size_t count = head - thread.taken;
      const size_t before_seam = std::min(count, kRingWords - at);
      format::RecordSource& source = thread.source;
      source.thread.set_number(number);
      source.first = absl::MakeConstSpan(thread.ring.words() + at, before_seam);
      source.second =
          absl::MakeConstSpan(thread.ring.words(), count - before_seam);
      source.position = 0;
    }
    std::vector<format::RecordSource> sources;
    for (auto& [number, thread] : threads_) sources.push_back(thread.source);
    absl::Status status = encoder_.Consume(absl::MakeSpan(sources),
                                           format::ClockLine(), limit_ticks);
    size_t i = 0;
    for (auto& [number, thread] : threads_) {
      thread.taken += sources[i++].position;
    }
    return status;
  }
  absl::Status WriteChunk() {
    absl::Status status = Drain();
    status.Update(encoder_.Flush());
    return status;
  }

  void AddModel(uint32_t id, const v1::Model& model) {
    models_[id] = model;
    v1::WaitingModel waiting;
    waiting.set_id(id);
    *waiting.mutable_model() = model;
    (void)journal_->AddModel(waiting);
  }

  // The log is finished, as by Stop().
  void Finish() {
    (void)WriteChunk();
    (void)writer_.Close(encoder_.statistics());
  }

  format::Journal& journal() { return *journal_; }
  format::LogWriter& writer() { return writer_; }

 private:
  struct Thread {
    explicit Thread(format::JournalRing made) : ring(std::move(made)) {}
    format::JournalRing ring;
    size_t published = 0;
    uint64_t taken = 0;
    format::RecordSource source;
  };

  static v1::Run RunOf(const std::string& run_id) {
    v1::Run run;
    run.set_pid(7);
    run.set_run_id(run_id);
    return run;
  }

  Thread& ThreadOf(uint32_t number) {
    auto found = threads_.find(number);
    if (found != threads_.end()) return found->second;
    format::JournalRing ring = *journal_->AddRing(kRingWords);
    ring.SetThread(number, 100 + number, 0, "t" + std::to_string(number));
    return threads_.emplace(number, std::move(ring)).first->second;
  }

  // Chunks are written between drains here.
  void Checkpoint(uint64_t log_bytes) {
    std::vector<v1::RingPosition> positions;
    for (auto& [number, thread] : threads_) {
      v1::RingPosition& position = positions.emplace_back();
      position.set_thread(number);
      position.set_position(thread.taken);
    }
    (void)journal_->WriteCheckpoint(log_bytes, positions, [this](bool whole) {
      return encoder_.Save(whole);
    });
    for (auto& [number, thread] : threads_) {
      thread.ring.tail()->store(thread.taken);
    }
  }

  format::LogWriter writer_;
  format::Encoder encoder_;
  std::unique_ptr<format::Journal> journal_;
  std::map<uint32_t, v1::Model> models_;
  std::map<uint32_t, Thread> threads_;
};

}  // namespace torchtape::testing

#endif  // TORCHTAPE_TESTS_SUPPORT_JOURNALED_RUN_H_
