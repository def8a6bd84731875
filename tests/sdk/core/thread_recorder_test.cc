#include "core/thread_recorder.h"

#include <stdexcept>

#include "gmock/gmock.h"
#include "thread_recording.h"

namespace torchtape::internal {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::ReplayedLog;
using testing::SeenEvent;
using ::testing::SizeIs;

class ThreadRecorderTest : public ThreadRecording {
 protected:
  ThreadRecorderTest() : ThreadRecording(1 << 17) {}
};

TEST_F(ThreadRecorderTest, SpanIsReadAsItWasRecorded) {
  Begin("outer", 1);
  Begin("inner", 2);
  End(2);
  End(1);
  const ReplayedLog log = Finish();
  EXPECT_THAT(Ops(log), ElementsAre("outer", "inner", "inner", "outer"));
  EXPECT_EQ(log.events[1].event.depth, 1);
  EXPECT_LE(log.events[0].event.time_ns, log.events[1].event.time_ns);
}

TEST_F(ThreadRecorderTest, SequenceAndForwardThreadAreKept) {
  ThreadRecorder::Call call = CallOf("node");
  call.sequence = 77;
  call.backward = true;
  call.forward_thread = 5;
  recorder().Begin(call);
  const SeenEvent begin = Finish().events.at(0);
  EXPECT_EQ(begin.event.kind, v1::EVENT_KIND_BEGIN_BACKWARD);
  EXPECT_EQ(begin.span.sequence, 77);
  EXPECT_EQ(begin.span.forward_thread, 5);
}

TEST_F(ThreadRecorderTest, BackwardNodeMayHaveNoSequence) {
  ThreadRecorder::Call call = CallOf("node");
  call.backward = true;
  recorder().Begin(call);
  const SeenEvent begin = Finish().events.at(0);
  EXPECT_EQ(begin.event.kind, v1::EVENT_KIND_BEGIN_BACKWARD);
  EXPECT_FALSE(begin.span.sequence);
}

TEST_F(ThreadRecorderTest, ValuesGoInAndOut) {
  recorder().values().Clear();
  recorder().values().Integer(3);
  recorder().values().Real(0.5);
  BeginWithValues("op", 1);
  recorder().values().Clear();
  recorder().values().Real(2);
  recorder().End(Key(1), Ticks(), recorder().SignatureOf(0), true);
  const ReplayedLog log = Finish();
  EXPECT_EQ(log.events.at(0).values, "integer: 3; real: true");
  EXPECT_THAT(log.events[0].reals, ElementsAre(0.5));
  EXPECT_THAT(log.events[1].reals, ElementsAre(2));
}

TEST_F(ThreadRecorderTest, EqualValuesShareASignature) {
  KnownOperator* op = recorder().AddByText(SpanKind::kOp, "op");
  const auto signature = [&](int64_t value) {
    recorder().values().Clear();
    recorder().values().Integer(value);
    return recorder().SignatureOf(op->id);
  };
  EXPECT_EQ(signature(1), signature(1));
  EXPECT_NE(signature(1), signature(2));
  EXPECT_NE(signature(1), recorder().SignatureOf(0));
}

TEST_F(ThreadRecorderTest, EventsOfEveryKindAreKept) {
  recorder().Window(true);  // as it is: nothing changes
  recorder().Step(3, true);
  recorder().Value("loss", 0.25);
  recorder().Allocate(0, 0x1000, 64);
  recorder().Free(0x1000);
  recorder().Model(0);
  const ReplayedLog log = Finish();
  EXPECT_EQ(log.chunks.at(0).steps(0).number(), 3);
  EXPECT_EQ(log.chunks[0].values(0).name(), "loss");
  EXPECT_EQ(log.chunks[0].values(0).value(), 0.25);
  EXPECT_THAT(log.events, SizeIs(2));
  EXPECT_THAT(log.models, SizeIs(1));
}

TEST_F(ThreadRecorderTest, EndWithoutBeginIsIgnored) {
  End(1);
  Begin("op", 1);
  End(9);
  End(1);
  End(1);
  EXPECT_THAT(Ops(Finish()), ElementsAre("op", "op"));
}

TEST_F(ThreadRecorderTest, InnerSpansThatNeverEndedAreCut) {
  Begin("outer", 1);
  Begin("lost", 2);
  Begin("lost", 3);
  End(1);
  const ReplayedLog log = Finish();
  const auto cut = log.OfKind(v1::EVENT_KIND_END_UNKNOWN);
  ASSERT_THAT(cut, SizeIs(2));
  EXPECT_EQ(cut[0].op, "lost");
  EXPECT_EQ(log.events.back().event.kind, v1::EVENT_KIND_END);
  EXPECT_EQ(log.events.back().op, "outer");
}

TEST_F(ThreadRecorderTest, ResultIsWantedByTheInnermostSpanOnly) {
  Begin("outer", 1);
  EXPECT_TRUE(recorder().WantsResult(Key(1)));
  Begin("inner", 2);
  EXPECT_FALSE(recorder().WantsResult(Key(1)));
  EXPECT_TRUE(recorder().WantsResult(Key(2)));
  End(2);
  EXPECT_TRUE(recorder().WantsResult(Key(1)));
}

TEST_F(ThreadRecorderTest, ExceptionMarksTheSpansItLeaves) {
  try {
    const Scope outer(this, "outer");
    const Scope inner(this, "inner");
    throw std::runtime_error("as programs do");
  } catch (const std::runtime_error&) {
    const Scope after(this, "after");
  }
  const ReplayedLog log = Finish();
  EXPECT_THAT(log.OfKind(v1::EVENT_KIND_END_THREW), SizeIs(2));
  EXPECT_EQ(log.events.back().event.kind, v1::EVENT_KIND_END);
}

TEST_F(ThreadRecorderTest, SpanInsideOfUnwindingDidNotThrow) {
  struct OnTheWayOut {
    ~OnTheWayOut() { const Scope scope(test, "cleanup"); }
    ThreadRecorderTest* test;
  };
  try {
    const OnTheWayOut cleanup{this};
    throw std::runtime_error("as programs do");
  } catch (const std::runtime_error&) {
  }
  EXPECT_EQ(Finish().events.at(1).event.kind, v1::EVENT_KIND_END);
}

TEST_F(ThreadRecorderTest, OperatorsAreFoundByAddress) {
  const char name[] = "aten::add", twin[] = "aten::add";
  EXPECT_EQ(recorder().FindByAddress(name), nullptr);
  KnownOperator* op =
      recorder().AddByAddress(name, SpanKind::kOp, name, "Tensor", "schema");
  ASSERT_NE(op, nullptr);
  EXPECT_EQ(recorder().FindByAddress(name), op);
  EXPECT_EQ(recorder().FindByAddress(twin), nullptr);
}

// As a backward node is found by its type.
TEST_F(ThreadRecorderTest, TheAddressMayHoldAnotherTextThanTheName) {
  const char type[] = "N5torch8autograd9generated11MmBackward0E";
  KnownOperator* op =
      recorder().AddByAddress(type, SpanKind::kBackward, "MmBackward0", "", "");
  ASSERT_NE(op, nullptr);
  EXPECT_EQ(recorder().FindByAddress(type), op);
}

// Memory of a name that is gone may hold another one.
TEST_F(ThreadRecorderTest, OtherNameAtTheSameAddressIsAnotherOperator) {
  char name[] = "aten::add";
  const uint32_t first =
      recorder().AddByAddress(name, SpanKind::kOp, name, "", "")->id;
  strcpy(name, "aten::mul");
  EXPECT_EQ(recorder().FindByAddress(name), nullptr);
  KnownOperator* second =
      recorder().AddByAddress(name, SpanKind::kOp, name, "", "");
  EXPECT_NE(second->id, first);
  EXPECT_EQ(second->bare_signature, 0);
  EXPECT_EQ(recorder().FindByAddress(name), second);
}

TEST_F(ThreadRecorderTest, TableOfAddressesMayFillUp) {
  const std::vector<char> names(10000);
  size_t added = 0;
  for (const char& name : names) {
    if (recorder().AddByAddress(&name, SpanKind::kOp, "", "", "")) ++added;
    Drain();
  }
  EXPECT_GT(added, 1000);
  EXPECT_LT(added, names.size());
  EXPECT_EQ(recorder().FindByAddress(&names.back()), nullptr);
  EXPECT_NE(recorder().FindByAddress(&names.front()), nullptr);
}

TEST_F(ThreadRecorderTest, OperatorsAreFoundByTextWhereverItLies) {
  KnownOperator* op = recorder().AddByText(SpanKind::kRange, "epoch");
  EXPECT_EQ(recorder().FindByText(SpanKind::kRange, std::string("epoch")), op);
  EXPECT_EQ(recorder().FindByText(SpanKind::kOp, "epoch"), nullptr);
  EXPECT_EQ(recorder().FindByText(SpanKind::kRange, "epoch2"), nullptr);
}

TEST_F(ThreadRecorderTest, NamesMadeUpAsTrainingGoesHaveABound) {
  size_t added = 0;
  while (added < 100000 &&
         recorder().AddByText(SpanKind::kRange, std::to_string(added))) {
    ++added;
    Drain();
  }
  EXPECT_GE(added, 10000);
  EXPECT_LT(added, 100000);
}

TEST_F(ThreadRecorderTest, LongNamesAreCut) {
  Begin(std::string(1000000, 'x'), 1);
  const SeenEvent begin = Finish().events.at(0);
  EXPECT_GE(begin.op.size(), 10000);
  EXPECT_LT(begin.op.size(), 100000);
}

// Shapes that never repeat: the table starts over, and no event is lost.
TEST_F(ThreadRecorderTest, SignaturesThatNeverRepeatLoseNothing) {
  constexpr int64_t kCalls = 20000;
  Begin("outer", 1);
  for (int64_t i = 0; i < kCalls; ++i) {
    recorder().values().Clear();
    recorder().values().Integer(i);
    BeginWithValues("op", 2);
    End(2);
    if (i % 1000 == 0) Drain();
  }
  End(1);
  const ReplayedLog log = Finish();
  EXPECT_EQ(log.said.dropped_events(), 0);
  ASSERT_THAT(log.events, SizeIs(2 * kCalls + 2));
  for (int64_t i = 0; i < kCalls; ++i) {
    EXPECT_EQ(log.events[2 * i + 1].values, "integer: " + std::to_string(i));
  }
  EXPECT_EQ(log.events.back().op, "outer");
}

TEST_F(ThreadRecorderTest, BareSignaturesOutliveTheTable) {
  KnownOperator* op = recorder().AddByText(SpanKind::kOp, "bare");
  for (int64_t i = 0; i < 7000; ++i) {
    if (i % 1000 == 0) {
      Begin(recorder().BareSignature(op), 1);
      End(1);
      Drain();
    }
    recorder().values().Clear();
    recorder().values().Integer(i);
    EXPECT_NE(recorder().SignatureOf(op->id), 0);
  }
  Begin(recorder().BareSignature(op), 1);
  EXPECT_THAT(Ops(Finish()), SizeIs(15));
}

}  // namespace
}  // namespace torchtape::internal
