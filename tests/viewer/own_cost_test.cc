#include "totals/own_cost.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "viewer/sample_run.h"

namespace torchtape::viewer {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

v1::OwnCost Cost(uint32_t thread, v1::CostKind kind, uint64_t samples,
                 uint64_t ns) {
  v1::OwnCost cost;
  cost.set_thread(thread);
  cost.set_kind(kind);
  cost.set_samples(samples);
  cost.set_sampled_ns(ns);
  cost.set_every(10);
  return cost;
}

TEST(OwnCost, SlowdownIsThatOfTheThreadWithMostOfIt) {
  v1::Statistics statistics;
  *statistics.add_own_costs() = Cost(1, v1::COST_KIND_OPS, 2, 100);
  *statistics.add_own_costs() = Cost(1, v1::COST_KIND_MEMORY, 1, 100);
  *statistics.add_own_costs() = Cost(2, v1::COST_KIND_OPS, 1, 150);
  const std::vector<CostEntry> entries = CostEntries(statistics);
  ASSERT_EQ(entries.size(), 3);
  EXPECT_EQ(entries[0].ns_per_call, 50);
  EXPECT_EQ(entries[0].total_ns, 1000);
  // 2,000 ns of thread 1, in 12,000.
  EXPECT_DOUBLE_EQ(Slowdown(entries, 12000), 0.2);
}

TEST(OwnCost, WhatMakesNoSenseIsNotKnown) {
  v1::Statistics statistics;
  *statistics.add_own_costs() = Cost(1, v1::COST_KIND_OPS, 0, 100);
  *statistics.add_own_costs() = Cost(1, v1::COST_KIND_NONE, 5, 100);
  EXPECT_TRUE(CostEntries(statistics).empty());
  EXPECT_LT(Slowdown({}, 1000), 0);
  *statistics.add_own_costs() = Cost(1, v1::COST_KIND_OPS, 1, 1000);
  EXPECT_LT(Slowdown(CostEntries(statistics), 9000), 0);  // more than all
}

// Recording from 0 to 100 and from 300 on, until 1,000.
TEST(OwnCost, InfoTellsItOfTheTimeThatWasRecorded) {
  LogBuilder log;
  const uint32_t op = log.Op("a");
  log.Window(0, true);
  log.Begin(1, 10, op);
  log.End(1, 90);
  log.Window(100, false);
  log.Window(300, true);
  log.Begin(1, 310, op);
  log.End(1, 1000);
  log.OwnCost(Cost(1, v1::COST_KIND_OPS, 4, 8));
  const std::string bytes = log.Finish();
  const Json cost = JsonOf(Info, bytes)["own_cost"];
  EXPECT_EQ(cost["recorded_ns"], 800);
  EXPECT_DOUBLE_EQ(cost["slowdown"], 80.0 / 720);
  EXPECT_EQ(cost["calls"][0]["kind"], "ops");
  EXPECT_EQ(cost["calls"][0]["total_ns"], 80);
  EXPECT_THAT(TextOf(Info, bytes),
              HasSubstr("about 80 ns of the program's threads, which made it "
                        "11.1 % slower: ops 2 ns a call"));
}

TEST(OwnCost, WithoutSamplesInfoTellsNone) {
  LogBuilder log;
  log.Begin(1, 10, log.Op("a"));
  log.End(1, 90);
  const std::string bytes = log.Finish();
  EXPECT_TRUE(JsonOf(Info, bytes)["own_cost"].is_null());
  EXPECT_THAT(TextOf(Info, bytes), Not(HasSubstr("of the program's threads")));
}

}  // namespace
}  // namespace torchtape::viewer
