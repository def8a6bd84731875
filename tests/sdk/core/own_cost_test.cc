#include "core/own_cost.h"

#include "gtest/gtest.h"

namespace torchtape::internal {
namespace {

TEST(OwnCost, OneCallIn128IsMeasuredAtDistancesThatVary) {
  OwnCost cost;
  int last = 0, least = 1 << 20, most = 0, count = 0;
  for (int call = 1; call <= 128000; ++call) {
    if (!cost.IsDue()) continue;
    if (count++ > 0) {
      least = std::min(least, call - last);
      most = std::max(most, call - last);
    }
    last = call;
    cost.Add(CostKind::kOps, 1000 + static_cast<uint64_t>(call) % 1009);
  }
  EXPECT_NEAR(count, 1000, 100);
  EXPECT_GE(least, 65);
  EXPECT_LE(most, 191);
  EXPECT_LT(least, 80);
  EXPECT_GT(most, 176);
}

TEST(OwnCost, SumsAreByKindAndWithoutReadingTheClock) {
  OwnCost cost;
  for (int i = 0; i < 10; ++i) cost.Add(CostKind::kMemory, 2000);
  const OwnCost::Sum sum = cost.sum(CostKind::kMemory);
  EXPECT_EQ(sum.samples, 10);
  EXPECT_LT(sum.ticks, 20000);
  EXPECT_GT(sum.ticks, 0);
  EXPECT_EQ(cost.sum(CostKind::kOps).samples, 0);
}

TEST(OwnCost, AnInterruptedCallDoesNotCount) {
  OwnCost cost;
  cost.Add(CostKind::kOps, uint64_t{1} << 40);
  EXPECT_EQ(cost.sum(CostKind::kOps).samples, 0);
}

TEST(OwnCost, ASampleLastsAsLongAsItLives) {
  OwnCost cost;
  while (cost.sum(CostKind::kModules).samples == 0) {
    const CostSample sample(&cost, CostKind::kModules);
    const uint64_t start = Ticks();
    while (Ticks() - start < 20000) {
    }
  }
  EXPECT_GT(cost.sum(CostKind::kModules).ticks, 15000);
}

}  // namespace
}  // namespace torchtape::internal
