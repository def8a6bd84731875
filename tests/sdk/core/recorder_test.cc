#include "core/recorder.h"

#include <pthread.h>

#include "recording.h"

namespace torchtape::internal {
namespace {

using ::testing::_;
using testing::IsOk;
using testing::ReplayedLog;
using testing::SeenEvent;
using ::testing::SizeIs;
using testing::StatusIs;

class RecorderTest : public Recording {};

TEST_F(RecorderTest, WhatIsRecordedIsRead) {
  ASSERT_THAT(Start(), IsOk());
  {
    const OpScope outer("outer");
    const OpScope inner("inner");
  }
  ASSERT_THAT(Stop(), IsOk());
  const ReplayedLog log = Log();
  ASSERT_THAT(log.events, SizeIs(4));
  EXPECT_EQ(log.events[0].op, "outer");
  EXPECT_EQ(log.events[2].op, "inner");
}

TEST_F(RecorderTest, SecondStartFails) {
  ASSERT_THAT(Start(), IsOk());
  std::string other;
  EXPECT_THAT(Recorder::Get().Start(Options(), format::ToString(&other), {}),
              StatusIs(absl::StatusCode::kFailedPrecondition, _));
  EXPECT_EQ(other, "");
  EXPECT_THAT(Stop(), IsOk());
}

TEST_F(RecorderTest, StopWithoutStartFails) {
  EXPECT_THAT(Stop(), StatusIs(absl::StatusCode::kFailedPrecondition, _));
  ASSERT_THAT(Start(), IsOk());
  ASSERT_THAT(Stop(), IsOk());
  EXPECT_THAT(Stop(), StatusIs(absl::StatusCode::kFailedPrecondition, _));
}

TEST_F(RecorderTest, NothingIsRecordedBeforeStartAndAfterStop) {
  EXPECT_EQ(ThreadRecorder::Current(), nullptr);
  ASSERT_THAT(Start(), IsOk());
  EXPECT_NE(ThreadRecorder::Current(), nullptr);
  ASSERT_THAT(Stop(), IsOk());
  EXPECT_EQ(ThreadRecorder::Current(), nullptr);
}

TEST_F(RecorderTest, EachRecordingHasItsOwnEvents) {
  for (const char* name : {"first", "second"}) {
    ASSERT_THAT(Start(), IsOk());
    { const OpScope scope(name); }
    ASSERT_THAT(Stop(), IsOk());
    const ReplayedLog log = Log();
    ASSERT_THAT(log.events, SizeIs(2));
    EXPECT_EQ(log.events[0].op, name);
    EXPECT_EQ(log.events[0].thread, 1);
  }
}

TEST_F(RecorderTest, SpanOpenAtTheStopStaysOpen) {
  ASSERT_THAT(Start(), IsOk());
  const OpScope scope("open");
  ASSERT_THAT(Stop(), IsOk());
  EXPECT_THAT(Log().events, SizeIs(1));
}

TEST_F(RecorderTest, SpanOfAnEarlierRecordingDoesNotEndInThisOne) {
  ASSERT_THAT(Start(), IsOk());
  {
    const OpScope scope("old");
    ASSERT_THAT(Stop(), IsOk());
    ASSERT_THAT(Start(), IsOk());
  }
  { const OpScope scope("new"); }
  ASSERT_THAT(Stop(), IsOk());
  EXPECT_THAT(Log().events, SizeIs(2));
}

TEST_F(RecorderTest, ThreadsAreNumberedAndNamed) {
  ASSERT_THAT(Start(), IsOk());
  { const OpScope scope("main"); }
  std::thread([] {
    pthread_setname_np(pthread_self(), "loader");
    const OpScope scope("other");
  }).join();
  ASSERT_THAT(Stop(), IsOk());
  const ReplayedLog log = Log();
  const v1::Thread thread = log.chunks.at(0).threads(1);
  EXPECT_EQ(thread.number(), 2);
  EXPECT_EQ(thread.name(), "loader");
  EXPECT_NE(thread.os_id(), log.chunks[0].threads(0).os_id());
  EXPECT_EQ(log.said.threads(), 2);
}

TEST_F(RecorderTest, TimesCountFromTheStart) {
  const uint64_t before = SteadyNs();
  ASSERT_THAT(Start(), IsOk());
  { const OpScope scope("op"); }
  ASSERT_THAT(Stop(), IsOk());
  const uint64_t most = SteadyNs() - before;
  const ReplayedLog log = Log();
  EXPECT_GE(log.content.run.start_steady_ns(), before);
  EXPECT_GT(log.events.at(0).event.time_ns, 0);
  EXPECT_LE(log.events.at(1).event.time_ns, most);
  EXPECT_GE(log.said.end_time_ns(), log.events[1].event.time_ns);
}

TEST_F(RecorderTest, ModelIsWrittenWhenItsRecordIs) {
  ASSERT_THAT(Start(), IsOk());
  v1::Model model;
  model.set_name("net");
  ThreadRecorder::Current()->Model(Recorder::Get().AddModel(model));
  ASSERT_THAT(Stop(), IsOk());
  const ReplayedLog log = Log();
  ASSERT_THAT(log.models, SizeIs(1));
  EXPECT_EQ(log.models[0].name(), "net");
}

TEST_F(RecorderTest, WarmUpIsThrownAway) {
  RecorderOptions options = Options();
  options.encoder.recording = false;
  ASSERT_THAT(Start(options), IsOk());
  { const OpScope scope("warm-up"); }
  ThreadRecorder::Current()->Window(true);
  { const OpScope scope("kept"); }
  ASSERT_THAT(Stop(), IsOk());
  const ReplayedLog log = Log();
  ASSERT_THAT(log.events, SizeIs(2));
  EXPECT_EQ(log.events[0].op, "kept");
}

TEST_F(RecorderTest, RecordingOfNothingIsAWholeLog) {
  ASSERT_THAT(Start(), IsOk());
  ASSERT_THAT(Stop(), IsOk());
  EXPECT_THAT(Log().chunks, SizeIs(0));
}

}  // namespace
}  // namespace torchtape::internal
