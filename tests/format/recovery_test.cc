#include "torchtape/format/recovery.h"

#include <filesystem>

#include "framing.h"
#include "gmock/gmock.h"
#include "support/journaled_run.h"
#include "support/recovered.h"
#include "support/replayed_log.h"
#include "support/status_matchers.h"
#include "support/temp_folder.h"

namespace torchtape::format {
namespace {

using ::testing::_;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::JournaledRun;
using testing::ReadFile;
using testing::Records;
using testing::ReplayedLog;
using testing::SeenEvent;
using ::testing::SizeIs;
using testing::StatusIs;
using testing::WriteFile;

// Two threads whose records reach the journal, and of those some the log.
class RecoveryTest : public ::testing::Test {
 protected:
  RecoveryTest() {
    for (Records* thread : {&main_, &other_}) {
      thread->Operator(1, "aten::add").Operator(2, "aten::mul");
      thread->Signature(1, 1).Signature(2, 2);
    }
  }

  void Publish(JournaledRun* run) {
    run->Publish(1, main_);
    run->Publish(2, other_);
  }
  Recovery Recovered() {
    auto recovery = testing::RecoverLog(log_);
    EXPECT_THAT(recovery, IsOk());
    return recovery.ok() ? *std::move(recovery) : Recovery();
  }
  // A log that has no problems and is finished.
  ReplayedLog Replayed(const Recovery& recovery) {
    EXPECT_THAT(recovery.problems, IsEmpty());
    const ReplayedLog log =
        testing::Replay(*recovery.log->Read(0, recovery.log->size()));
    EXPECT_THAT(log.problems, IsEmpty());
    EXPECT_TRUE(log.content.index.has_value());
    EXPECT_EQ(log.said.spans_begun(), log.counted.spans_begun());
    EXPECT_EQ(log.said.spans_ended(), log.counted.spans_ended());
    EXPECT_EQ(log.said.allocations(), log.counted.allocations());
    return log;
  }
  ReplayedLog Replayed() { return Replayed(Recovered()); }

  static std::vector<uint64_t> Times(const ReplayedLog& log) {
    std::vector<uint64_t> times;
    for (const SeenEvent& event : log.events) {
      times.push_back(event.event.time_ns);
    }
    return times;
  }

