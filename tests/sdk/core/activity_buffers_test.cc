#include "core/activity_buffers.h"

#include <set>

#include "gmock/gmock.h"

namespace torchtape::internal {
namespace {

using ::testing::SizeIs;

TEST(ActivityBuffers, AreBounded) {
  static ActivityBuffers buffers;  // it keeps its memory
  ASSERT_TRUE(buffers.has_memory());
  std::set<uint8_t*> taken;
  for (size_t i = 0; i < ActivityBuffers::kCount; ++i) {
    taken.insert(buffers.Take());
  }
  EXPECT_THAT(taken, SizeIs(ActivityBuffers::kCount));
  EXPECT_EQ(taken.count(nullptr), 0);
  EXPECT_EQ(buffers.Take(), nullptr);
  buffers.Release(*taken.begin());
  EXPECT_EQ(buffers.Take(), *taken.begin());
}

TEST(ActivityBuffers, ComeInTheOrderInWhichTheyWereFilled) {
  static ActivityBuffers buffers;  // it keeps its memory
  uint8_t* const first = buffers.Take();
  uint8_t* const second = buffers.Take();
  EXPECT_EQ(buffers.TakeFull().buffer, nullptr);
  buffers.Complete(second, 8);
  buffers.Complete(first, 16);
  const ActivityBuffers::Full full = buffers.TakeFull();
  EXPECT_EQ(full.buffer, second);
  EXPECT_EQ(full.valid_bytes, 8);
  EXPECT_EQ(buffers.TakeFull().buffer, first);
  EXPECT_EQ(buffers.TakeFull().buffer, nullptr);
}

TEST(ActivityBuffers, EmptyOnesGoStraightBack) {
  static ActivityBuffers buffers;  // it keeps its memory
  uint8_t* const buffer = buffers.Take();
  buffers.Complete(buffer, 0);
  EXPECT_EQ(buffers.TakeFull().buffer, nullptr);
  EXPECT_EQ(buffers.Take(), buffer);
}

TEST(ActivityBuffers, OthersAreLeftAlone) {
  static ActivityBuffers buffers;  // it keeps its memory
  uint8_t other[8] = {};
  buffers.Complete(other, 8);
  uint8_t* const inside = buffers.Take() + 8;
  buffers.Complete(inside, 8);
  EXPECT_EQ(buffers.TakeFull().buffer, nullptr);
}

}  // namespace
}  // namespace torchtape::internal
