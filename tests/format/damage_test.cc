// What a reader does with logs that are cut, flipped, mixed up or forged.
// FORMAT.md "Damage" is the list of promises.

#include <algorithm>

#include "checksum.h"
#include "framing.h"
#include "gmock/gmock.h"
#include "support/small_log.h"
#include "support/status_matchers.h"
#include "torchtape/format/layout.h"
#include "zstd_codec.h"

namespace torchtape::format {
namespace {

using internal::ChunkHeader;
using ::testing::_;
using ::testing::AnyOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::LogContent;
using testing::ReadLog;
using ::testing::SizeIs;
using testing::SmallLog;
using testing::StatusIs;

auto Reason(const std::string& part) {
  return Field(&SkippedRegion::reason, HasSubstr(part));
}

class DamageTest : public ::testing::Test {
 protected:
  // Offset of chunk `number`; 0 is the Run chunk.
  uint64_t OffsetOf(int number) const {
    return whole_.index->chunks(number).offset();
  }
  std::string ChunkBytes(int number) const {
    const v1::IndexEntry& entry = whole_.index->chunks(number);
    return log_.substr(entry.offset(), entry.stored_bytes());
  }
  // Whether each chunk is one of the undamaged log's, with its payload.
  bool AllAreGenuine(const LogContent& content) const {
    return std::all_of(content.chunks.begin(), content.chunks.end(),
                       [this](const Chunk& chunk) {
                         return chunk.number >= 1 && chunk.number <= 5 &&
                                whole_.chunks[chunk.number - 1].payload ==
                                    chunk.payload;
                       });
  }
  // Chunks that were lost, the Run chunk included.
  size_t Lost(const LogContent& content) const {
    return whole_.chunks.size() - content.chunks.size() +
           (content.has_run ? 0 : 1);
  }
  // A header with right checksums in front of `payload`.
  static std::string Forge(ChunkHeader header, const std::string& payload) {
    header.payload_crc = internal::Crc32(payload);
    return internal::Encode(header) + payload;
  }
  // The log with `chunk` in place of chunk 2.
  LogContent ReadWithForged(const std::string& chunk) const {
    return ReadLog(log_.substr(0, OffsetOf(2)) + chunk +
                   log_.substr(OffsetOf(3)));
  }