  testing::TempFolder folder_;
  const std::string log_ = folder_ / "run.tape";
  const std::string journal_ = JournalPath(log_);
  Records main_{1}, other_{2};
};

TEST_F(RecoveryTest, WhatIsOnlyInTheJournalIsShown) {
  {
    JournaledRun run(log_);
    main_.Begin(10, 1).End(20);
    Publish(&run);
  }
  const Recovery recovery = Recovered();
  EXPECT_EQ(recovery.events, 2);
  EXPECT_THAT(Times(Replayed(recovery)), ElementsAre(10, 20));
}

TEST_F(RecoveryTest, WhatIsInAChunkIsThereOnce) {
  {
    JournaledRun run(log_);
    main_.Begin(10, 1).End(20);
    Publish(&run);
    ASSERT_THAT(run.WriteChunk(), IsOk());
    main_.Begin(30, 2).End(40);
    Publish(&run);
  }
  const Recovery recovery = Recovered();
  EXPECT_EQ(recovery.events, 2);
  EXPECT_THAT(Times(Replayed(recovery)), ElementsAre(10, 20, 30, 40));
}

TEST_F(RecoveryTest, WhatWasEncodedAndNotWrittenIsShown) {
  {
    JournaledRun run(log_);
    main_.Begin(10, 1).End(20);
    Publish(&run);
    ASSERT_THAT(run.Drain(), IsOk());
  }
  EXPECT_THAT(Times(Replayed()), ElementsAre(10, 20));
}

TEST_F(RecoveryTest, SpanThatWasOpenGoesOn) {
  {
    JournaledRun run(log_);
    main_.Begin(10, 1).Begin(20, 2);
    Publish(&run);
    ASSERT_THAT(run.WriteChunk(), IsOk());
    main_.End(30).Begin(40, 2);
    Publish(&run);
  }
  const ReplayedLog log = Replayed();
  EXPECT_THAT(Times(log), ElementsAre(10, 20, 30, 40));
  EXPECT_EQ(log.events[2].op, "aten::mul");
  EXPECT_EQ(log.events[3].event.depth, 1);
}

TEST_F(RecoveryTest, IdsGoOnWhereTheChunkEnded) {
  {
    JournaledRun run(log_);
    main_.Signature(3, 1, {testing::kScalarTensor});
    main_.Allocate(5, 0x100, 8).BeginWith(10, 3, {0xa, 0x100}).End(20);
    Publish(&run);
    ASSERT_THAT(run.WriteChunk(), IsOk());
    main_.BeginWith(30, 3, {0xa, 0x100}).End(40).Free(50, 0x100);
    Publish(&run);
  }
  const ReplayedLog log = Replayed();
  EXPECT_EQ(log.events[1].tensors[0].tensor, log.events[3].tensors[0].tensor);
  EXPECT_EQ(log.events[1].tensors[0].storage, log.events[3].tensors[0].storage);
  EXPECT_EQ(log.counted.frees(), 1) << "of an allocation that the log has";
}

TEST_F(RecoveryTest, ModelThatWaitedIsInTheLog) {
  {
    JournaledRun run(log_);
    v1::Model model;
    model.set_name("net");
    run.AddModel(0, model);
    main_.Model(10, 0);
    Publish(&run);
  }
  const ReplayedLog log = Replayed();
  ASSERT_THAT(log.models, SizeIs(1));
  EXPECT_EQ(log.models[0].name(), "net");
}

TEST_F(RecoveryTest, ChunkThatIsCutAnywhereIsMadeAnew) {
  uint64_t before = 0;
  {
    JournaledRun run(log_);
    main_.Begin(10, 1).End(20);
    Publish(&run);
    ASSERT_THAT(run.WriteChunk(), IsOk());
    before = std::filesystem::file_size(log_);
    main_.Begin(30, 2).End(40);
    Publish(&run);
  }
  const std::string bytes = ReadFile(log_);
  for (size_t torn = 0; torn < before; ++torn) {
    WriteFile(log_, bytes + bytes.substr(before - torn));
    const Recovery recovery = Recovered();
    EXPECT_EQ(recovery.torn_bytes, torn);
    EXPECT_THAT(Times(Replayed(recovery)), ElementsAre(10, 20, 30, 40));
  }
}

// As if each record in turn had been the last before the end of a chunk.
TEST_F(RecoveryTest, AnyRecordMayBeTheLastOfItsChunk) {
  Records whole(1);
  whole.Operator(1, "aten::add").Signature(1, 1, {testing::kScalarTensor});
  whole.Signature(2, 0, {testing::kScalarTensor, ValueWord(ValueTag::kReal)});
  whole.Step(1, 0).Allocate(2, 0x100, 8).BeginWith(10, 1, {0xa, 0x100});
  whole.Operator(2, "aten::mul").Signature(3, 2).Begin(12, 3).Value(13, 1, 2.5);
  whole.Allocate(14, 0x200, 16).End(15).Forget().Signature(1, 2);
  whole.Begin(16, 1).Step(17, 1).End(18).Free(19, 0x100).Drop(19, 20, 3);
  whole.Signature(2, 0, {testing::kScalarTensor});
  whole.EndWith(21, 2, {0xb, 0x200}).Window(22, false).Window(23, true);
  whole.Begin(24, 1).End(25).Free(26, 0x200).Begin(27, 1);
  const auto words = whole.Source().first;
  std::vector<std::string> expected;
  for (size_t at = 0; at <= words.size();
       at += at < words.size() ? WordsOf(words[at]) : 1) {
    const testing::TempFolder folder;
    const std::string log = folder / "run.tape";
    {
      JournaledRun run(log);
      Records part(1);
      for (size_t i = 0; i < at; ++i) part.AddWord(words[i]);
      run.Publish(1, part);
      ASSERT_THAT(run.WriteChunk(), IsOk());
      for (size_t i = at; i < words.size(); ++i) part.AddWord(words[i]);
      run.Publish(1, part);
    }
    auto recovery = testing::RecoverLog(log);
    ASSERT_THAT(recovery, IsOk());
    const ReplayedLog replayed = Replayed(*recovery);
    std::vector<std::string> seen;
    for (const SeenEvent& event : replayed.events) {
      std::string text =
          absl::StrCat(event.event.kind, " ", event.op, " ", event.values,
                       " at ", event.event.time_ns, " depth ",
                       event.event.depth, " storage ", event.event.storage);
      for (const TensorId& id : event.tensors) {
        absl::StrAppend(&text, " #", id.tensor, "@", id.storage);
      }
      for (double real : event.reals) absl::StrAppend(&text, " ", real);
      seen.push_back(std::move(text));
    }
    v1::Statistics said = replayed.said;
    said.clear_recovered_events();
    said.clear_facts();  // only the journal knows the thread's name
    seen.push_back(said.ShortDebugString());
    if (expected.empty()) expected = seen;
    EXPECT_EQ(seen, expected) << "chunk ends at word " << at;
  }
}

TEST_F(RecoveryTest, StateOutgrowsItsRoom) {
  constexpr uint64_t kTurns = 3000;
  {
    JournaledRun run(log_);
    uint64_t ticks = 0;
    for (uint64_t i = 1; i <= kTurns; ++i) {
      // Storages that stay, so the state grows; and chunk after chunk.
      ticks += 3;
      main_.Begin(ticks, 1).Allocate(ticks + 1, i << 8, 8).End(ticks + 2);
      Publish(&run);
      ASSERT_THAT(run.WriteChunk(), IsOk());
    }
    main_.Free(ticks + 3, kTurns << 8);
    Publish(&run);
  }
  const ReplayedLog log = Replayed();
  EXPECT_EQ(log.counted.allocations(), kTurns);
  EXPECT_EQ(log.counted.frees(), 1);
}

TEST_F(RecoveryTest, JournalOfAnotherRunIsRefused) {
  { JournaledRun run(log_, std::string(16, 'a')); }
  const std::string other = folder_ / "other.tape";
  { JournaledRun run(other, std::string(16, 'b')); }
  std::filesystem::rename(JournalPath(other), journal_);
  EXPECT_THAT(
      testing::RecoverLog(log_),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("another run")));
}

// What else proves that this is a log may not be in what is recovered.
TEST_F(RecoveryTest, LogThatLostItsFileHeaderGetsOne) {
  {
    JournaledRun run(log_);
    main_.Begin(10, 1).End(20);
    Publish(&run);
    ASSERT_THAT(run.WriteChunk(), IsOk());
  }
  std::string bytes = ReadFile(log_);
  bytes.replace(0, 4, "PK\x03\x04");
  WriteFile(log_, bytes);
  // Replayed() expects that nothing had to be skipped.
  EXPECT_THAT(Times(Replayed()), ElementsAre(10, 20));
}

// A process that is killed while it releases a chunk leaves any part of the new
// header.
class ReleaseTest : public RecoveryTest {
 protected:
  // Two chunks of events, then, if `is_told_of`, a summary of the first, then
  // one more. Puts the first `written` bytes of a release over the first.
  void RecordAndTear(bool is_told_of, size_t written) {
    uint64_t offset = 0, number = 0, bytes = 0;
    {
      JournaledRun run(log_);
      main_.Begin(10, 1).End(20);
      Publish(&run);
      number = run.writer().next_number();
      ASSERT_THAT(run.WriteChunk(), IsOk());
      offset = run.writer().last_entry().offset();
      bytes = run.writer().last_entry().stored_bytes();
      main_.Begin(30, 1).End(40);
      Publish(&run);
      ASSERT_THAT(run.WriteChunk(), IsOk());
      if (is_told_of) {
        v1::Summary summary;
        v1::ChunkRange& range = *summary.add_chunks();
        range.set_first(number);
        range.set_last(number);
        ASSERT_THAT(run.writer().Write(v1::CHUNK_KIND_SUMMARY, summary, {}),
                    IsOk());
      }
      main_.Begin(50, 1).End(60);
      Publish(&run);
      ASSERT_THAT(run.WriteChunk(), IsOk());
    }
    std::string log = ReadFile(log_);
    log.replace(offset, written,
                internal::EncodeReleased(bytes, number, 1).substr(0, written));
    WriteFile(log_, log);
  }
  testing::LogContent Content() {
    const Recovery recovery = Recovered();
    EXPECT_THAT(recovery.problems, IsEmpty());
    return testing::ReadLog(*recovery.log->Read(0, recovery.log->size()));
  }
};

TEST_F(ReleaseTest, ThatIsHalfDoneIsFinished) {
  for (size_t written = 0; written <= kChunkHeaderBytes; ++written) {
    RecordAndTear(/*is_told_of=*/true, written);
    const testing::LogContent content = Content();
    EXPECT_THAT(content.skipped, IsEmpty()) << written;
    std::vector<v1::ChunkKind> kinds;
    for (const Chunk& chunk : content.chunks) kinds.push_back(chunk.kind);
    EXPECT_THAT(kinds,
                ElementsAre(v1::CHUNK_KIND_RELEASED, v1::CHUNK_KIND_EVENTS,
                            v1::CHUNK_KIND_SUMMARY, v1::CHUNK_KIND_EVENTS,
                            v1::CHUNK_KIND_INDEX))
        << written;
    main_ = Records(1);
    main_.Operator(1, "aten::add").Operator(2, "aten::mul");
    main_.Signature(1, 1).Signature(2, 2);
    std::filesystem::remove(log_);
    std::filesystem::remove(journal_);
  }
}

TEST_F(ReleaseTest, OfWhatNoSummaryTellsOfIsDamage) {
  RecordAndTear(/*is_told_of=*/false, kChunkHeaderBytes / 2);
  EXPECT_THAT(Content().skipped, SizeIs(1));
}

TEST_F(RecoveryTest, FinishedLogNeedsNone) {
  {
    JournaledRun run(log_);
    run.Finish();
  }
  EXPECT_THAT(testing::RecoverLog(log_),
              StatusIs(absl::StatusCode::kFailedPrecondition, _));
}

TEST_F(RecoveryTest, FileIsFinishedInItsPlace) {
  {
    JournaledRun run(log_);
    main_.Begin(10, 1).End(20);
    Publish(&run);
  }
  ASSERT_THAT(RecoverFile(log_, log_), IsOk());
  EXPECT_FALSE(std::filesystem::exists(journal_));
  const ReplayedLog log = testing::Replay(ReadFile(log_));
  EXPECT_THAT(log.problems, IsEmpty());
  EXPECT_TRUE(log.content.index.has_value());
  EXPECT_EQ(log.said.recovered_events(), 2);
}

TEST_F(RecoveryTest, FileElsewhereLeavesEverythingAsItIs) {
  { JournaledRun run(log_); }
  const std::string before = ReadFile(log_);
  ASSERT_THAT(RecoverFile(log_, folder_ / "out.tape"), IsOk());
  EXPECT_EQ(ReadFile(log_), before);
  EXPECT_TRUE(std::filesystem::exists(journal_));
  EXPECT_TRUE(testing::Replay(ReadFile(folder_ / "out.tape"))
                  .content.index.has_value());
}

TEST_F(RecoveryTest, LiveRunIsLeftAlone) {
  JournaledRun run(log_);
  EXPECT_THAT(IsBeingRecorded(journal_), IsOk());
  EXPECT_TRUE(*IsBeingRecorded(journal_));
  EXPECT_THAT(RecoverFile(log_, log_),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("still recording")));
}

TEST_F(RecoveryTest, OlderLogTakesItsJournalAlong) {
  { JournaledRun run(log_); }
  { JournaledRun run(log_); }
  EXPECT_THAT(testing::RecoverLog(folder_ / "run.1.tape"), IsOk());
  EXPECT_THAT(testing::RecoverLog(log_), IsOk());
}

// The first recorder's log is renamed by the second one's start.
TEST_F(RecoveryTest, JournalIsRemovedUnderItsNewName) {
  JournaledRun first(log_);
  JournaledRun second(log_);
  first.journal().Remove();
  EXPECT_TRUE(std::filesystem::exists(journal_));
  EXPECT_FALSE(std::filesystem::exists(JournalPath(folder_ / "run.1.tape")));
}

}  // namespace
}  // namespace torchtape::format
