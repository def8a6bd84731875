// A recording process is killed at a random instant, thousands of times: every
// event whose record was published is in what a reader shows, and at most one
// more a thread.
//
// TORCHTAPE_KILLS=10000 says how often.

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <iterator>
#include <random>
#include <thread>
#include <vector>

#include "core/recorder.h"
#include "support/recovered.h"
#include "support/temp_folder.h"

namespace torchtape::internal {
namespace {

using testing::EventCounts;
using ::testing::IsEmpty;

constexpr size_t kMaxThreads = 8192;

// What the child has recorded, by number of thread; it outlives the child.
struct Published {
  std::atomic<uint64_t> events[kMaxThreads];
};

struct Plan {
  std::string log;
  size_t ring_words;
  uint32_t chunk_events;
  bool threads_come_and_go;
  bool await_events;  // before the kill
  uint64_t keep_last_bytes = 0;
};

// Records without ever being refused, and counts each event once it is there.
class Worker {
 public:
  explicit Worker(Published* published)
      : recorder_(ThreadRecorder::Current()),
        count_(&published->events[recorder_->thread().number]) {}

  void Work(uint64_t turns) {
    for (uint64_t turn = 0; turn < turns; ++turn) {
      if (turn % 16 == 0) Begin("outer", turn);
      Begin("inner", turn % 100);
      Allocate();
      End();
      if (allocations_ > 4) Free(allocations_ - 4);
      if (turn % 16 == 15) End();
    }
  }

 private:
  // No event of this test takes more, what it defines included.
  void AwaitRoom() {
    while (recorder_->ring()->Reserve(128, 0) == nullptr) {
      std::this_thread::yield();
    }
  }
  void Count() {
    count_->store(count_->load(std::memory_order_relaxed) + 1,
                  std::memory_order_release);
  }
  void Begin(const char* name, uint64_t argument) {
    AwaitRoom();
    KnownOperator* op = recorder_->FindByText(SpanKind::kOp, name);
    if (op == nullptr) op = recorder_->AddByText(SpanKind::kOp, name);
    recorder_->values().Clear();
    recorder_->values().Integer(static_cast<int64_t>(argument));
    ThreadRecorder::Call call;
    call.key = &keys_[depth_++];
    call.has_values = true;
    call.signature = recorder_->SignatureOf(op->id);
    recorder_->Begin(call);
    Count();
  }
  void End() {
    AwaitRoom();
    recorder_->End(&keys_[--depth_], Ticks(), 0, false);
    Count();
  }
  uint64_t Address(uint64_t number) const {
    return uint64_t{recorder_->thread().number} << 40 | number << 4;
  }
  void Allocate() {
    AwaitRoom();
    ++allocations_;
    recorder_->Allocate(0, Address(allocations_), allocations_);
    Count();
  }
  void Free(uint64_t number) {
    AwaitRoom();
    recorder_->Free(Address(number));
    Count();
  }

