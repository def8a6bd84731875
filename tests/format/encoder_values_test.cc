// What the encoder writes of tensors, memory and windows.

#include "gmock/gmock.h"
#include "support/encoding.h"

namespace torchtape::format {
namespace {

using ::testing::ElementsAre;
using testing::Encoding;
using ::testing::IsEmpty;
using testing::kScalarTensor;
using testing::Records;
using testing::ReplayedLog;
using testing::SeenEvent;
using ::testing::SizeIs;

constexpr uint64_t kTensor = 0x10, kOther = 0x20;
constexpr uint64_t kMemory = 0x1000, kOtherMemory = 0x2000;

// Signatures: 1 an op of one tensor; 2 one returned tensor; 3 an op of a
// tensor, a real and a list of two reals; 4 an op without values.
class EncoderValuesTest : public ::testing::Test {
 protected:
  EncoderValuesTest() {
    for (Records* thread : {&main_, &other_}) {
      thread->Operator(1, "aten::add");
      thread->Signature(1, 1, {kScalarTensor}).Signature(2, 0, {kScalarTensor});
      thread->Signature(3, 1,
                        {kScalarTensor, ValueWord(ValueTag::kReal),
                         ValueWord(ValueTag::kReals, 2)});
      thread->Signature(4, 1);
    }
    windowed_.recording = false;
  }
  ReplayedLog Log(const EncoderOptions& options = {}) {
    Encoding encoding(options);
    const ReplayedLog log = encoding.Finish({&main_, &other_});
    EXPECT_THAT(log.problems, IsEmpty());
    return log;
  }
  static EncoderOptions ChunksOf(uint32_t events) {
    EncoderOptions options;
    options.max_chunk_events = events;
    return options;
  }

