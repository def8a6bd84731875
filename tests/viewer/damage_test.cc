// Any bytes are acceptable input to every verb.

#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "torchtape/format/layout.h"
#include "viewer/sample_run.h"

namespace torchtape::viewer {
namespace {

using ::testing::HasSubstr;

constexpr VerbFunction kVerbs[] = {Info, Summary, Dump, Check, ExportJson};

void ExpectAllFail(const std::string& bytes, absl::StatusCode code,
                   const std::string& message) {
  for (VerbFunction verb : kVerbs) {
    std::ostringstream out;
    const absl::Status status = verb(FromBytes(bytes), {}, out).status();
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(message));
    EXPECT_EQ(status.message().find('\n'), absl::string_view::npos);
    EXPECT_EQ(out.str(), "");
  }
}

// A log of three chunks of events.
LogBuilder ThreeChunks() {
  LogBuilder log;
  const uint32_t a = log.Op("a");
  for (uint64_t chunk = 0; chunk < 3; ++chunk) {
    log.Begin(1, 100 + 100 * chunk, a);
    log.End(1, 150 + 100 * chunk);
    log.Step(chunk + 1, 160 + 100 * chunk);
    log.NewChunk();
  }
  return log;
}

TEST(Damage, EmptyFileIsRefused) {
  ExpectAllFail("", absl::StatusCode::kInvalidArgument, "empty");
}

TEST(Damage, OtherFormatIsNamed) {
  ExpectAllFail(std::string("PK\x03\x04 and so on"),
                absl::StatusCode::kInvalidArgument, "not a torchtape log");
}

// Of FORMAT.md "File header".
uint32_t Crc32(const std::string& bytes) {
  uint32_t crc = 0xffffffff;
  for (unsigned char byte : bytes) {
    crc ^= byte;
    for (int i = 0; i < 8; ++i) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc;
}

TEST(Damage, NewerVersionIsRefusedWithBothVersions) {
  std::string bytes = SampleRun().Finish();
  bytes[8] = 9;
  const uint32_t crc = Crc32(bytes.substr(0, 12));
  for (int i = 0; i < 4; ++i) {
    bytes[12 + i] = static_cast<char>(crc >> 8 * i & 0xff);
  }
  ExpectAllFail(bytes, absl::StatusCode::kUnimplemented,
                "written by format 9; this viewer reads up to 1");
}

TEST(Damage, RandomBytesNeverCrash) {
  std::mt19937 random(1);
  for (int i = 0; i < 50; ++i) {
    std::string bytes(random() % 2000, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    for (VerbFunction verb : kVerbs) {
      std::ostringstream out;
      EXPECT_FALSE(verb(FromBytes(bytes), {}, out).ok());
    }
  }
}

TEST(Damage, EveryTruncationIsReadAsFarAsItGoes) {
  const std::string bytes = SampleRun().Finish();
  for (size_t size = 0; size < bytes.size(); size += 7) {
    for (VerbFunction verb : kVerbs) {
      std::ostringstream out;
      const auto outcome = verb(FromBytes(bytes.substr(0, size)), {}, out);
      if (outcome.ok() && verb != Check) {
        EXPECT_FALSE(outcome->notes.empty()) << size;
      }
    }
  }
}

TEST(Damage, EveryFlippedByteIsSurvived) {
  const std::string bytes = ThreeChunks().Finish();
  for (size_t at = 0; at < bytes.size(); ++at) {
    std::string damaged = bytes;
    damaged[at] ^= 0x55;
    for (VerbFunction verb : kVerbs) {
      std::ostringstream out;
      verb(FromBytes(damaged), {}, out).status().IgnoreError();
    }
  }
}

TEST(Damage, DamagedChunkCostsOnlyItselfAndIsTold) {
  LogBuilder log = ThreeChunks();
  std::string bytes = log.Finish();
  bytes[log.offsets()[1] + 45] ^= 1;
  std::ostringstream out;
  const auto outcome = Summary(FromBytes(bytes), {}, out);
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome->exit_code, 0);
  ASSERT_EQ(outcome->notes.size(), 1u);
  EXPECT_THAT(outcome->notes[0], HasSubstr("offset"));
  EXPECT_THAT(outcome->notes[0], HasSubstr("1 of "));
  EXPECT_THAT(outcome->notes[0], HasSubstr("33 % of events"));
  EXPECT_EQ(JsonOf(Summary, bytes)["ops"][0]["count"], 2);
}

TEST(Damage, UnfinishedLogIsShownAndSaysSo) {
  std::ostringstream out;
  const auto outcome = Summary(FromBytes(SampleRun().Kill()), {}, out);
  ASSERT_TRUE(outcome.ok());
  ASSERT_EQ(outcome->notes.size(), 1u);
  EXPECT_THAT(outcome->notes[0], HasSubstr("not finished"));
}

TEST(Check, WholeLogIsOk) {
  std::ostringstream out;
  const auto outcome = Check(FromBytes(SampleRun().Finish()), {}, out);
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome->exit_code, 0) << out.str();
  EXPECT_THAT(out.str(), HasSubstr("run.tape: ok"));
  EXPECT_THAT(out.str(), HasSubstr("21 spans"));
}

TEST(Check, DropsAreNotDamage) {
  LogBuilder log = SampleRun();
  log.Drop(1, 1, 2, 42);
  std::ostringstream out;
  EXPECT_EQ(Check(FromBytes(log.Finish()), {}, out)->exit_code, 0);
  EXPECT_THAT(out.str(), HasSubstr("42 events were dropped"));
}

TEST(Check, DamageExitsWithOne) {
  LogBuilder log = ThreeChunks();
  std::string bytes = log.Finish();
  bytes[log.offsets()[2] + 45] ^= 1;
  std::ostringstream out;
  EXPECT_EQ(Check(FromBytes(bytes), {}, out)->exit_code, 1);
  EXPECT_THAT(out.str(), HasSubstr("damaged"));
}

TEST(Check, UnfinishedButUndamagedExitsWithOneAndSaysSo) {
  std::ostringstream out;
  EXPECT_EQ(Check(FromBytes(SampleRun().Kill()), {}, out)->exit_code, 1);
  EXPECT_THAT(out.str(), HasSubstr("not finished, but undamaged"));
}

}  // namespace
}  // namespace torchtape::viewer
