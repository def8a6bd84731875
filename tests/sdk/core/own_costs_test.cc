#include "core/own_costs.h"

#include "gtest/gtest.h"

namespace torchtape::internal {
namespace {

TEST(OwnCosts, ThreadsBeyondTheListedAreSummedUp) {
  OwnCost cost;
  cost.Add(CostKind::kMemory, 5000);
  OwnCosts costs;
  const uint32_t threads = OwnCosts::kListedThreads + 100;
  for (uint32_t thread = 1; thread <= threads; ++thread) {
    costs.Add(thread, cost);
  }
  v1::Statistics statistics;
  costs.PutInto(0.5, &statistics);
  ASSERT_EQ(statistics.own_costs_size(), OwnCosts::kListedThreads + 1);
  EXPECT_EQ(statistics.own_costs(0).thread(), 1);
  EXPECT_EQ(statistics.own_costs(0).kind(), v1::COST_KIND_MEMORY);
  EXPECT_EQ(statistics.own_costs(0).every(), 128);
  EXPECT_EQ(statistics.own_costs(0).sampled_ns(),
            cost.sum(CostKind::kMemory).ticks / 2);
  const v1::OwnCost& others = statistics.own_costs(OwnCosts::kListedThreads);
  EXPECT_EQ(others.thread(), 0);
  EXPECT_EQ(others.samples(), 100);
}

TEST(OwnCosts, WhatWasNotMeasuredIsAbsent) {
  OwnCosts costs;
  costs.Add(1, OwnCost());
  v1::Statistics statistics;
  costs.PutInto(1, &statistics);
  EXPECT_EQ(statistics.own_costs_size(), 0);
}

}  // namespace
}  // namespace torchtape::internal
