#include "torchtape/format/encoder.h"

#include "gmock/gmock.h"
#include "support/encoding.h"
#include "support/failing_sink.h"
#include "support/status_matchers.h"

namespace torchtape::format {
namespace {

using ::testing::_;
using ::testing::ElementsAre;
using testing::Encoding;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::Records;
using testing::ReplayedLog;
using testing::SeenEvent;
using ::testing::SizeIs;
using testing::StatusIs;

// Signatures without values: 1 "aten::add", 2 "aten::mul", 3 a backward node.
class EncoderTest : public ::testing::Test {
 protected:
  EncoderTest() {
    for (Records* thread : {&main_, &other_}) {
      thread->Operator(1, "aten::add").Operator(2, "aten::mul");
      thread->Operator(3, "AddBackward", SpanKind::kBackward);
      for (uint32_t op : {1, 2, 3}) thread->Signature(op, op);
    }
  }
  static EncoderOptions ChunksOf(uint32_t events) {
    EncoderOptions options;
    options.max_chunk_events = events;
    return options;
  }
  // Encodes both threads' records and reads a log that has no problems.
  ReplayedLog Log(const EncoderOptions& options = {}) {
    Encoding encoding(options);
    const ReplayedLog log = encoding.Finish({&main_, &other_});
    EXPECT_THAT(log.problems, IsEmpty());
    return log;
  }

