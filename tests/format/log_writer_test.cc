#include "torchtape/format/log_writer.h"

#include "gmock/gmock.h"
#include "support/failing_sink.h"
#include "support/small_log.h"
#include "support/status_matchers.h"
#include "torchtape/format/layout.h"

namespace torchtape::format {
namespace {

using ::testing::_;
using testing::FailingSink;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::LogContent;
using testing::ReadLog;
using ::testing::SizeIs;
using testing::SmallEvents;
using testing::StatusIs;

class LogWriterTest : public ::testing::Test {
 protected:
  absl::Status WriteEvents(LogWriter* writer, uint64_t number) {
    return writer->Write(v1::CHUNK_KIND_EVENTS, SmallEvents(number), entry_);
  }
  LogWriter WriterWithRoomFor(size_t bytes) {
    return LogWriter(std::make_unique<FailingSink>(bytes, &bytes_), run_);
  }

  std::string bytes_;
  v1::Run run_;
  v1::IndexEntry entry_;
};

TEST_F(LogWriterTest, WhatIsWrittenIsRead) {
  LogWriter writer(ToString(&bytes_), run_);
  ASSERT_THAT(WriteEvents(&writer, 7), IsOk());
  ASSERT_THAT(writer.Close(v1::Statistics()), IsOk());
  const LogContent log = ReadLog(bytes_);
  ASSERT_THAT(log.chunks, SizeIs(2));
  EXPECT_EQ(log.chunks[0].payload, SmallEvents(7).SerializeAsString());
  EXPECT_THAT(log.skipped, IsEmpty());
}

TEST_F(LogWriterTest, IndexNamesEveryChunkAndKeepsTheEntry) {
  LogWriter writer(ToString(&bytes_), run_);
  entry_.set_first_step(5);
  ASSERT_THAT(WriteEvents(&writer, 0), IsOk());
  v1::Statistics statistics;
  statistics.set_frees(9);
  ASSERT_THAT(writer.Close(statistics), IsOk());
  const v1::Index index = ReadLog(bytes_).index.value();
  ASSERT_EQ(index.chunks_size(), 2);
  EXPECT_EQ(index.chunks(0).kind(), v1::CHUNK_KIND_RUN);
  EXPECT_EQ(index.chunks(0).offset(), kFileHeaderBytes);
  EXPECT_EQ(index.chunks(1).offset(),
            kFileHeaderBytes + index.chunks(0).stored_bytes());
  EXPECT_EQ(index.chunks(1).first_step(), 5);
  EXPECT_EQ(index.statistics().frees(), 9);
}

TEST_F(LogWriterTest, WrittenBytesIsTheSizeOfTheLog) {
  LogWriter writer(ToString(&bytes_), run_);
  EXPECT_EQ(writer.written_bytes(), bytes_.size());
  ASSERT_THAT(writer.Close(v1::Statistics()), IsOk());
  EXPECT_EQ(writer.written_bytes(), bytes_.size());
}

TEST_F(LogWriterTest, PayloadThatCompressesIsCompressed) {
  LogWriter writer(ToString(&bytes_), run_);
  ASSERT_THAT(
      writer.Write(v1::CHUNK_KIND_EVENTS, SmallEvents(0, 100000), entry_),
      IsOk());
  EXPECT_LT(bytes_.size(), 1000);
}

TEST_F(LogWriterTest, TooLargePayloadIsRefusedAndTheWriterGoesOn) {
  LogWriter writer(ToString(&bytes_), run_);
  const size_t before = bytes_.size();
  EXPECT_THAT(
      writer.Write(v1::CHUNK_KIND_EVENTS, SmallEvents(0, kMaxRawBytes), entry_),
      StatusIs(absl::StatusCode::kInvalidArgument, _));
  EXPECT_EQ(bytes_.size(), before);
  EXPECT_THAT(WriteEvents(&writer, 1), IsOk());
  EXPECT_THAT(writer.Close(v1::Statistics()), IsOk());
  EXPECT_THAT(ReadLog(bytes_).skipped, IsEmpty());
}

TEST_F(LogWriterTest, FirstFailureStays) {
  LogWriter writer = WriterWithRoomFor(100);
  EXPECT_THAT(WriteEvents(&writer, 0),
              StatusIs(absl::StatusCode::kResourceExhausted, _));
  EXPECT_THAT(WriteEvents(&writer, 1),
              StatusIs(absl::StatusCode::kResourceExhausted, _));
  EXPECT_THAT(writer.Close(v1::Statistics()),
              StatusIs(absl::StatusCode::kResourceExhausted, _));
  EXPECT_EQ(bytes_.size(), 100);
}

TEST_F(LogWriterTest, FailureAtTheStartIsKept) {
  EXPECT_THAT(WriterWithRoomFor(0).status(),
              StatusIs(absl::StatusCode::kResourceExhausted, _));
}

// Whatever the room, the chunks that fit are read.
TEST_F(LogWriterTest, FullDiskLosesOnlyWhatDidNotFit) {
  LogWriter writer = WriterWithRoomFor(200);
  uint64_t written = 0;
  while (WriteEvents(&writer, written).ok()) ++written;
  ASSERT_GT(written, 0);
  const LogContent log = ReadLog(bytes_);
  EXPECT_THAT(log.chunks, SizeIs(written));
  EXPECT_THAT(log.skipped, SizeIs(1));
}

TEST_F(LogWriterTest, SecondCloseReturnsTheSameAndWritesNothing) {
  LogWriter writer(ToString(&bytes_), run_);
  ASSERT_THAT(writer.Close(v1::Statistics()), IsOk());
  const size_t size = bytes_.size();
  EXPECT_THAT(writer.Close(v1::Statistics()), IsOk());
  EXPECT_THAT(WriteEvents(&writer, 0), IsOk());
  EXPECT_EQ(bytes_.size(), size);
}

}  // namespace
}  // namespace torchtape::format
