// Records that make no sense: the encoder drops the rest of their source and
// says so, and the log stays whole.

#include <random>

#include "gmock/gmock.h"
#include "support/encoding.h"
#include "support/status_matchers.h"

namespace torchtape::format {
namespace {

using testing::Encoding;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::kScalarTensor;
using testing::Records;
using testing::ReplayedLog;
using ::testing::SizeIs;

// One whole span before what is malformed, and one after it that is lost.
class EncoderDamageTest : public ::testing::Test {
 protected:
  EncoderDamageTest() {
    records_.Operator(1, "aten::add").Signature(1, 1, {kScalarTensor});
    records_.Signature(2, 0, {ValueWord(ValueTag::kReal)});
    records_.Begin(10, 1).End(20);
  }
  void ExpectRestIsDropped(uint64_t events_before = 2) {
    const ReplayedLog log = encoding_.Finish({&records_.Begin(90, 1).End(95)});
    EXPECT_THAT(log.problems, IsEmpty());
    EXPECT_THAT(log.events, SizeIs(events_before));
    EXPECT_EQ(log.said.dropped_events(), 1);
    EXPECT_TRUE(records_.all_taken());
  }

  Records records_{1};
  Encoding encoding_;
};

TEST_F(EncoderDamageTest, RecordOfNoWords) {
  records_.AddWord(0);
  ExpectRestIsDropped();
}

TEST_F(EncoderDamageTest, RecordLongerThanTheSource) {
  records_.AddWord(RecordHeader(RecordKind::kPad, 0, 100, 0));
  ExpectRestIsDropped();
}

TEST_F(EncoderDamageTest, RecordAcrossTheSeam) {
  encoding_.set_seam(records_.size() + 1);
  ExpectRestIsDropped();
}

TEST_F(EncoderDamageTest, UnknownKind) {
  records_.Add(static_cast<RecordKind>(99), 0, 0, {30, 1});
  ExpectRestIsDropped();
}

TEST_F(EncoderDamageTest, EventWithoutTime) {
  records_.Add(RecordKind::kBegin, 0, 1, {});
  ExpectRestIsDropped();
}

TEST_F(EncoderDamageTest, UnknownSignature) {
  records_.Begin(30, 7);
  ExpectRestIsDropped();
}

TEST_F(EncoderDamageTest, SignatureThatWasForgotten) {
  records_.Forget().Begin(30, 1);
  ExpectRestIsDropped();
}

TEST_F(EncoderDamageTest, SignatureOfAnUnknownOperator) {
  records_.Signature(3, 5);
  ExpectRestIsDropped();
}

TEST_F(EncoderDamageTest, SignatureWithMalformedValues) {
  records_.Signature(3, 1, {ValueWord(ValueTag::kInteger)});
  ExpectRestIsDropped();
}

TEST_F(EncoderDamageTest, IdThatIsTooLarge) {
  records_.Signature(~uint32_t{0}, 1);
  ExpectRestIsDropped();
}

TEST_F(EncoderDamageTest, BeginWithTooFewIds) {
  records_.BeginWith(30, 1, {0x10});
  ExpectRestIsDropped();
}

TEST_F(EncoderDamageTest, BeginWithTooManyWords) {
  records_.Begin(30, 1, {1, 2, 3});
  ExpectRestIsDropped();
}

TEST_F(EncoderDamageTest, EndWithoutItsReals) {
  records_.Begin(30, 1).End(40, 2);
  ExpectRestIsDropped(3);
}

TEST_F(EncoderDamageTest, EndWithAnUnknownResult) {
  records_.Begin(30, 1).End(40, 9);
  ExpectRestIsDropped(3);
}

TEST_F(EncoderDamageTest, EventsOfAnotherLength) {
  for (auto kind :
       {RecordKind::kAllocate, RecordKind::kFree, RecordKind::kStep,
        RecordKind::kValue, RecordKind::kDrop, RecordKind::kAudit}) {
    Records records = records_;
    records.Add(kind, 0, 1, {30});
    Encoding encoding;
    EXPECT_EQ(encoding.Finish({&records}).said.dropped_events(), 1);
  }
}

TEST_F(EncoderDamageTest, OtherThreadsAreNotTouched) {
  Records other(2);
  other.Operator(1, "aten::mul").Signature(1, 1).Begin(5, 1).End(50);
  const ReplayedLog log = encoding_.Finish({&records_.AddWord(0), &other});
  EXPECT_THAT(log.problems, IsEmpty());
  EXPECT_THAT(log.events, SizeIs(4));
}

TEST_F(EncoderDamageTest, WhatTheThreadRecordsLaterIsRead) {
  ASSERT_THAT(encoding_.Consume({&records_.AddWord(0)}), IsOk());
  EXPECT_THAT(encoding_.Finish({&records_.Begin(30, 1).End(40)}).events,
              SizeIs(4));
}

// Records that are often nearly right.
class Forger {
 public:
  explicit Forger(uint32_t seed) : random_(seed) {}