  Records main_{1}, other_{2};
};

std::vector<std::string> Ops(const std::vector<SeenEvent>& events) {
  std::vector<std::string> ops;
  for (const SeenEvent& event : events) ops.push_back(event.op);
  return ops;
}
std::vector<uint64_t> Times(const std::vector<SeenEvent>& events) {
  std::vector<uint64_t> times;
  for (const SeenEvent& event : events) times.push_back(event.event.time_ns);
  return times;
}

TEST_F(EncoderTest, NothingRecordedMakesNoChunk) {
  EXPECT_THAT(Log().chunks, IsEmpty());
}

TEST_F(EncoderTest, SpanIsReadAsItWasRecorded) {
  main_.Begin(10, 1).Begin(20, 2).End(30).End(40);
  const ReplayedLog log = Log();
  EXPECT_THAT(Times(log.events), ElementsAre(10, 20, 30, 40));
  EXPECT_THAT(Ops(log.events),
              ElementsAre("aten::add", "aten::mul", "aten::mul", "aten::add"));
  EXPECT_EQ(log.events[1].event.depth, 1);
  EXPECT_EQ(log.events[2].span.start_time_ns, 20);
}

TEST_F(EncoderTest, CallSiteIsToldAsItsObjectNumbersIt) {
  v1::CodeObject program;
  program.set_path("/bin/train");
  program.set_load_address(0x10000);
  main_.SignatureAt(0x10123, 4, 1).SignatureAt(0x42, 5, 1);
  main_.Begin(10, 4).Begin(20, 5).Begin(30, 1).End(40).End(50).End(60);
  Encoding encoding;
  encoding.AddObject(program);
  const ReplayedLog log = encoding.Finish({&main_});
  ASSERT_THAT(log.chunks, SizeIs(1));
  const v1::Dictionary& dictionary = log.chunks[0].dictionary();
  ASSERT_THAT(dictionary.objects(), SizeIs(1));
  EXPECT_EQ(dictionary.objects(0).path(), "/bin/train");
  ASSERT_THAT(dictionary.call_sites(), SizeIs(2));
  EXPECT_EQ(dictionary.call_sites(0).object(), 1);
  EXPECT_EQ(dictionary.call_sites(0).address(), 0x123);
  EXPECT_EQ(dictionary.call_sites(1).object(), 0);
  EXPECT_EQ(dictionary.call_sites(1).address(), 0x42);
  EXPECT_EQ(dictionary.signatures(0).call_site(), 1);
  EXPECT_EQ(dictionary.signatures(2).call_site(), 0);
}

TEST_F(EncoderTest, CallersFollowTheirCallSite) {
  v1::CodeObject program;
  program.set_path("/bin/train");
  program.set_load_address(0x10000);
  main_.SignatureBy({0x10123, 0x42, 0x10456}, 4, 1);
  main_.Begin(10, 4).End(20);
  Encoding encoding;
  encoding.AddObject(program);
  const ReplayedLog log = encoding.Finish({&main_});
  ASSERT_THAT(log.chunks, SizeIs(1));
  const v1::Dictionary& dictionary = log.chunks[0].dictionary();
  ASSERT_THAT(dictionary.call_sites(), SizeIs(3));
  const v1::CallSite& own = dictionary.call_sites(2);
  EXPECT_EQ(dictionary.signatures(0).call_site(), 3);
  EXPECT_EQ(own.address(), 0x123);
  EXPECT_EQ(own.object(), 1);
  EXPECT_EQ(own.caller(), 2);
  EXPECT_EQ(dictionary.call_sites(1).address(), 0x42);
  EXPECT_EQ(dictionary.call_sites(1).object(), 0);
  EXPECT_EQ(dictionary.call_sites(1).caller(), 1);
  EXPECT_EQ(dictionary.call_sites(0).address(), 0x456);
  EXPECT_EQ(dictionary.call_sites(0).caller(), 0);
}

// FORMAT.md "Order": chunks are written in the order of time.
TEST_F(EncoderTest, ThreadsAreMergedInTime) {
  main_.Begin(10, 1).End(30).Begin(50, 1).End(70);
  other_.Begin(20, 2).End(40).Begin(60, 2).End(80);
  const ReplayedLog log = Log(ChunksOf(1));
  EXPECT_THAT(Times(log.events), ElementsAre(10, 20, 30, 40, 50, 60, 70, 80));
}

TEST_F(EncoderTest, RecordsLaterThanTheLimitWait) {
  main_.Begin(10, 1).End(30);
  Encoding encoding;
  ASSERT_THAT(encoding.Consume({&main_}, 29), IsOk());
  EXPECT_FALSE(main_.all_taken());
  ASSERT_THAT(encoding.Consume({&main_}, 30), IsOk());
  EXPECT_TRUE(main_.all_taken());
  EXPECT_THAT(Times(encoding.Finish().events), ElementsAre(10, 30));
}

TEST_F(EncoderTest, SeamOfTheRingMayBeBetweenAnyTwoRecords) {
  main_.Begin(10, 1).Begin(20, 2).End(30).End(40);
  for (size_t back : {0, 2, 4, 6, 8}) {
    Records records = main_;
    Encoding encoding;
    encoding.set_seam(records.size() - back);
    EXPECT_THAT(Times(encoding.Finish({&records}).events),
                ElementsAre(10, 20, 30, 40));
  }
}

TEST_F(EncoderTest, PaddingIsPassedOver) {
  main_.Add(RecordKind::kPad, 0, 0, {1, 2, 3}).Begin(10, 1);
  main_.Add(RecordKind::kPad, 0, 0, {}).End(20);
  EXPECT_THAT(Times(Log().events), ElementsAre(10, 20));
}

TEST_F(EncoderTest, ClockLineTurnsTicksIntoTime) {
  main_.Begin(1000, 1).End(1100);
  Encoding encoding;
  encoding.set_clock({1000, 50, 0.5});
  EXPECT_THAT(Times(encoding.Finish({&main_}).events), ElementsAre(50, 100));
}

// A new line may lie a little behind the old one.
TEST_F(EncoderTest, TimeNeverGoesBackWithinAThread) {
  Encoding encoding;
  ASSERT_THAT(encoding.Consume({&main_.Begin(1000, 1)}), IsOk());
  ASSERT_THAT(encoding.Flush(), IsOk());
  encoding.set_clock({1000, 900, 1});
  const ReplayedLog log = encoding.Finish({&main_.End(1001)});
  EXPECT_THAT(Times(log.events), ElementsAre(1000, 1000));
  EXPECT_THAT(log.problems, IsEmpty());
}

TEST_F(EncoderTest, SpansReachAcrossChunks) {
  main_.Begin(10, 1).Begin(20, 2).Begin(30, 1).End(40).End(50).End(60);
  const ReplayedLog log = Log(ChunksOf(2));
  ASSERT_THAT(log.chunks, SizeIs(3));
  EXPECT_EQ(log.chunks[1].streams(0).open_size(), 2);
  EXPECT_EQ(log.chunks[1].streams(0).first_span(), 2);
  EXPECT_EQ(log.chunks[1].streams(0).open(0).start_time_ns(), 10);
  EXPECT_THAT(Ops(log.events),
              ElementsAre("aten::add", "aten::mul", "aten::add", "aten::add",
                          "aten::mul", "aten::add"));
}

TEST_F(EncoderTest, OpenSpansKeepTheirSequenceNumberAndForwardThread) {
  main_.Begin(10, 3, {7, 5}, kHasSequence | kBackward).End(20);
  const SeenEvent end = Log(ChunksOf(1)).events[1];
  EXPECT_EQ(end.span.sequence, 7);
  EXPECT_EQ(end.span.forward_thread, 5);
}

TEST_F(EncoderTest, ChunkIsWrittenWhenItHasEnoughEvents) {
  for (uint64_t i = 0; i < 10; ++i) main_.Begin(10 * i, 1).End(10 * i + 5);
  const ReplayedLog log = Log(ChunksOf(4));
  ASSERT_THAT(log.chunks, SizeIs(5));
  EXPECT_EQ(log.chunks[1].start_time_ns(), 20);
  EXPECT_EQ(log.chunks[1].end_time_ns(), 35);
}

TEST_F(EncoderTest, ChunkIsWrittenWhenItSpansEnoughTime) {
  EncoderOptions options;
  options.max_chunk_ns = 100;
  main_.Begin(10, 1).End(109).Begin(110, 1).End(111);
  EXPECT_THAT(Log(options).chunks, SizeIs(2));
}

TEST_F(EncoderTest, IndexTellsTimesStepsAndEvents) {
  main_.Step(5, 1).Begin(10, 1).End(20).Step(30, 2);
  const v1::Index index = *Log().content.index;
  const v1::IndexEntry& entry = index.chunks(1);
  EXPECT_EQ(entry.start_time_ns(), 5);
  EXPECT_EQ(entry.end_time_ns(), 30);
  EXPECT_EQ(entry.first_step(), 0);
  EXPECT_EQ(entry.last_step(), 2);
  EXPECT_EQ(entry.events(), 2);
}

TEST_F(EncoderTest, SequenceNumbersMayGoUpAndDown) {
  for (uint64_t number : {5, 3, 1000000}) {
    main_.Begin(10, 1, {number}, kHasSequence).End(20);
  }
  const auto begins = Log().OfKind(v1::EVENT_KIND_BEGIN_SEQUENCED);
  ASSERT_THAT(begins, SizeIs(3));
  EXPECT_EQ(begins[0].span.sequence, 5);
  EXPECT_EQ(begins[1].span.sequence, 3);
  EXPECT_EQ(begins[2].span.sequence, 1000000);
}

// FORMAT.md "Stream": the sum stays as it was.
TEST_F(EncoderTest, BackwardNodesMayHaveNoSequenceNumber) {
  main_.Begin(10, 3, {100, 2}, kHasSequence | kBackward).End(11);
  main_.Begin(20, 3, {2}, kBackward).End(21);
  main_.Begin(30, 3, {101, 2}, kHasSequence | kBackward).End(31);
  const auto begins = Log().OfKind(v1::EVENT_KIND_BEGIN_BACKWARD);
  ASSERT_THAT(begins, SizeIs(3));
  EXPECT_EQ(begins[0].span.sequence, 100);
  EXPECT_EQ(begins[0].span.forward_thread, 2);
  EXPECT_FALSE(begins[1].span.sequence);
  EXPECT_EQ(begins[2].span.sequence, 101);
}

TEST_F(EncoderTest, SpansMayThrowOrLoseTheirEnd) {
  main_.Begin(10, 1).End(20, 0, {}, kThrew).Begin(30, 2).End(40, 0, {}, kCut);
  const ReplayedLog log = Log();
  EXPECT_EQ(log.events[1].event.kind, v1::EVENT_KIND_END_THREW);
  EXPECT_EQ(log.events[3].event.kind, v1::EVENT_KIND_END_UNKNOWN);
  EXPECT_EQ(log.said.cut_spans(), 1);
}

TEST_F(EncoderTest, EndWithoutBeginIsNoEvent) {
  main_.End(5).Begin(10, 1).End(20);
  EXPECT_THAT(Log().events, SizeIs(2));
}

TEST_F(EncoderTest, StepsAndLoggedValuesBelongToTheRunningStep) {
  main_.Value(5, 1, 0.5).Step(10, 1).Value(20, 2, 0.25).Step(30, 2, false);
  const v1::Events chunk = Log().chunks.at(0);
  ASSERT_EQ(chunk.steps_size(), 2);
  EXPECT_EQ(chunk.steps(0).number(), 1);
  EXPECT_TRUE(chunk.steps(0).recorded());
  EXPECT_FALSE(chunk.steps(1).recorded());
  ASSERT_EQ(chunk.values_size(), 2);
  EXPECT_EQ(chunk.values(0).name(), "aten::add");
  EXPECT_EQ(chunk.values(0).step(), 0);
  EXPECT_EQ(chunk.values(1).value(), 0.25);
  EXPECT_EQ(chunk.values(1).step(), 1);
}

TEST_F(EncoderTest, ChunkTellsTheStepThatRunsAtItsStart) {
  main_.Step(10, 7).Begin(20, 1).End(30).Begin(40, 1).End(50);
  const ReplayedLog log = Log(ChunksOf(2));
  ASSERT_THAT(log.chunks, SizeIs(2));
  EXPECT_EQ(log.chunks[1].step(), 7);
  EXPECT_EQ(log.chunks[1].step_start_ns(), 10);
}

// What `event` is, when, of which storage, and of how many bytes.
std::string SaveOf(const SeenEvent& seen) {
  const Event& event = seen.event;
  if (event.kind != v1::EVENT_KIND_SAVE &&
      event.kind != v1::EVENT_KIND_RELEASE) {
    return seen.op;
  }
  return (event.kind == v1::EVENT_KIND_SAVE ? "save " : "release ") +
         std::to_string(event.storage) + " of " + std::to_string(event.bytes) +
         " at " + std::to_string(event.time_ns);
}

TEST_F(EncoderTest, SavedTensorsLieBetweenTheEventsAroundThem) {
  main_.Allocate(5, 0x1000, 64).Allocate(6, 0x2000, 32);
  main_.Begin(10, 1).Save(11, 0x1000, 64).Save(12, 0x2000, 32).End(20);
  main_.Begin(30, 3).Release(31, 0x2000).Release(32, 0x1000).End(40);
  std::vector<std::string> seen;
  for (const SeenEvent& event : Log(ChunksOf(5)).events) {
    seen.push_back(SaveOf(event));
  }
  EXPECT_THAT(seen, ElementsAre("", "", "aten::add", "save 1 of 64 at 10",
                                "save 2 of 32 at 10", "aten::add",
                                "AddBackward", "release 2 of 0 at 31",
                                "release 1 of 0 at 31", "AddBackward"));
}

TEST_F(EncoderTest, ChunkOfSavedTensorsAloneIsWritten) {
  main_.Begin(10, 1);
  Encoding encoding;
  ASSERT_THAT(encoding.Consume({&main_}), IsOk());
  ASSERT_THAT(encoding.Flush(), IsOk());
  main_.Save(11, 0x1000, 64);
  const ReplayedLog log = encoding.Finish({&main_});
  EXPECT_THAT(log.problems, IsEmpty());
  ASSERT_THAT(log.events, SizeIs(2));
  EXPECT_EQ(SaveOf(log.events[1]), "save 1 of 64 at 11");
  EXPECT_EQ(log.events[1].span.number, log.events[0].span.number);
  EXPECT_EQ(log.events[1].span.start_time_ns, 10);
}

TEST_F(EncoderTest, SavesOutsideOfTheWindowAreNotTold) {
  main_.Save(5, 0x1000, 64).Window(6, false).Save(7, 0x1000, 64);
  const ReplayedLog log = Log();
  ASSERT_THAT(log.events, SizeIs(1));
  EXPECT_EQ(log.said.saves(), 1);
}

TEST_F(EncoderTest, AuditsAreTold) {
  main_.Begin(10, 1).End(20).Audit(30, 100, 3);
  const ReplayedLog log = Log();
  ASSERT_THAT(log.chunks, SizeIs(1));
  ASSERT_THAT(log.chunks[0].audits(), SizeIs(1));
  EXPECT_EQ(log.chunks[0].audits(0).time_ns(), 30);
  EXPECT_EQ(log.chunks[0].audits(0).tapped_ops(), 100);
  EXPECT_EQ(log.chunks[0].audits(0).missed_ops(), 3);
}

TEST_F(EncoderTest, DropsAreTold) {
  other_.Drop(10, 90, 17);
  Encoding encoding;
  v1::Drop drop;
  drop.set_events(3);
  encoding.encoder().AddDrop(drop);
  const ReplayedLog log = encoding.Finish({&other_});
  ASSERT_EQ(log.chunks.at(0).drops_size(), 2);
  EXPECT_EQ(log.chunks[0].drops(1).thread(), 2);
  EXPECT_EQ(log.chunks[0].drops(1).start_time_ns(), 10);
  EXPECT_EQ(log.chunks[0].drops(1).end_time_ns(), 90);
  EXPECT_EQ(log.said.dropped_events(), 20);
}

TEST_F(EncoderTest, FullDiskIsReturnedAndStays) {
  std::string bytes;
  LogWriter writer(std::make_unique<testing::FailingSink>(100, &bytes),
                   v1::Run());
  Encoder encoder(ChunksOf(1), &writer, nullptr);
  RecordSource source = main_.Begin(10, 1).End(20).Source();
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(encoder.Consume(absl::MakeSpan(&source, 1), ClockLine(), 100),
                StatusIs(absl::StatusCode::kResourceExhausted, _));
  }
}

TEST_F(EncoderTest, StatisticsAreWhatAReaderCounts) {
  main_.Step(1, 1).Begin(10, 1).Begin(20, 2).Allocate(30, 0x1000, 64);
  main_.End(40, 0, {}, kCut).End(50, 0, {}, kThrew).Free(60, 0x1000);
  main_.Signature(4, 1, {ValueWord(ValueTag::kElided, 9)});
  main_.Begin(70, 4).Step(80, 2).Drop(81, 82, 5);
  other_.Begin(15, 1).Save(16, 0x1000, 64).End(25).Free(26, 0x2000);
  other_.Release(27, 0x1000);
  const ReplayedLog log = Log(ChunksOf(3));
  v1::Statistics said = log.said;
  EXPECT_EQ(said.unmatched_frees(), 1);
  said.clear_unmatched_frees();  // cannot be counted
  said.clear_facts();            // Replayed() compares them
  EXPECT_EQ(said.ShortDebugString(), log.counted.ShortDebugString());
  EXPECT_EQ(said.spans_begun(), 4);
  EXPECT_EQ(said.elided_values(), 1);
  EXPECT_EQ(said.saves(), 1);
  EXPECT_EQ(said.releases(), 1);
}

}  // namespace
}  // namespace torchtape::format
