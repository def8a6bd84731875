#include "core/recorder.h"

#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <exception>

namespace torchtape::internal {
namespace {

// How often the writer looks at the rings: as rarely as their filling allows. A
// ring of 4 MiB lasts 80 ms at 50 MB of records a second, which is what a
// thread of the smallest ops makes: the longest sleep, a chunk that is written,
// and a busy machine.
constexpr std::chrono::microseconds kLongestSleep{5000};
constexpr std::chrono::microseconds kShortestSleep{250};
// Finished chunks reach the file at least this often.
constexpr uint64_t kFlushNs = uint64_t{1000} * 1000 * 1000;

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

// What a thread takes of the memory that the user allows.
size_t BytesWithRing(size_t ring_words) {
  return ring_words * sizeof(uint64_t) + sizeof(ThreadRecorder) +
         sizeof(Values);
}

// All signals stay with the program's own threads.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

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
  run.set_start_steady_ns(start_clock_.steady_ns);
  run.set_start_wall_ns(static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(
          std::chrono::system_clock::now().time_since_epoch())
          .count()));
  run.set_clock(kTscIsSteady ? "tsc" : "steady");
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
  models_.clear();
  last_thread_ = 0;
  stopping_ = false;
  {
    SignalsBlocked blocked;
    writer_thread_ = std::thread([this] { WriteLoop(); });
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
  return status_;
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
    if (thread->ring()) free_rings_.push_back(thread->TakeRing());
    return true;
  };
  old_threads_.erase(
      std::remove_if(old_threads_.begin(), old_threads_.end(), gone),
      old_threads_.end());
}

std::unique_ptr<Ring> Recorder::TakeRing() {
  SweepOldThreads();
  const size_t bytes = BytesWithRing(options_.ring_words);
  while (!free_rings_.empty()) {
    std::unique_ptr<Ring> ring = std::move(free_rings_.back());
    free_rings_.pop_back();
    ring->Reset();
    if (ring->words() == options_.ring_words) return ring;
    ring_bytes_ -= BytesWithRing(ring->words());  // an earlier recording's
  }
  if (ring_bytes_ + bytes > options_.max_buffer_bytes) return nullptr;
  auto ring = std::make_unique<Ring>(options_.ring_words);
  if (!ring->valid()) return nullptr;
  ring_bytes_ += bytes;
  return ring;
}

ThreadRecorder* Recorder::AddThread() {
  if (forked_) return nullptr;
  try {
    std::lock_guard<std::mutex> lock(mutex_);
    const uint64_t session = ThreadRecorder::active_session();
    if (session == 0) return nullptr;
    ThreadFacts thread = ThisThread(++last_thread_);
    threads_.push_back(std::make_unique<ThreadRecorder>(TakeRing(), session,
                                                        std::move(thread)));
    return threads_.back().get();
  } catch (const std::exception&) {
    return nullptr;  // no memory: this thread is not recorded
  }
}

uint32_t Recorder::AddModel(v1::Model model) {
  std::lock_guard<std::mutex> lock(mutex_);
  models_.push_back(std::move(model));
  return static_cast<uint32_t>(models_.size() - 1);
}

// ---------------------------------------------------------------------------
// The writer thread.

void Recorder::WriteLoop() {
  pthread_setname_np(pthread_self(), "torchtape");
  absl::Status finished;
  try {
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
  std::vector<ThreadRecorder*> threads;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    for (auto& thread : threads_) threads.push_back(thread.get());
  }
  const ClockPair now = ReadClocks();
  double filled = 0;
  for (ThreadRecorder* thread : threads) {
    if (thread->ring() == nullptr) continue;
    absl::Span<const uint64_t> first, second;
    thread->ring()->Peek(&first, &second);
    filled = std::max(filled,
                      static_cast<double>(first.size() + second.size()) *
                          sizeof(uint64_t) / thread->ring()->capacity_bytes());
  }
  Encode(threads, now);
  RetireThreads();
  return filled;
}

void Recorder::Encode(const std::vector<ThreadRecorder*>& threads,
                      const ClockPair& now) {
  std::vector<format::RecordSource> sources;
  std::vector<ThreadRecorder*> owners;
  for (ThreadRecorder* thread : threads) {
    if (thread->ring() == nullptr) continue;
    format::RecordSource source;
    source.thread = ToMessage(thread->thread());
    thread->ring()->Peek(&source.first, &source.second);
    if (source.first.empty()) continue;
    sources.push_back(std::move(source));
    owners.push_back(thread);
  }
  format::ClockLine line;
  line.ticks = last_clock_.ticks;
  line.ns = static_cast<double>(last_clock_.steady_ns - start_clock_.steady_ns);
  if (now.ticks > last_clock_.ticks) {
    line.ns_per_tick =
        static_cast<double>(now.steady_ns - last_clock_.steady_ns) /
        static_cast<double>(now.ticks - last_clock_.ticks);
  }
  absl::Status status =
      encoder_->Consume(absl::MakeSpan(sources), line, now.ticks);
  for (size_t i = 0; i < owners.size(); ++i) {
    owners[i]->ring()->Release(sources[i].position);
  }
  last_clock_ = now;
  if (status.ok() && now.steady_ns - last_flush_ns_ >= kFlushNs) {
    last_flush_ns_ = now.steady_ns;
    status = encoder_->Flush();
  }
  if (!status.ok()) Fail(status);
}

// Threads that are gone and whose records are written.
void Recorder::RetireThreads() {
  std::lock_guard<std::mutex> lock(mutex_);
  auto gone = [this](std::unique_ptr<ThreadRecorder>& thread) {
    if (!thread->finished()) return false;
    if (Ring* ring = thread->ring()) {
      absl::Span<const uint64_t> first, second;
      ring->Peek(&first, &second);
      if (!first.empty()) return false;
    }
    TellUntoldDrops(*thread);
    if (thread->ring()) free_rings_.push_back(thread->TakeRing());
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
  line.ns_per_tick = last_clock_.ticks == start_clock_.ticks
                         ? 1
                         : line.ns / static_cast<double>(last_clock_.ticks -
                                                         start_clock_.ticks);
  drop.set_start_time_ns(line.ToNs(thread.first_drop_ticks()));
  drop.set_end_time_ns(
      std::max(drop.start_time_ns(), static_cast<uint64_t>(line.ns)));
  encoder_->AddDrop(drop);
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
  {
    std::lock_guard<std::mutex> lock(mutex_);
    for (auto& thread : threads_) TellUntoldDrops(*thread);
  }
  absl::Status status = encoder_->Flush();
  v1::Statistics statistics = encoder_->statistics();
  statistics.set_writer_cpu_ns(ThreadCpuNs());
  statistics.set_end_time_ns(last_clock_.steady_ns - start_clock_.steady_ns);
  if (!status.ok()) statistics.set_first_error(std::string(status.message()));
  status.Update(writer_->Close(statistics));
  if (status.ok() && statistics.dropped_events() != 0) {
    status = absl::DataLossError(std::to_string(statistics.dropped_events()) +
                                 " events were dropped");
  }
  return status;
}

}  // namespace torchtape::internal
