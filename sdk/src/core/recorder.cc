#include "core/recorder.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

#include "core/signals_blocked.h"

namespace torchtape::internal {
namespace {

// How often the writer looks at the rings: as rarely as their filling allows. A
// ring of 4 MiB lasts 80 ms at 50 MB of records a second, which is what a
// thread of the smallest ops makes: the longest sleep, a chunk that is written,
// and a busy machine.
constexpr std::chrono::microseconds kLongestSleep{5000};
constexpr std::chrono::microseconds kShortestSleep{250};
uint64_t ThreadCpuNs() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1000000000u +
         static_cast<uint64_t>(time.tv_nsec);
}

ThreadFacts ThisThread(uint32_t number) {
  ThreadFacts thread;
  thread.number = number;
  thread.os_id = static_cast<uint64_t>(syscall(SYS_gettid));
  thread.torch_id = ThreadRecorder::TorchThreadId();
  char name[16] = {};
  if (pthread_getname_np(pthread_self(), name, sizeof name) == 0) {
    thread.name = name;
  }
  return thread;
}

v1::Thread ToMessage(const ThreadFacts& facts) {
  v1::Thread thread;
  thread.set_number(facts.number);
  thread.set_name(facts.name);
  thread.set_os_id(facts.os_id);
  thread.set_torch_id(facts.torch_id);
  return thread;
}

v1::CodeObject ToMessage(const CodeObject& object) {
  v1::CodeObject message;
  message.set_path(object.path);
  message.set_build_id(object.build_id);
  message.set_load_address(object.load_address);
  return message;
}

}  // namespace

Recorder& Recorder::Get() {
  static Recorder* const recorder = new Recorder;
  return *recorder;
}

Recorder::Recorder() { pthread_atfork(nullptr, nullptr, &ForgetInChild); }

// The child has no writer thread, and its parent owns the log. Locks may be
// held by threads that do not exist here, so none is taken ever again.
void Recorder::ForgetInChild() {
  Recorder& recorder = Get();
  if (ThreadRecorder::active_session() != 0 || recorder.running_) {
    recorder.forked_ = true;
  }
  ThreadRecorder::SetActiveSession(0);
  format::Journal* journal = recorder.open_journal_.load();
  if (journal != nullptr) journal->LeaveInChild();
}

absl::Status Recorder::Start(const RecorderOptions& options,
                             std::unique_ptr<format::ByteSink> sink,
                             v1::Run run) {
  if (forked_) {
    return absl::FailedPreconditionError(
        "this process was forked from one that records");
  }
  std::lock_guard<std::mutex> lock(mutex_);
  if (running_) {
    return absl::FailedPreconditionError(
        "another tracker is recording in this process");
  }
  options_ = options;
  status_ = absl::OkStatus();
  start_clock_ = last_clock_ = ReadClocks();
  last_flush_ns_ = start_clock_.steady_ns;
  own_costs_ = OwnCosts();
  run.set_start_steady_ns(start_clock_.steady_ns);
  run.set_start_wall_ns(static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(
          std::chrono::system_clock::now().time_since_epoch())
          .count()));
  run.set_clock(kTscIsSteady ? "tsc" : "steady");
  run.set_run_id(format::MakeRunId());
  writer_ = std::make_unique<format::LogWriter>(std::move(sink), run);
  if (!writer_->status().ok()) return writer_->status();
  encoder_ = std::make_unique<format::Encoder>(
      options.encoder, writer_.get(),
      [this](uint32_t id) {
        std::lock_guard<std::mutex> models_lock(mutex_);
        return id < models_.size() ? std::move(models_[id]) : v1::Model();
      },
      [this](uint64_t address) -> absl::optional<v1::CodeObject> {
        const CodeObject* object = code_objects_.Find(address);
        if (object == nullptr) return absl::nullopt;
        return ToMessage(*object);
      });
  encoder_->set_observer([this](absl::string_view events) { OnChunk(events); });
  StartRetention();
  models_.clear();
  StartJournal(run);
  rings_.Start(options_.ring_words, options_.max_buffer_bytes,
               journal_is_good_ ? journal_.get() : nullptr);
  last_thread_ = 0;
  stopping_ = false;
  try {
    const SignalsBlocked blocked;
    writer_thread_ = std::thread([this] { WriteLoop(); });
  } catch (...) {
    // No thread is to be had. Nothing was recorded that a journal must keep.
    if (journal_) journal_->Remove();
    open_journal_ = nullptr;
    journal_is_good_ = false;
    rings_.LeaveJournal();
    journal_.reset();
    throw;
  }
  running_ = true;
  ThreadRecorder::SetActiveSession(++last_session_);
  return absl::OkStatus();
}