  Records Forge(uint32_t thread) {
    Records records(thread);
    if (Below(8) != 0) Define(&records);
    for (uint64_t left = Below(60); left != 0; --left) AddRecord(&records);
    if (Below(4) == 0) records.AddWord(Word());
    return records;
  }
  uint64_t Below(uint64_t bound) { return random_() % bound; }

 private:
  uint64_t Word() {
    const uint64_t word = random_();
    return Below(3) == 0 ? word : Below(16);
  }
  Records::Words Words(uint64_t bound) {
    Records::Words words(Below(bound));
    for (uint64_t& word : words) word = Word();
    return words;
  }
  uint64_t Ticks() { return Below(50) == 0 ? Word() : now_ += Below(100); }
  uint64_t Flags() { return Below(3) == 0 ? Below(256) : 0; }

  static void Define(Records* records) {
    records->Operator(1, "aten::add").Operator(2, "node", SpanKind::kBackward);
    records->Signature(1, 1, {kScalarTensor}).Signature(2, 2);
    records->Signature(3, 1, {ValueWord(ValueTag::kReals, 2)});
  }

  void AddRecord(Records* records) {
    switch (Below(16)) {
      case 0:
        records->Signature(Below(6), Below(3), Words(5));
        return;
      case 1:
        records->Add(static_cast<RecordKind>(Below(14)), Flags(), Word(),
                     Words(6));
        return;
      case 2:
        records->Window(Ticks(), Below(2) != 0);
        return;
      case 3:
        records->Forget();
        return Define(records);
      case 4:
      case 5:
        records->Allocate(Ticks(), 0x1000 + Below(8), Word(), Below(3));
        return;
      case 6:
      case 7:
        records->Free(Ticks(), 0x1000 + Below(8));
        return;
      default:
        return AddSpan(records);
    }
  }
  void AddSpan(Records* records) {
    const Records::Words ids = {0x10 + Below(8), 0x1000 + Below(8)};
    switch (Below(8)) {
      case 0:
        records->Begin(Ticks(), Below(5), Words(5), Flags());
        return;
      case 1:
        records->End(Ticks(), Below(5), Words(5), Flags());
        return;
      case 2:
        records->Begin(Ticks(), 2, {Word(), Below(4)},
                       kBackward | kHasSequence);
        return;
      case 3:
      case 4:
        records->BeginWith(Ticks(), 1, ids);
        return;
      case 5:
        records->EndWith(Ticks(), 1, ids);
        return;
      default:
        records->End(Ticks());
    }
  }

  std::mt19937_64 random_;
  uint64_t now_ = 100;
};

void ExpectWholeLog(uint32_t seed) {
  SCOPED_TRACE(seed);
  Forger forger(seed);
  EncoderOptions options;
  options.max_chunk_events = 1 + forger.Below(40);
  options.memory = forger.Below(4) != 0;
  options.identities = forger.Below(4) != 0;
  options.recording = forger.Below(4) != 0;
  Encoding encoding(options);
  encoding.AddModel(v1::Model());
  Records first = forger.Forge(1), second = forger.Forge(2);
  if (forger.Below(3) == 0) encoding.set_seam(forger.Below(50));
  const ReplayedLog log = encoding.Finish({&first, &second});
  EXPECT_THAT(log.problems, IsEmpty());
  v1::Statistics said = log.said;
  said.clear_unmatched_frees();
  said.clear_facts();  // Replayed() compares them
  said.set_threads(log.counted.threads());
  EXPECT_EQ(said.ShortDebugString(), log.counted.ShortDebugString());
}

TEST_F(EncoderDamageTest, ForgedRecordsNeverDamageTheLog) {
  for (uint32_t seed = 0; seed < 3000 && !HasFailure(); ++seed) {
    ExpectWholeLog(seed);
  }
}

// Words without any sense.
TEST_F(EncoderDamageTest, NoiseNeverDamagesTheLog) {
  for (uint32_t seed = 0; seed < 1000 && !HasFailure(); ++seed) {
    std::mt19937_64 random(seed);
    Records records(1);
    for (int i = 0; i < 100; ++i) records.AddWord(random() >> random() % 64);
    Encoding encoding;
    encoding.AddModel(v1::Model());
    EXPECT_THAT(encoding.Finish({&records}).problems, IsEmpty()) << seed;
  }
}

}  // namespace
}  // namespace torchtape::format
