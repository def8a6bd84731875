// Many threads. Most worth under ThreadSanitizer.

#include <atomic>
#include <set>

#include "recording.h"

namespace torchtape::internal {
namespace {

using testing::IsOk;
using testing::ReplayedLog;
using testing::SeenEvent;
using ::testing::SizeIs;

class RecorderThreadsTest : public Recording {
 protected:
  // Threads that record as fast as they can for as long as this lives.
  class Busy {
   public:
    explicit Busy(size_t threads) {
      for (size_t i = 0; i < threads; ++i) {
        threads_.emplace_back([this] {
          while (!done_) {
            const OpScope outer("outer");
            const OpScope inner("inner");
            Allocate();
            ++turns_;
          }
        });
      }
    }
    ~Busy() {
      done_ = true;
      for (std::thread& thread : threads_) thread.join();
    }
    // Waits until the threads have done something more.
    void AwaitTurns(uint64_t turns) const {
      const uint64_t before = turns_;
      while (turns_ - before < turns) std::this_thread::yield();
    }

   private:
    static void Allocate() {
      if (ThreadRecorder* recorder = ThreadRecorder::Current()) {
        recorder->Allocate(0, reinterpret_cast<uintptr_t>(&recorder), 8);
        recorder->Free(reinterpret_cast<uintptr_t>(&recorder));
      }
    }

    std::atomic<bool> done_{false};
    std::atomic<uint64_t> turns_{0};
    std::vector<std::thread> threads_;
  };

  // Events may be dropped, as the threads are faster than the writer.
  static void ExpectOkOrDataLoss(const absl::Status& status) {
    EXPECT_TRUE(status.ok() || status.code() == absl::StatusCode::kDataLoss)
        << status;
  }
};

TEST_F(RecorderThreadsTest, EachThreadsEventsAreItsOwn) {
  constexpr uint64_t kSpans = 1000;
  RecorderOptions options = Options();
  options.ring_words = 1 << 16;
  ASSERT_THAT(Start(options), IsOk());
  OnThreads(4, [] {
    for (uint64_t i = 0; i < kSpans; ++i) const OpScope scope("op");
  });
  ASSERT_THAT(Stop(), IsOk());
  const ReplayedLog log = Log();
  for (uint32_t number = 2; number <= 5; ++number) {
    uint64_t events = 0;
    for (const SeenEvent& event : log.events) events += event.thread == number;
    EXPECT_EQ(events, 2 * kSpans);
  }
}

TEST_F(RecorderThreadsTest, StopWhileThreadsRecordLeavesAWholeLog) {
  ASSERT_THAT(Start(), IsOk());
  {
    const Busy busy(8);
    busy.AwaitTurns(2000);
    ExpectOkOrDataLoss(Stop());
    busy.AwaitTurns(100);
  }
  EXPECT_GT(Log().said.spans_begun(), 0);
}

TEST_F(RecorderThreadsTest, RecordingsMayFollowEachOtherUnderBusyThreads) {
  const Busy busy(4);
  for (int i = 0; i < 200 && !HasFailure(); ++i) {
    ASSERT_THAT(Start(), IsOk());
    if (i % 4 == 0) busy.AwaitTurns(10);
    ExpectOkOrDataLoss(Stop());
    if (i % 4 == 0) Log();
  }
}

// Each gets a ring in the end, though there is memory for two only.
TEST_F(RecorderThreadsTest, ThreadsThatComeAndGoReuseRings) {
  std::atomic<int> with_ring{0};
  std::set<const Ring*> rings;
  ASSERT_THAT(Start(RingsOf(1 << 11, 2)), IsOk());
  const uint64_t start = SteadyNs();
  while (with_ring < 50 && SteadyNs() - start < uint64_t{60} * 1000000000) {
    std::thread([&] {
      const OpScope scope("op");
      const Ring* ring = ThreadRecorder::Current()->ring();
      if (ring == nullptr) return;
      rings.insert(ring);
      ++with_ring;
    }).join();
  }
  Stop().IgnoreError();  // threads without ring have dropped their span
  EXPECT_EQ(Log().said.spans_begun(), 50);
  EXPECT_THAT(rings, SizeIs(::testing::Le(2)));
}

TEST_F(RecorderThreadsTest, RingsOfEarlierRecordingsDoNotCountAgain) {
  for (size_t words : {1 << 13, 1 << 11, 1 << 12}) {
    ASSERT_THAT(Start(RingsOf(words, 1)), IsOk());
    std::thread([words] {
      const OpScope scope("op");
      const Ring* ring = ThreadRecorder::Current()->ring();
      ASSERT_NE(ring, nullptr);
      EXPECT_EQ(ring->capacity_bytes(), words * sizeof(uint64_t));
    }).join();
    EXPECT_THAT(Stop(), IsOk());
  }
}

TEST_F(RecorderThreadsTest, ThreadMayEndWhileItsSpanIsOpen) {
  ASSERT_THAT(Start(), IsOk());
  std::thread([] {
    ThreadRecorder::Call call;
    KnownOperator* op =
        ThreadRecorder::Current()->AddByText(SpanKind::kOp, "lost");
    call.signature = ThreadRecorder::Current()->BareSignature(op);
    ThreadRecorder::Current()->Begin(call);
  }).join();
  ASSERT_THAT(Stop(), IsOk());
  EXPECT_THAT(Log().events, SizeIs(1));
}

// As a thread pool's objects that are destroyed with their thread.
struct RecordsWhenDestroyed {
  ~RecordsWhenDestroyed() { const OpScope scope("late"); }
};

TEST_F(RecorderThreadsTest, WhatIsDestroyedWithItsThreadMayRecord) {
  ASSERT_THAT(Start(), IsOk());
  std::thread([] {
    static thread_local RecordsWhenDestroyed made_before;
    (void)&made_before;
    const OpScope scope("op");
    static thread_local RecordsWhenDestroyed made_after;
    (void)&made_after;
  }).join();
  ASSERT_THAT(Stop(), IsOk());
  EXPECT_EQ(Log().said.spans_begun(), 2) << "not that of `made_before`";
}

TEST_F(RecorderThreadsTest, OneOfManyStopsSucceeds) {
  ASSERT_THAT(Start(), IsOk());
  std::atomic<int> ok{0};
  OnThreads(8, [&ok] { ok += Stop().ok(); });
  EXPECT_EQ(ok, 1);
}

}  // namespace
}  // namespace torchtape::internal
