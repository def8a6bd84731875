#include "replay/replay.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "viewer/sample_run.h"

namespace torchtape::viewer {
namespace {

using ::testing::ElementsAre;

// Writes down what it is told.
class Notes : public Visitor {
 public:
  void OnStep(const StepStart& start) override {
    Add("step " + std::to_string(start.number));
  }
  void OnBegin(const SpanBegin& begin) override {
    Add((begin.resumed ? "resume " : "begin ") + begin.frame.op->name);
  }
  void OnEnd(const SpanEnd& end) override {
    Add("end " + end.frame.op->name + " " +
        (end.timed() ? std::to_string(end.duration_ns()) + " " +
                           std::to_string(end.self_ns())
                     : "untimed"));
  }
  void OnValue(const v1::LoggedValue& value) override {
    Add("value " + value.name());
  }

  std::vector<std::string> lines;

 private:
  void Add(std::string line) { lines.push_back(std::move(line)); }
};

std::vector<std::string> Lines(const std::string& bytes) {
  absl::StatusOr<format::LogReader> reader =
      format::LogReader::Open(format::FromString(bytes));
  if (!reader.ok()) return {};
  Notes notes;
  if (!Replay({}, {&notes}, &*reader).ok()) return {};
  return notes.lines;
}

TEST(Replay, SelfTimeLeavesOutChildren) {
  LogBuilder log;
  const uint32_t outer = log.Op("outer"), inner = log.Op("inner");
  log.Begin(1, 100, outer);
  log.Begin(1, 110, inner);
  log.End(1, 140);
  log.End(1, 200);
  EXPECT_THAT(Lines(log.Finish()),
              ElementsAre("step 0", "begin outer", "begin inner",
                          "end inner 30 30", "end outer 100 70"));
}

TEST(Replay, ThreadsAreMergedInTime) {
  LogBuilder log;
  const uint32_t a = log.Op("a"), b = log.Op("b");
  log.Begin(1, 100, a);
  log.End(1, 300);
  log.Begin(2, 150, b);
  log.End(2, 200);
  EXPECT_THAT(Lines(log.Finish()), ElementsAre("step 0", "begin a", "begin b",
                                               "end b 50 50", "end a 200 200"));
}

TEST(Replay, StepsAndValuesComeBetweenTheEvents) {
  LogBuilder log;
  const uint32_t a = log.Op("a");
  log.Begin(1, 100, a);
  log.End(1, 110);
  log.Value("loss", 1, 120);
  log.Step(1, 130);
  log.Begin(1, 130, a);
  log.End(1, 140);
  EXPECT_THAT(Lines(log.Finish()),
              ElementsAre("step 0", "begin a", "end a 10 10", "value loss",
                          "step 1", "begin a", "end a 10 10"));
}

TEST(Replay, SpanThatCrossesChunksIsOneSpan) {
  LogBuilder log;
  const uint32_t outer = log.Op("outer"), inner = log.Op("inner");
  log.Begin(1, 100, outer);
  log.NewChunk();
  log.Begin(1, 110, inner);
  log.NewChunk();
  log.End(1, 140);
  log.NewChunk();
  log.End(1, 200);
  EXPECT_THAT(Lines(log.Finish()),
              ElementsAre("step 0", "begin outer", "begin inner",
                          "end inner 30 30", "end outer 100 70"));
}

TEST(Replay, SpanWhoseBeginIsInADamagedChunkStillHasItsTime) {
  LogBuilder log;
  const uint32_t lost = log.Op("lost"), first = log.Op("first");
  log.Begin(1, 50, first);
  log.End(1, 60);
  log.NewChunk();
  log.Step(1, 90);
  log.Begin(1, 100, lost);
  log.NewChunk();
  log.End(1, 140);
  std::string bytes = log.Finish();
  bytes[log.offsets()[1] + 50] ^= 1;
  EXPECT_THAT(Lines(bytes),
              ElementsAre("step 0", "begin first", "end first 10 10", "step 1",
                          "resume lost", "end lost 40 40"));
}

TEST(Replay, SpanWhoseEndIsInADamagedChunkHasNoTime) {
  LogBuilder log;
  const uint32_t open = log.Op("open"), next = log.Op("next");
  log.Begin(1, 50, open);
  log.NewChunk();
  log.End(1, 100);
  log.NewChunk();
  log.Begin(1, 120, next);
  log.End(1, 140);
  std::string bytes = log.Finish();
  bytes[log.offsets()[1] + 50] ^= 1;
  EXPECT_THAT(Lines(bytes),
              ElementsAre("step 0", "begin open", "end open untimed",
                          "begin next", "end next 20 20"));
}

TEST(Replay, CutAndUnfinishedSpansHaveNoTime) {
  LogBuilder log;
  const uint32_t cut = log.Op("cut"), open = log.Op("open");
  log.Begin(1, 100, cut);
  log.Cut(1, 150);
  log.Begin(1, 200, open);
  EXPECT_THAT(Lines(log.Kill()),
              ElementsAre("step 0", "begin cut", "end cut untimed",
                          "begin open", "end open untimed"));
}

TEST(Replay, ColumnsThatDoNotFitCostOnlyTheirStream) {
  LogBuilder log;
  const uint32_t a = log.Op("a");
  log.Begin(1, 100, a);
  log.End(1, 110);
  log.Begin(2, 100, 99);  // no such signature
  log.End(2, 120);
  absl::StatusOr<format::LogReader> reader =
      format::LogReader::Open(format::FromString(log.Finish()));
  Notes notes;
  absl::StatusOr<ReplayReport> report = Replay({}, {&notes}, &*reader);
  ASSERT_TRUE(report.ok());
  EXPECT_THAT(notes.lines, ElementsAre("step 0", "begin a", "end a 10 10"));
  ASSERT_EQ(report->damage.size(), 1u);
  EXPECT_THAT(report->damage[0].reason, ::testing::HasSubstr("thread 2"));
}

}  // namespace
}  // namespace torchtape::viewer
