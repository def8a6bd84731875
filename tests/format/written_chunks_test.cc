#include "written_chunks.h"

#include "framing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "torchtape/format/layout.h"

namespace torchtape::format::internal {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr uint32_t kTornBytes = 100;

// A chunk that ends at `offset`, one behind it that is torn, and a summary of
// other chunks.
class TornChunk : public ::testing::Test {
 protected:
  std::vector<Release> ReleasesIfTornAt(uint32_t offset,
                                        bool has_summary = true,
                                        uint32_t bytes = kTornBytes) {
    chunks_.Add({v1::CHUNK_KIND_EVENTS, 16, 1, offset - 16, ""});
    std::string head = EncodeReleased(bytes, 2, 1);
    head.back() ^= 1;
    chunks_.AddTorn(head, bytes);
    const uint32_t end = offset + bytes;
    if (!has_summary) return chunks_.FinishReleases(end);
    v1::Summary summary;
    v1::ChunkRange& range = *summary.add_chunks();
    range.set_first(7);
    range.set_last(8);
    chunks_.Add(
        {v1::CHUNK_KIND_SUMMARY, end, 9, 50, summary.SerializeAsString()});
    return chunks_.FinishReleases(end + 50);
  }

  WrittenChunks chunks_;
};

TEST_F(TornChunk, OnTwoPagesWasAboutToBeReleased) {
  const std::vector<Release> releases = ReleasesIfTornAt(2 * 4096 - 20);
  ASSERT_THAT(releases, SizeIs(1));
  EXPECT_EQ(releases[0].begin, 2 * 4096 - 20);
  EXPECT_EQ(releases[0].end, 2 * 4096 - 20 + kTornBytes);
  EXPECT_EQ(releases[0].header, EncodeReleased(kTornBytes, 2, 1));
  EXPECT_EQ(chunks_.IndexUpTo(~uint64_t{0}).chunks(1).kind(),
            v1::CHUNK_KIND_RELEASED);
}

TEST_F(TornChunk, OnOnePageIsDamaged) {
  EXPECT_THAT(ReleasesIfTornAt(4096), IsEmpty());
  EXPECT_EQ(chunks_.IndexUpTo(~uint64_t{0}).chunks_size(), 2);
}

TEST_F(TornChunk, OfWhichTheKindIsOnTheOtherPageIsDamaged) {
  EXPECT_THAT(ReleasesIfTornAt(4096 - 8), IsEmpty());
}

TEST_F(TornChunk, LongerThanAnyThatIsReleasedIsDamaged) {
  EXPECT_THAT(ReleasesIfTornAt(4096 - 20, true, kMaxRawBytes + 1), IsEmpty());
}

TEST_F(TornChunk, OfALogThatReleasesNothingIsDamaged) {
  EXPECT_THAT(ReleasesIfTornAt(4096 - 20, /*has_summary=*/false), IsEmpty());
}

}  // namespace
}  // namespace torchtape::format::internal