  ThreadRecorder* const recorder_;
  std::atomic<uint64_t>* const count_;
  const char keys_[4] = {};
  size_t depth_ = 0;
  uint64_t allocations_ = 0;
};

// The child: records until it is killed.
[[noreturn]] void RecordForEver(const Plan& plan, Published* published) {
  RecorderOptions options;
  options.ring_words = plan.ring_words;
  options.encoder.max_chunk_events = plan.chunk_events;
  options.journal_path = format::JournalPath(plan.log);
  options.retention.keep_last.bytes = plan.keep_last_bytes;
  options.retention.least_batch_bytes = 2000;
  options.retention.summary_steps = 1;
  Recorder::Get().set_on_no_journal([](const absl::Status&) { _exit(3); });
  auto sink = format::CreateFile(plan.log);
  if (!sink.ok()) _exit(1);
  if (!Recorder::Get().Start(options, *std::move(sink), v1::Run()).ok()) {
    _exit(2);
  }
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      if (!plan.threads_come_and_go) Worker(published).Work(~uint64_t{0});
      while (true) {
        std::thread([&] { Worker(published).Work(200); }).join();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::abort();
}

class KillTest : public ::testing::Test {
 protected:
  KillTest()
      : published_(static_cast<Published*>(
            mmap(nullptr, sizeof(Published), PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {}
  ~KillTest() override { munmap(published_, sizeof(Published)); }

  static int Kills() {
    const char* kills = std::getenv("TORCHTAPE_KILLS");
    return kills ? std::atoi(kills) : 2000;
  }

  bool HasEvents() const {
    return std::any_of(std::begin(published_->events),
                       std::end(published_->events),
                       [](const auto& events) { return events != 0; });
  }

  // Runs a child, kills it after a time, and compares. Returns the events.
  uint64_t KillOne(const Plan& plan, useconds_t after) {
    for (auto& events : published_->events) events = 0;
    const pid_t child = fork();
    if (child == 0) RecordForEver(plan, published_);
    // On a busy machine a child may take long to start.
    for (int i = 0; plan.await_events && !HasEvents() && i < 100000; ++i) {
      usleep(100);
    }
    usleep(after);
    kill(child, SIGKILL);
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
    uint64_t events = 0;
    Compare(plan, &events);
    return events;
  }

  void Compare(const Plan& plan, uint64_t* events) {
    const std::string& log = plan.log;
    for (const auto& published : published_->events) *events += published;
    auto recovery = testing::RecoverLog(log);
    if (!recovery.ok()) {
      // Killed before anything could be recorded.
      EXPECT_EQ(*events, 0) << recovery.status();
      return;
    }
    EXPECT_THAT(recovery->problems, IsEmpty());
    const EventCounts shown(recovery->log);
    EXPECT_THAT(shown.problems(), IsEmpty());
    EXPECT_TRUE(shown.finished());
    EXPECT_EQ(shown.dropped(), 0);
    if (plan.keep_last_bytes != 0) return CompareSums(shown, *events);
    for (uint32_t thread = 0; thread < kMaxThreads; ++thread) {
      const uint64_t published = published_->events[thread];
      EXPECT_GE(shown.Of(thread), published) << "thread " << thread;
      EXPECT_LE(shown.Of(thread), published + 1) << "thread " << thread;
    }
  }

  // Each event is either there or in the sums of the summaries.
  void CompareSums(const EventCounts& shown, uint64_t events) {
    uint64_t threads = 0;
    for (const auto& published : published_->events) threads += published != 0;
    EXPECT_GE(shown.all() + shown.summarized(), events);
    EXPECT_LE(shown.all() + shown.summarized(), events + threads + 3);
    summarized_ += shown.summarized();
  }

  // Runs children as `keep_last_bytes` says, and kills them.
  void KillAll(int kills, uint64_t keep_last_bytes) {
    uint64_t events = 0;
    int with_events = 0;
    for (int i = 0; i < kills && !HasFailure(); ++i) {
      const testing::TempFolder folder;
      Plan plan;
      plan.log = folder / "run.tape";
      plan.ring_words = size_t{1} << (9 + random_() % 6);
      plan.chunk_events = random_() % 2 == 0 ? 100 : 5000;
      plan.threads_come_and_go = random_() % 3 == 0;
      plan.await_events = random_() % 2 == 0;
      plan.keep_last_bytes = keep_last_bytes;
      const uint64_t seen = KillOne(plan, random_() % 25000);
      events += seen;
      with_events += seen != 0;
    }
    std::printf(
        "%d kills, %d of them while events were recorded: %llu events\n", kills,
        with_events, static_cast<unsigned long long>(events));
    EXPECT_GT(with_events, kills / 4) << "else the test says little";
  }

  uint64_t summarized_ = 0;  // events
  std::mt19937 random_{std::random_device()()};
  Published* const published_;
};

TEST_F(KillTest, EveryPublishedEventIsShown) { KillAll(Kills(), 0); }

// FORMAT.md "Released chunks".
TEST_F(KillTest, EveryPublishedEventIsShownOrSummarized) {
  KillAll(std::max(Kills() / 4, 1), /*keep_last_bytes=*/10000);
  EXPECT_GT(summarized_, 0) << "else nothing was given back";
}

}  // namespace
}  // namespace torchtape::internal