absl::Status Recorder::Stop() {
  if (forked_) {
    return absl::FailedPreconditionError("the parent process records");
  }
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!running_ || stopping_) {
      return absl::FailedPreconditionError("nothing is recorded");
    }
    ThreadRecorder::SetActiveSession(0);
    stopping_ = true;
  }
  wake_.notify_all();
  writer_thread_.join();
  std::lock_guard<std::mutex> lock(mutex_);
  // Threads may still be in a record they began before the end, so their
  // recorders live on; their rings are used no more.
  for (auto& thread : threads_) old_threads_.push_back(std::move(thread));
  threads_.clear();
  running_ = false;
  // Rings of threads that are still in a record stay mapped until these end.
  open_journal_ = nullptr;
  rings_.End();
  journal_.reset();
  return status_;
}

// ---------------------------------------------------------------------------
// The last steps.

void Recorder::StartRetention() {
  retention_.reset();
  if (!options_.retention.bounds()) return;
  const absl::Status can = writer_->CanRelease();
  if (!can.ok()) return KeepAll(can);
  retention_ = std::make_unique<Retention>(options_.retention, writer_.get());
}

void Recorder::KeepAll(const absl::Status& status) {
  retention_.reset();
  // A log that cannot be written any more is told of elsewhere.
  if (on_keeps_all_ && writer_->status().ok()) on_keeps_all_(status);
}

// ---------------------------------------------------------------------------
// The journal.

void Recorder::StartJournal(const v1::Run& run) {
  told_no_journal_ = false;
  if (options_.journal_path.empty()) return;
  absl::StatusOr<std::unique_ptr<format::Journal>> journal =
      format::Journal::Create(options_.journal_path, run.run_id());
  absl::Status status = journal.status();
  if (status.ok()) {
    journal_ = *std::move(journal);
    journal_->SetClock(start_clock_.ticks, 0);
    const ClockPair now = ReadClocks();
    journal_->SetClock(now.ticks, now.steady_ns - start_clock_.steady_ns);
    status = journal_->WriteCheckpoint(
        writer_->written_bytes(), {},
        [this](bool whole) { return encoder_->Save(whole); });
  }
  if (!status.ok()) return NoJournal(status);
  open_journal_ = journal_.get();
  journal_is_good_ = true;
}

// It is gone or of no use: recording goes on without it.
void Recorder::NoJournal(const absl::Status& status) {
  journal_is_good_ = false;
  rings_.LeaveJournal();
  if (journal_) journal_->Remove();
  TellNoJournal(status);
}

void Recorder::TellNoJournal(const absl::Status& status) {
  if (std::exchange(told_no_journal_, true)) return;
  if (on_no_journal_) on_no_journal_(status);
}

void Recorder::KeepCodeMap() {
  if (!journal_is_good_) return;
  v1::CodeMap map;
  for (const CodeObject& object : code_objects_.Load()) {
    v1::MappedObject* mapped = map.add_objects();
    *mapped->mutable_object() = ToMessage(object);
    mapped->set_begin(object.begin);
    mapped->set_end(object.end);
  }
  absl::Status status = journal_->SetCodeMap(map);
  if (status.ok()) return;
  std::lock_guard<std::mutex> lock(mutex_);
  NoJournal(status);
}

absl::Status Recorder::status() const {
  if (forked_) return absl::OkStatus();
  std::lock_guard<std::mutex> lock(mutex_);
  return status_;
}

// Recorders of earlier recordings whose threads have ended or joined anew.
void Recorder::SweepOldThreads() {
  auto gone = [this](std::unique_ptr<ThreadRecorder>& thread) {
    if (!thread->finished()) return false;
    if (thread->ring()) rings_.GiveLate(thread->TakeRing());
    return true;
  };
  old_threads_.erase(
      std::remove_if(old_threads_.begin(), old_threads_.end(), gone),
      old_threads_.end());
}

// A ring that the journal has no room for is in memory; those that are there
// already stay of use.
std::unique_ptr<Ring> Recorder::TakeRing() {
  SweepOldThreads();
  absl::Status journal_status;
  std::unique_ptr<Ring> ring = rings_.Take(&journal_status);
  if (!journal_status.ok()) TellNoJournal(journal_status);
  return ring;
}