  Records main_{1}, other_{2};
  EncoderOptions windowed_;  // nothing counts until a window begins
};

TEST_F(EncoderValuesTest, OpsAreLinkedByTheirTensors) {
  main_.Allocate(1, kMemory, 64);
  main_.Begin(10, 4).EndWith(20, 2, {kTensor, kMemory});
  main_.BeginWith(30, 1, {kTensor, kMemory}).End(40);
  const ReplayedLog log = Log();
  const uint64_t storage = log.events[0].event.storage;
  const TensorId output = log.events[2].tensors.at(0);
  const TensorId input = log.events[3].tensors.at(0);
  EXPECT_EQ(output.tensor, input.tensor);
  EXPECT_EQ(output.storage, storage);
  EXPECT_EQ(input.storage, storage);
}

TEST_F(EncoderValuesTest, ThreadsSeeTheSameTensor) {
  main_.BeginWith(10, 1, {kTensor, kMemory}).End(20);
  other_.BeginWith(15, 1, {kTensor, kMemory}).End(25);
  const auto begins = Log().OfKind(v1::EVENT_KIND_BEGIN);
  ASSERT_THAT(begins, SizeIs(2));
  EXPECT_EQ(begins[0].tensors.at(0).tensor, begins[1].tensors.at(0).tensor);
}

TEST_F(EncoderValuesTest, IdsStayTheSameAcrossChunks) {
  for (uint64_t i = 0; i < 20; ++i) {
    main_.BeginWith(10 * i, 1, {kTensor, kMemory});
    main_.EndWith(10 * i + 5, 2, {kOther + i, kOtherMemory + i});
  }
  const ReplayedLog log = Log(ChunksOf(3));
  for (const SeenEvent& begin : log.OfKind(v1::EVENT_KIND_BEGIN)) {
    EXPECT_EQ(begin.tensors.at(0).tensor, 1);
  }
  uint64_t last = 1;
  for (const SeenEvent& end : log.OfKind(v1::EVENT_KIND_END)) {
    EXPECT_EQ(end.tensors.at(0).tensor, ++last);
  }
}

TEST_F(EncoderValuesTest, CallsWithoutIdentitiesHaveNoneAmongThoseThatHave) {
  main_.Begin(10, 1).End(20).BeginWith(30, 1, {kTensor, kMemory}).End(40);
  const auto begins = Log().OfKind(v1::EVENT_KIND_BEGIN);
  EXPECT_EQ(begins[0].tensors.at(0).tensor, 0);
  EXPECT_NE(begins[1].tensors.at(0).tensor, 0);
}

TEST_F(EncoderValuesTest, IdsAreNotWrittenIfNotAskedFor) {
  EncoderOptions options;
  options.identities = false;
  main_.BeginWith(10, 1, {kTensor, kMemory}).End(20);
  const ReplayedLog log = Log(options);
  EXPECT_THAT(log.events[0].tensors, IsEmpty());
  EXPECT_EQ(log.chunks[0].streams(0).tensors_size(), 0);
}

TEST_F(EncoderValuesTest, RealsAreInTheOrderOfTheSignature) {
  main_.BeginWith(10, 3,
                  {kTensor, kMemory, testing::BitsOf(0.5), testing::BitsOf(1),
                   testing::BitsOf(-2)});
  EXPECT_THAT(Log().events.at(0).reals, ElementsAre(0.5, 1, -2));
}

TEST_F(EncoderValuesTest, SignatureIsWrittenOnceForAllThreads) {
  main_.Begin(10, 4).End(20);
  other_.Begin(15, 4).End(25);
  const v1::Dictionary dictionary = Log().chunks.at(0).dictionary();
  EXPECT_EQ(dictionary.signatures_size(), 1);
  EXPECT_EQ(dictionary.operators_size(), 1);
}

TEST_F(EncoderValuesTest, ThreadsNumberTheirOperatorsAsTheyLike) {
  Records third(3);
  third.Operator(1, "aten::mul").Operator(2, "aten::add").Signature(1, 2);
  third.Begin(15, 1).End(25);
  main_.Begin(10, 4).End(20);
  Encoding encoding;
  for (const SeenEvent& event : encoding.Finish({&main_, &third}).events) {
    EXPECT_EQ(event.op, "aten::add");
  }
}

TEST_F(EncoderValuesTest, OpenSpansKeepASignatureThatIsForgotten) {
  main_.Begin(10, 4).Forget().Operator(2, "aten::mul").Signature(4, 2);
  main_.Begin(20, 4).End(30).End(40);
  const ReplayedLog log = Log(ChunksOf(2));
  EXPECT_EQ(log.events.at(0).op, "aten::add");
  EXPECT_EQ(log.events[1].op, "aten::mul");
  EXPECT_EQ(log.events[3].op, "aten::add");
}

TEST_F(EncoderValuesTest, MemoryIsAllocatedAndFreed) {
  main_.Allocate(10, kMemory, 64).Allocate(20, kOtherMemory, 32, 1 << 8 | 3);
  other_.Free(30, kMemory);
  const ReplayedLog log = Log();
  ASSERT_THAT(log.events, SizeIs(3));
  EXPECT_EQ(log.events[0].event.address, kMemory);
  EXPECT_EQ(log.events[0].event.bytes, 64);
  EXPECT_EQ(log.events[1].event.address, kOtherMemory);
  EXPECT_EQ(log.events[1].event.device_type, 1);
  EXPECT_EQ(log.events[1].event.device_index, 2);
  EXPECT_EQ(log.events[2].event.storage, log.events[0].event.storage);
}

// That it equals the sum is among the problems that Log() looks for.
TEST_F(EncoderValuesTest, ChunkTellsTheBytesThatAreLiveAtItsStart) {
  main_.Allocate(10, kMemory, 64).Allocate(20, kOtherMemory, 32);
  main_.Free(30, kMemory).Begin(40, 4);
  const ReplayedLog log = Log(ChunksOf(1));
  ASSERT_THAT(log.chunks, SizeIs(4));
  EXPECT_EQ(log.chunks[0].live_bytes(), 0);
  EXPECT_EQ(log.chunks[2].live_bytes(), 96);
  EXPECT_EQ(log.chunks[3].live_bytes(), 32);
}

// That it is what is live, and of these steps, is among the problems, too.
TEST_F(EncoderValuesTest, ChunkTellsTheStoragesThatAreLiveAtItsStart) {
  main_.Allocate(10, kMemory, 64).Step(15, 3).Allocate(20, kOtherMemory, 32);
  main_.Free(30, kMemory).Begin(40, 4);
  const ReplayedLog log = Log(ChunksOf(1));
  const v1::LiveMemory& both = log.chunks[2].live();
  ASSERT_EQ(both.storages_size(), 2);
  EXPECT_EQ(both.steps(0), 0);
  EXPECT_EQ(both.steps(1), 3);
  EXPECT_EQ(log.chunks[3].live().storages_size(), 1);
  EXPECT_EQ(log.chunks[3].live().steps(0), 3);
}

TEST_F(EncoderValuesTest, MemoryThatIsNotAskedForStillTellsStoragesApart) {
  EncoderOptions options;
  options.memory = false;
  for (uint64_t ticks : {10, 20}) {
    main_.Allocate(ticks, kMemory, 64);
    main_.BeginWith(ticks + 1, 1, {kTensor, kMemory}).End(ticks + 2);
    main_.Free(ticks + 3, kMemory);
  }
  const ReplayedLog log = Log(options);
  ASSERT_THAT(log.events, SizeIs(4));
  EXPECT_FALSE(log.chunks[0].has_live_bytes());
  EXPECT_NE(log.events[0].tensors.at(0).storage,
            log.events[2].tensors.at(0).storage);
}

TEST_F(EncoderValuesTest, EventsBeforeTheWindowAreThrownAway) {
  main_.Begin(10, 4).Allocate(11, kMemory, 64).End(12).Window(20, true);
  main_.Begin(30, 4).End(40).Free(50, kMemory);
  const ReplayedLog log = Log(windowed_);
  EXPECT_THAT(log.events, SizeIs(2));
  EXPECT_EQ(log.said.unmatched_frees(), 1);
  ASSERT_EQ(log.chunks[0].windows_size(), 1);
  EXPECT_EQ(log.chunks[0].windows(0).time_ns(), 20);
}

TEST_F(EncoderValuesTest, SpansThatBeganBeforeTheWindowAreNotInIt) {
  main_.Begin(10, 4).Window(20, true).Begin(30, 4).End(40).End(50);
  const ReplayedLog log = Log(windowed_);
  ASSERT_THAT(log.events, SizeIs(2));
  EXPECT_EQ(log.events[0].event.depth, 0);
  EXPECT_EQ(log.events[1].event.time_ns, 40);
}

// FORMAT.md "Loss": where a window ends, open spans are ended.
TEST_F(EncoderValuesTest, EndOfTheWindowCutsTheOpenSpansOfAllThreads) {
  main_.Begin(10, 4).Begin(20, 4).Window(30, false).End(40).End(50);
  other_.Begin(15, 4).End(45);
  const ReplayedLog log = Log(ChunksOf(2));
  const auto cut = log.OfKind(v1::EVENT_KIND_END_UNKNOWN);
  ASSERT_THAT(cut, SizeIs(3));
  EXPECT_EQ(cut[0].event.time_ns, 30);
  EXPECT_THAT(log.events, SizeIs(6));
  EXPECT_EQ(log.said.cut_spans(), 3);
}

TEST_F(EncoderValuesTest, EndOfTheWindowDoesNotWidenTheChunkByIdleThreads) {
  other_.Begin(5, 4).End(6);
  main_.Begin(10, 4).Window(20, false);
  const ReplayedLog log = Log(ChunksOf(3));
  ASSERT_THAT(log.chunks, SizeIs(2));
  EXPECT_EQ(log.chunks[1].start_time_ns(), 20);
}

TEST_F(EncoderValuesTest, WindowsCountTheirOwnMemory) {
  main_.Allocate(10, kMemory, 64).Window(20, false).Window(30, true);
  main_.Allocate(40, kOtherMemory, 32).Free(50, kMemory).Begin(60, 4);
  const ReplayedLog log = Log(ChunksOf(1));
  EXPECT_EQ(log.chunks.back().live_bytes(), 32);
  EXPECT_EQ(log.said.unmatched_frees(), 1);
}

TEST_F(EncoderValuesTest, ParametersAreKnownInEveryWindow) {
  Encoding encoding;
  v1::Model model;
  v1::Parameter* weight = model.add_parameters();
  weight->set_defined(true);
  weight->set_tensor(kTensor);
  weight->set_storage(kMemory);
  model.add_parameters()->set_tensor(kOther);  // not defined
  encoding.AddModel(model);
  main_.Model(5, 0).Window(10, false).Window(20, true);
  main_.BeginWith(30, 1, {kTensor, kMemory});
  const ReplayedLog log = encoding.Finish({&main_});
  ASSERT_THAT(log.models, SizeIs(1));
  EXPECT_EQ(log.models[0].time_ns(), 5);
  const v1::Parameter& written = log.models[0].parameters(0);
  EXPECT_EQ(written.tensor(), log.events.at(0).tensors.at(0).tensor);
  EXPECT_EQ(written.storage(), log.events.at(0).tensors.at(0).storage);
}

}  // namespace
}  // namespace torchtape::format