  const std::string log_ = SmallLog(4);
  const LogContent whole_ = ReadLog(log_);
};

TEST_F(DamageTest, CutAnywhereEveryCompleteChunkIsRead) {
  for (size_t size = kFileHeaderBytes; size < log_.size(); ++size) {
    const LogContent cut = ReadLog(log_.substr(0, size));
    ASSERT_THAT(cut.status, IsOk()) << size;
    size_t complete = 0;
    for (const Chunk& chunk : whole_.chunks) {
      if (chunk.offset + chunk.stored_bytes <= size) ++complete;
    }
    ASSERT_THAT(cut.chunks, SizeIs(complete)) << size;
    ASSERT_TRUE(AllAreGenuine(cut)) << size;
    ASSERT_FALSE(cut.index) << size;
  }
}

TEST_F(DamageTest, TornTailIsOneSkippedRegion) {
  const LogContent cut = ReadLog(log_.substr(0, OffsetOf(3) + 50));
  ASSERT_THAT(cut.skipped, ElementsAre(Reason("the file ends inside a chunk")));
  EXPECT_EQ(cut.skipped[0].begin, OffsetOf(3));
  EXPECT_EQ(cut.skipped[0].end, OffsetOf(3) + 50);
}

TEST_F(DamageTest, LogThatEndsBetweenChunksIsWhole) {
  EXPECT_THAT(ReadLog(log_.substr(0, OffsetOf(3))).skipped, IsEmpty());
}

TEST_F(DamageTest, CutFooterCostsOnlyTheQuickWayToTheIndex) {
  const LogContent cut = ReadLog(log_.substr(0, log_.size() - 1));
  EXPECT_FALSE(cut.index);
  EXPECT_EQ(Lost(cut), 0);
  EXPECT_THAT(cut.skipped, ElementsAre(Reason("footer")));
}

TEST_F(DamageTest, FileShorterThanItsHeaderIsDataLoss) {
  for (size_t size = 1; size < kFileHeaderBytes; ++size) {
    EXPECT_THAT(ReadLog(log_.substr(0, size)).status,
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("ends")));
  }
}

TEST_F(DamageTest, AnyFlippedBitCostsAtMostItsOwnChunk) {
  for (size_t bit = 0; bit < 8 * log_.size(); ++bit) {
    std::string bad = log_;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    const LogContent content = ReadLog(bad);
    ASSERT_THAT(content.status, IsOk()) << bit;
    ASSERT_LE(Lost(content), 1) << bit;
    ASSERT_TRUE(AllAreGenuine(content)) << bit;
    ASSERT_THAT(content.skipped, SizeIs(1)) << bit;
    ASSERT_LE(content.skipped[0].begin, bit / 8) << bit;
    ASSERT_GT(content.skipped[0].end, bit / 8) << bit;
  }
}

TEST_F(DamageTest, MissingBytesInsideAChunkCostOnlyThatChunk) {
  std::string bad = log_;
  bad.erase(OffsetOf(2) + 45, 3);
  const LogContent content = ReadLog(bad);
  EXPECT_EQ(Lost(content), 1);
  EXPECT_TRUE(AllAreGenuine(content));
}

TEST_F(DamageTest, StrangeBytesBetweenChunksAreSkipped) {
  std::string bad = log_;
  bad.insert(OffsetOf(2), std::string(3 << 20, 'x'));
  const LogContent content = ReadLog(bad);
  EXPECT_EQ(Lost(content), 0);
  ASSERT_THAT(content.skipped, SizeIs(1));
  EXPECT_EQ(content.skipped[0].begin, OffsetOf(2));
  EXPECT_EQ(content.skipped[0].end, OffsetOf(2) + (3 << 20));
}

// The search for a sync mark goes block by block; no seam may hide one.
TEST_F(DamageTest, SyncMarksAreFoundAcrossTheSeamsOfTheSearch) {
  for (size_t gap = 4096 - 60; gap < 4096 + 20; ++gap) {
    std::string bad = log_;
    bad.insert(OffsetOf(2), std::string(gap, '\xc5'));
    ASSERT_EQ(Lost(ReadLog(bad)), 0) << gap;
  }
}

TEST_F(DamageTest, DamagedFileHeaderIsNoObstacleWhileAChunkFollows) {
  std::string bad = log_;
  bad.replace(0, kFileHeaderBytes, kFileHeaderBytes, '?');
  const LogContent content = ReadLog(bad);
  EXPECT_EQ(Lost(content), 0);
  EXPECT_THAT(content.skipped, ElementsAre(Reason("file header")));
}

// As when the first sector of a disk is lost.
TEST_F(DamageTest, LossOfTheFirstBytesCostsOnlyWhatWasInThem) {
  std::string bad = log_;
  const size_t lost = OffsetOf(2) + 7;
  bad.replace(0, lost, lost, '\0');
  const LogContent content = ReadLog(bad);
  ASSERT_THAT(content.status, IsOk());
  EXPECT_THAT(content.chunks, SizeIs(3));
  EXPECT_TRUE(content.index);
  ASSERT_THAT(content.skipped, ElementsAre(Reason("file header")));
  EXPECT_EQ(content.skipped[0].end, OffsetOf(3));
}

TEST_F(DamageTest, LogInsideOfAnotherFileIsNotALog) {
  EXPECT_THAT(ReadLog(std::string(512, 't') + log_).status,
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("text")));
}

TEST_F(DamageTest, DamagedFileHeaderWithoutAChunkIsDataLoss) {
  std::string bad = log_.substr(0, kFileHeaderBytes);
  bad[12] = static_cast<char>(bad[12] ^ 1);
  EXPECT_THAT(ReadLog(bad).status,
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("header")));
}

TEST_F(DamageTest, LostRunFactsLeaveTheEventsReadable) {
  std::string bad = log_;
  bad[OffsetOf(0) + kChunkHeaderBytes] ^= 1;
  const LogContent content = ReadLog(bad);
  EXPECT_FALSE(content.has_run);
  EXPECT_EQ(content.run.host(), "");
  EXPECT_THAT(content.chunks, SizeIs(5));
  EXPECT_TRUE(content.index);
}

TEST_F(DamageTest, BytesAfterTheFooterAreSkipped) {
  const LogContent content = ReadLog(log_ + log_);
  EXPECT_EQ(Lost(content), 0);
  ASSERT_THAT(content.skipped, ElementsAre(Reason("follow the end")));
  EXPECT_EQ(content.skipped[0].begin, log_.size());
}

TEST_F(DamageTest, RepeatedChunkIsReadOnce) {
  std::string bad = log_;
  bad.insert(OffsetOf(3), ChunkBytes(2));
  const LogContent content = ReadLog(bad);
  EXPECT_EQ(Lost(content), 0);
  EXPECT_THAT(content.skipped, ElementsAre(Reason("comes after")));
}