ThreadRecorder* Recorder::AddThread() {
  if (forked_) return nullptr;
  try {
    std::lock_guard<std::mutex> lock(mutex_);
    const uint64_t session = ThreadRecorder::active_session();
    if (session == 0) return nullptr;
    ThreadFacts thread = ThisThread(++last_thread_);
    std::unique_ptr<Ring> ring = TakeRing();
    if (ring && ring->journal()) {
      ring->journal()->SetThread(thread.number, thread.os_id, thread.torch_id,
                                 thread.name);
    }
    threads_.push_back(std::make_unique<ThreadRecorder>(
        std::move(ring), session, std::move(thread)));
    return threads_.back().get();
  } catch (const std::exception&) {
    return nullptr;  // no memory: this thread is not recorded
  }
}

uint32_t Recorder::AddModel(v1::Model model) {
  std::lock_guard<std::mutex> lock(mutex_);
  const auto id = static_cast<uint32_t>(models_.size());
  if (journal_is_good_) {
    v1::WaitingModel waiting;
    waiting.set_id(id);
    *waiting.mutable_model() = model;
    absl::Status status = journal_->AddModel(waiting);
    if (!status.ok()) NoJournal(status);
  }
  models_.push_back(std::move(model));
  return id;
}

// ---------------------------------------------------------------------------
// The writer thread.

void Recorder::WriteLoop() {
  pthread_setname_np(pthread_self(), "torchtape");
  absl::Status finished;
  try {
    KeepCodeMap();
    auto sleep = kLongestSleep;
    while (true) {
      bool stop;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        wake_.wait_for(lock, sleep, [this] { return stopping_; });
        stop = stopping_;
      }
      const double filled = Drain();
      if (stop) break;
      sleep = filled > 0.25    ? std::max(sleep / 4, kShortestSleep)
              : filled < 0.125 ? std::min(sleep * 2, kLongestSleep)
                               : sleep;
    }
    finished = Finish();
  } catch (const std::exception& error) {
    finished = absl::InternalError(error.what());
  }
  if (!finished.ok()) Fail(finished);
}

double Recorder::Drain() {
  ListThreads();
  const ClockPair now = ReadClocks();
  if (journal_is_good_) {
    journal_->SetClock(now.ticks, now.steady_ns - start_clock_.steady_ns);
  }
  double filled = 0;
  for (Drained& drained : drained_) {
    Ring* ring = drained.thread->ring();
    format::RecordSource source;
    ring->Peek(&source.first, &source.second);
    if (source.first.empty()) continue;
    filled = std::max(filled, static_cast<double>(source.first.size() +
                                                  source.second.size()) /
                                  static_cast<double>(ring->words()));
    source.thread = ToMessage(drained.thread->thread());
    drained.source = static_cast<int>(sources_.size());
    sources_.push_back(std::move(source));
  }
  Encode(now);
  RetireThreads();
  return filled;
}

void Recorder::ListThreads() {
  drained_.clear();
  sources_.clear();
  std::lock_guard<std::mutex> lock(mutex_);
  for (auto& thread : threads_) {
    if (thread->ring() != nullptr) drained_.push_back({thread.get()});
  }
}

void Recorder::Encode(const ClockPair& now) {
  format::ClockLine line;
  line.ticks = last_clock_.ticks;
  line.ns = static_cast<double>(last_clock_.steady_ns - start_clock_.steady_ns);
  if (now.ticks > last_clock_.ticks) {
    line.ns_per_tick =
        static_cast<double>(now.steady_ns - last_clock_.steady_ns) /
        static_cast<double>(now.ticks - last_clock_.ticks);
  }
  absl::Status status =
      encoder_->Consume(absl::MakeSpan(sources_), line, now.ticks);
  for (Drained& drained : drained_) {
    Ring* ring = drained.thread->ring();
    if (drained.source < 0) continue;
    ring->Take(sources_[drained.source].position);
    drained.source = -1;
    // Without a journal nothing is gained by keeping it.
    if (!journal_) ring->ReleaseTo(ring->taken());
  }
  last_clock_ = now;
  if (status.ok() && ChunkIsDue(now)) {
    last_flush_ns_ = now.steady_ns;
    status = encoder_->Flush();
  }
  if (!status.ok()) Fail(status);
}

// A ring that is half held back has no more room than it needs while a chunk is
// written; and rings of threads that are gone wait for the next threads.
bool Recorder::ChunkIsDue(const ClockPair& now) const {
  if (now.steady_ns - last_flush_ns_ >= options_.flush_ns) return true;
  size_t waiting_bytes = 0;
  for (const Drained& drained : drained_) {
    const Ring& ring = *drained.thread->ring();
    if (ring.held() > ring.words() / 2) return true;
    if (ring.held() != 0 && drained.thread->finished()) {
      waiting_bytes += RingPool::BytesWithRing(ring.words());
    }
  }
  return waiting_bytes > options_.max_buffer_bytes / 4;
}

