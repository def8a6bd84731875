#include "torchtape/format/log_reader.h"

#include "framing.h"
#include "gmock/gmock.h"
#include "support/small_log.h"
#include "support/status_matchers.h"
#include "torchtape/format/layout.h"

namespace torchtape::format {
namespace {

using ::testing::_;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::LogContent;
using testing::ReadLog;
using ::testing::SizeIs;
using testing::SmallEvents;
using testing::SmallLog;
using testing::StatusIs;

TEST(LogReader, ReadsEveryChunkInOrder) {
  const LogContent log = ReadLog(SmallLog(4));
  ASSERT_THAT(log.status, IsOk());
  ASSERT_THAT(log.chunks, SizeIs(5));
  for (uint64_t i = 0; i < 4; ++i) {
    EXPECT_EQ(log.chunks[i].kind, v1::CHUNK_KIND_EVENTS);
    EXPECT_EQ(log.chunks[i].number, i + 1);
    EXPECT_EQ(log.chunks[i].Parse<v1::Events>()->step(), i);
  }
  EXPECT_EQ(log.chunks[4].kind, v1::CHUNK_KIND_INDEX);
  EXPECT_THAT(log.skipped, IsEmpty());
}

TEST(LogReader, ReadsTheRunFactsFirst) {
  const LogContent log = ReadLog(SmallLog());
  EXPECT_TRUE(log.has_run);
  EXPECT_EQ(log.run.host(), "here");
  EXPECT_EQ(log.run.pid(), 42);
}

TEST(LogReader, FindsTheIndexWithoutReadingTheChunks) {
  auto reader = LogReader::Open(FromString(SmallLog(4)));
  ASSERT_THAT(reader, IsOk());
  ASSERT_TRUE(reader->index());
  EXPECT_EQ(reader->index()->chunks_size(), 5);
  EXPECT_EQ(reader->index()->statistics().steps(), 4);
}

TEST(LogReader, ReadsAnyChunkThatTheIndexNames) {
  auto reader = LogReader::Open(FromString(SmallLog(4)));
  const v1::IndexEntry& entry = reader->index()->chunks(3);
  auto chunk = reader->ReadAt(entry.offset());
  ASSERT_THAT(chunk, IsOk());
  EXPECT_EQ(chunk->number, 3);
  EXPECT_EQ(chunk->stored_bytes, entry.stored_bytes());
  EXPECT_EQ(reader->Next()->value().number, 1);  // its place did not change
}

TEST(LogReader, ReadAtAnotherOffsetIsDataLoss) {
  auto reader = LogReader::Open(FromString(SmallLog()));
  for (uint64_t offset : {uint64_t{0}, uint64_t{17}, ~uint64_t{0}}) {
    EXPECT_THAT(reader->ReadAt(offset),
                StatusIs(absl::StatusCode::kDataLoss, _));
  }
}

TEST(LogReader, ChunksOfUnknownKindArePassedOn) {
  std::string bytes;
  LogWriter writer(ToString(&bytes), v1::Run());
  ASSERT_THAT(writer.Write(static_cast<v1::ChunkKind>(77), SmallEvents(0), {}),
              IsOk());
  EXPECT_EQ(static_cast<int>(ReadLog(bytes).chunks.at(0).kind), 77);
}

TEST(LogReader, UnfinishedLogHasNoIndexAndNoDamage) {
  std::string bytes;
  LogWriter writer(ToString(&bytes), v1::Run());
  ASSERT_THAT(writer.Write(v1::CHUNK_KIND_EVENTS, SmallEvents(0), {}), IsOk());
  const LogContent log = ReadLog(bytes);
  EXPECT_THAT(log.chunks, SizeIs(1));
  EXPECT_FALSE(log.index);
  EXPECT_THAT(log.skipped, IsEmpty());
}

TEST(LogReader, EmptyFileIsRefusedInWords) {
  EXPECT_THAT(ReadLog("").status, StatusIs(absl::StatusCode::kInvalidArgument,
                                           "the file is empty"));
}

TEST(LogReader, OtherFilesAreRefusedWithWhatTheyLookLike) {
  EXPECT_THAT(
      ReadLog("{\"traceEvents\": []}").status,
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("like JSON")));
}

TEST(LogReader, NewerMajorVersionIsRefusedWithBothVersions) {
  std::string bytes = SmallLog();
  bytes.replace(0, kFileHeaderBytes,
                internal::Encode(internal::FileHeader{3, 0}));
  EXPECT_THAT(ReadLog(bytes).status,
              StatusIs(absl::StatusCode::kUnimplemented,
                       "written by format 3; this viewer reads up to 1"));
}

TEST(LogReader, NewerMinorVersionIsRead) {
  std::string bytes = SmallLog();
  bytes.replace(0, kFileHeaderBytes,
                internal::Encode(internal::FileHeader{kMajorVersion, 9}));
  auto reader = LogReader::Open(FromString(bytes));
  ASSERT_THAT(reader, IsOk());
  EXPECT_EQ(reader->minor_version(), 9);
}

class BrokenSource : public ByteSource {
 public:
  uint64_t size() const override { return 1000; }
  absl::StatusOr<std::string> Read(uint64_t, size_t) const override {
    return absl::UnavailableError("the disk is on fire");
  }
};

TEST(LogReader, UnreadableSourceIsAnErrorNotDamage) {
  EXPECT_THAT(LogReader::Open(std::make_shared<BrokenSource>()),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("fire")));
}

}  // namespace
}  // namespace torchtape::format