TEST_F(DamageTest, MissingChunksAreNoticedByTheirNumbers) {
  std::string bad = log_;
  bad.erase(OffsetOf(2), ChunkBytes(2).size());
  const LogContent content = ReadLog(bad);
  ASSERT_THAT(content.skipped, ElementsAre(Reason("2 to 2 are missing")));
  EXPECT_EQ(content.skipped[0].begin, content.skipped[0].end);
}

// ---- Forged: the checksums are right and the sizes are not.

TEST_F(DamageTest, ForgedSizesAreNotBelieved) {
  const uint32_t huge = 0xffffffff;
  const struct {
    ChunkHeader header;
    const char* reason;
  } cases[] = {
      {{2, 0, huge, huge, 0, 2}, "more than a chunk may have"},
      {{2, 1, 100, kMaxRawBytes + 1, 0, 2}, "more than a chunk may have"},
      {{2, 0, 100, 99, 0, 2}, "which cannot be"},
      {{2, 1, huge, kMaxRawBytes, 0, 2}, "which cannot be"},
      {{2, 0, 1 << 20, 1 << 20, 0, 2}, "cut short"},
      {{2, 1, 100, 100, 0, 2}, "frame"},
      {{2, 9, 100, 100, 0, 2}, "unknown codec 9"},
  };
  for (const auto& c : cases) {
    const LogContent content =
        ReadWithForged(Forge(c.header, std::string(100, '\0')));
    EXPECT_EQ(Lost(content), 1);
    EXPECT_TRUE(AllAreGenuine(content));
    EXPECT_THAT(content.skipped, ElementsAre(Reason(c.reason)));
  }
}

TEST_F(DamageTest, FrameThatUnpacksToAnotherSizeIsRefused) {
  std::string frame;
  ASSERT_THAT(internal::Compressor().Append(std::string(1 << 20, 'b'), &frame),
              IsOk());
  const ChunkHeader header{2,   1, static_cast<uint32_t>(frame.size()),
                           100, 0, 2};
  const LogContent content = ReadWithForged(Forge(header, frame));
  EXPECT_EQ(Lost(content), 1);
  EXPECT_THAT(content.skipped, ElementsAre(Reason("another size")));
}

TEST_F(DamageTest, FooterThatPointsElsewhereGivesNoIndex) {
  const std::string body = log_.substr(0, log_.size() - kFooterBytes);
  for (uint64_t offset : {uint64_t{0}, OffsetOf(1), ~uint64_t{0}}) {
    const LogContent content =
        ReadLog(body + internal::Encode(internal::Footer{offset}));
    EXPECT_FALSE(content.index);
    EXPECT_EQ(Lost(content), 0);
  }
}

TEST_F(DamageTest, IndexThatIsNotTheLastChunkIsNotUsed) {
  const uint64_t index = whole_.chunks.back().offset;
  std::string bad = log_;
  bad.insert(bad.size() - kFooterBytes, ChunkBytes(1));
  EXPECT_FALSE(ReadLog(bad).index);
  ASSERT_EQ(internal::DecodeFooter(bad.substr(bad.size() - kFooterBytes))
                ->index_offset,
            index);
}

// Counts what is read of it.
class CountingSource : public ByteSource {
 public:
  explicit CountingSource(std::string bytes)
      : bytes_(FromString(std::move(bytes))) {}
  uint64_t size() const override { return bytes_->size(); }
  absl::StatusOr<std::string> Read(uint64_t offset,
                                   size_t length) const override {
    absl::StatusOr<std::string> bytes = bytes_->Read(offset, length);
    read_ += bytes->size();
    return bytes;
  }
  uint64_t bytes_read() const { return read_; }

 private:
  const std::unique_ptr<ByteSource> bytes_;
  mutable uint64_t read_ = 0;
};

// Each header claims half of the file, and the checksum is wrong. Finding that
// out for each of them would read 10 GB of a file of 800 KB.
TEST_F(DamageTest, ManyForgedHeadersCannotMakeTheReaderCrawl) {
  constexpr uint32_t kHeaders = 20000;
  constexpr uint32_t kClaim = kHeaders * kChunkHeaderBytes / 2;
  const std::string header =
      internal::Encode(ChunkHeader{2, 0, kClaim, kClaim, 1234, 1});
  std::string bad = log_.substr(0, OffsetOf(1));
  for (uint32_t i = 0; i < kHeaders; ++i) bad += header;

  auto source = std::make_shared<CountingSource>(bad);
  auto reader = LogReader::Open(source);
  ASSERT_THAT(reader, IsOk());
  EXPECT_FALSE(reader->Next()->has_value());
  EXPECT_LT(source->bytes_read(), uint64_t{4} * kMaxRawBytes);
}

}  // namespace
}  // namespace torchtape::format
