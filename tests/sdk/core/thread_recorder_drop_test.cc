// What a thread recorder does when its ring is full.

#include <random>

#include "thread_recording.h"

namespace torchtape::internal {
namespace {

using ::testing::IsEmpty;
using testing::ReplayedLog;
using testing::SeenEvent;
using ::testing::SizeIs;

class ThreadRecorderDropTest : public ThreadRecording {
 protected:
  ThreadRecorderDropTest() : ThreadRecording(256) {
    for (const char* name : {"outer", "inner"}) CallOf(name);
    Drain();
  }

  // Allocates until the ring takes no more; how many were taken. The one that
  // was not is counted.
  uint64_t FillRing() {
    uint64_t taken = 0;
    while (recorder().untold_drops() == 0) {
      recorder().Allocate(0, 0x1000 + taken++, 1);
    }
    return taken - 1;
  }
  uint64_t Dropped(const ReplayedLog& log) {
    return log.said.dropped_events() + recorder().untold_drops();
  }
};

TEST_F(ThreadRecorderDropTest, FullRingDropsAndCounts) {
  const uint64_t taken = FillRing();
  EXPECT_GT(taken, 10);
  recorder().Allocate(0, 1, 1);
  recorder().Free(1);
  recorder().Step(1, true);
  recorder().Value("loss", 1);
  Begin("outer", 1);
  End(1);
  EXPECT_EQ(recorder().untold_drops(), 6);
  EXPECT_THAT(Finish().events, SizeIs(taken));
}

TEST_F(ThreadRecorderDropTest, DropsAreToldOnceThereIsRoom) {
  FillRing();
  const uint64_t first = recorder().first_drop_ticks();
  recorder().Free(1);
  Drain();
  recorder().Free(2);
  EXPECT_EQ(recorder().untold_drops(), 0);
  const ReplayedLog log = Finish();
  const v1::Drop drop = log.chunks.at(0).drops(0);
  EXPECT_EQ(drop.events(), 2);
  EXPECT_EQ(drop.thread(), 1);
  EXPECT_EQ(drop.start_time_ns(), first);
  EXPECT_GE(drop.end_time_ns(), drop.start_time_ns());
}

TEST_F(ThreadRecorderDropTest, SpanThatBeganHasRoomForItsEnd) {
  for (size_t key = 1; recorder().untold_drops() == 0; ++key) {
    Begin("outer", key);
  }
  for (size_t key = 1000; key != 0; --key) End(key);
  const ReplayedLog log = Finish();
  EXPECT_GT(log.said.spans_begun(), 10);
  EXPECT_EQ(log.said.spans_ended(), log.said.spans_begun());
  EXPECT_EQ(log.said.cut_spans(), 0);
}

TEST_F(ThreadRecorderDropTest, CutSpansHaveRoomForTheirEnds) {
  for (size_t key = 1; recorder().untold_drops() == 0; ++key) {
    Begin("outer", key);
  }
  End(1);
  const ReplayedLog log = Finish();
  EXPECT_EQ(log.said.spans_ended(), log.said.spans_begun());
  EXPECT_EQ(log.said.cut_spans(), log.said.spans_begun() - 1);
}

TEST_F(ThreadRecorderDropTest, EndThatHasNoRoomForItsValuesStillEnds) {
  Begin("outer", 1);
  recorder().values().Clear();
  recorder().values().Reals(std::vector<double>(10));
  const uint32_t result = recorder().SignatureOf(0);
  FillRing();
  recorder().End(Key(1), Ticks(), result, false);
  const SeenEvent end = Finish().events.back();
  EXPECT_EQ(end.event.kind, v1::EVENT_KIND_END);
  EXPECT_EQ(end.event.result, 0);
}

TEST_F(ThreadRecorderDropTest, WhatIsInsideADroppedSpanIsDroppedWithIt) {
  FillRing();
  Begin("outer", 1);
  Drain();  // from here on there is room
  Begin("inner", 2);
  recorder().Allocate(0, 0x9999, 1);
  End(2);
  End(1);
  Begin("inner", 3);
  End(3);
  const ReplayedLog log = Finish();
  EXPECT_EQ(log.said.spans_begun(), 1);
  EXPECT_EQ(log.said.dropped_events(), 4);
  for (const SeenEvent& event : log.OfKind(v1::EVENT_KIND_ALLOCATE)) {
    EXPECT_NE(event.event.address, 0x9999);
  }
}

TEST_F(ThreadRecorderDropTest, DroppedSpanWantsNoResult) {
  FillRing();
  Begin("outer", 1);
  EXPECT_FALSE(recorder().WantsResult(Key(1)));
}

TEST_F(ThreadRecorderDropTest, SpanWithoutSignatureIsDropped) {
  Begin(uint32_t{0}, 1);
  End(1);
  EXPECT_EQ(recorder().untold_drops(), 1);
  EXPECT_THAT(Finish().events, IsEmpty());
}

TEST_F(ThreadRecorderDropTest, DeepNestingIsDroppedAndTheRestIsWhole) {
  for (size_t key = 1; key <= 1000; ++key) {
    Begin("outer", key);
    if (key % 20 == 0) Drain();
  }
  for (size_t key = 1000; key != 0; --key) {
    End(key);
    if (key % 20 == 0) Drain();
  }
  const ReplayedLog log = Finish();
  EXPECT_EQ(log.said.spans_begun() + Dropped(log), 1000);
  EXPECT_EQ(log.said.spans_ended(), log.said.spans_begun());
}

TEST_F(ThreadRecorderDropTest, ThreadWithoutRingDropsEverything) {
  ThreadRecorder recorder(nullptr, 1, ThreadFacts());
  EXPECT_EQ(recorder.AddByText(SpanKind::kOp, "op"), nullptr);
  ThreadRecorder::Call call;
  recorder.Begin(call);
  recorder.End(call.key, Ticks(), 0, false);
  recorder.Allocate(0, 1, 1);
  recorder.Free(1);
  recorder.Value("loss", 1);
  EXPECT_EQ(recorder.untold_drops(), 4);
}

// A program that records whatever the state of the ring.
TEST_F(ThreadRecorderDropTest, RecordedAndDroppedIsAllThatHappened) {
  std::mt19937 random(7);
  uint64_t happened = 0;
  size_t depth = 0;
  for (int i = 0; i < 50000; ++i) {
    switch (random() % 6) {
      case 0:
      case 1:
        if (depth == 100) break;
        Begin(random() % 2 ? "outer" : "inner", ++depth);
        ++happened;
        break;
      case 2:
      case 3:
        if (depth != 0) End(depth--);
        break;
      case 4:
        recorder().Allocate(0, 0x1000 + random() % 64, 1);
        ++happened;
        break;
      default:
        if (random() % 8 == 0) Drain();
    }
  }
  for (; depth != 0; --depth) End(depth);
  const ReplayedLog log = Finish();
  EXPECT_GT(Dropped(log), 1000);
  EXPECT_GT(log.said.spans_begun(), 1000);
  EXPECT_EQ(log.said.spans_begun() + log.said.allocations() + Dropped(log),
            happened);
  EXPECT_EQ(log.said.spans_begun(), log.said.spans_ended());
}

}  // namespace
}  // namespace torchtape::internal