void Recorder::OnChunk(absl::string_view events) {
  Checkpoint();
  if (!retention_) return;
  absl::Status status = retention_->Release();
  // It takes longest: threads write into what the checkpoint left free.
  status.Update(retention_->Add(events));
  if (!status.ok()) KeepAll(status);
}

// What the chunk holds may leave the rings once the journal knows that it is in
// the log. If the process ends before that, recovery encodes it again.
void Recorder::Checkpoint() {
  std::vector<v1::RingPosition> positions;
  for (const Drained& drained : drained_) {
    v1::RingPosition& position = positions.emplace_back();
    position.set_thread(drained.thread->thread().number);
    position.set_position(
        drained.thread->ring()->taken() +
        (drained.source < 0 ? 0 : sources_[drained.source].position));
  }
  if (journal_is_good_) {
    absl::Status status = journal_->WriteCheckpoint(
        writer_->written_bytes(), positions,
        [this](bool whole) { return encoder_->Save(whole); });
    if (!status.ok()) {
      std::lock_guard<std::mutex> lock(mutex_);
      NoJournal(status);
    }
  }
  for (size_t i = 0; i < drained_.size(); ++i) {
    drained_[i].thread->ring()->ReleaseTo(positions[i].position());
  }
}

// Threads that are gone and whose records are written.
void Recorder::RetireThreads() {
  std::lock_guard<std::mutex> lock(mutex_);
  auto gone = [this](std::unique_ptr<ThreadRecorder>& thread) {
    if (!thread->finished()) return false;
    if (Ring* ring = thread->ring()) {
      absl::Span<const uint64_t> first, second;
      ring->Peek(&first, &second);
      if (!first.empty() || ring->held() != 0) return false;
      if (ring->journal()) ring->journal()->ClearThread();
    }
    TellUntoldDrops(*thread);
    own_costs_.Add(thread->thread().number, thread->own_cost());
    encoder_->EndThread(thread->thread().number);
    if (thread->ring()) rings_.Give(thread->TakeRing());
    return true;
  };
  threads_.erase(std::remove_if(threads_.begin(), threads_.end(), gone),
                 threads_.end());
}

void Recorder::TellUntoldDrops(const ThreadRecorder& thread) {
  if (thread.untold_drops() == 0) return;
  v1::Drop drop;
  drop.set_thread(thread.thread().number);
  drop.set_events(thread.untold_drops());
  format::ClockLine line;
  line.ticks = last_clock_.ticks;
  line.ns = static_cast<double>(last_clock_.steady_ns - start_clock_.steady_ns);
  line.ns_per_tick = NsPerTick();
  drop.set_start_time_ns(line.ToNs(thread.first_drop_ticks()));
  drop.set_end_time_ns(
      std::max(drop.start_time_ns(), static_cast<uint64_t>(line.ns)));
  encoder_->AddDrop(drop);
}

// Of the run as a whole.
double Recorder::NsPerTick() const {
  if (last_clock_.ticks == start_clock_.ticks) return 1;
  return static_cast<double>(last_clock_.steady_ns - start_clock_.steady_ns) /
         static_cast<double>(last_clock_.ticks - start_clock_.ticks);
}

void Recorder::Fail(const absl::Status& status) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!status_.ok()) return;
    status_ = status;
  }
  ThreadRecorder::SetActiveSession(0);
  if (on_error_) on_error_(status);
}

absl::Status Recorder::Finish() {
  ListThreads();
  {
    std::lock_guard<std::mutex> lock(mutex_);
    for (auto& thread : threads_) {
      TellUntoldDrops(*thread);
      own_costs_.Add(thread->thread().number, thread->own_cost());
    }
  }
  absl::Status status = encoder_->Flush();
  if (retention_) {
    Checkpoint();  // which has the last summary
    status.Update(retention_->ReleaseAll());
  }
  v1::Statistics statistics = encoder_->statistics();
  statistics.set_writer_cpu_ns(ThreadCpuNs());
  statistics.set_end_time_ns(last_clock_.steady_ns - start_clock_.steady_ns);
  own_costs_.PutInto(NsPerTick(), &statistics);
  if (!status.ok()) statistics.set_first_error(std::string(status.message()));
  status.Update(writer_->Close(statistics));
  // What a log that could not be finished lacks is in the journal.
  if (status.ok() && journal_is_good_) journal_->Remove();
  if (status.ok() && statistics.dropped_events() != 0) {
    status = absl::DataLossError(std::to_string(statistics.dropped_events()) +
                                 " events were dropped");
  }
  return status;
}

}  // namespace torchtape::internal
