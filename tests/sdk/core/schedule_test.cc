#include "core/schedule.h"

#include <limits>

#include "gmock/gmock.h"
#include "support/status_matchers.h"

namespace torchtape::internal {
namespace {

using ::testing::HasSubstr;
using testing::IsOk;
using testing::StatusIs;

Schedule Parse(const std::string& text) {
  Schedule schedule;
  EXPECT_THAT(ParseSchedule(text, &schedule), IsOk());
  return schedule;
}

// One letter a step: - off, w warm-up, R recorded.
std::string Plan(const std::string& schedule, size_t steps) {
  StepPlanner planner(Parse(schedule));
  std::string plan;
  for (; steps != 0; --steps) {
    const StepPlan step = planner.Current();
    plan += step == StepPlan::kOff      ? '-'
            : step == StepPlan::kWarmUp ? 'w'
                                        : 'R';
    planner.Step();
  }
  return plan;
}

TEST(StepPlanner, RecordsEveryStepByDefault) {
  EXPECT_EQ(Plan("", 5), "RRRRR");
}

TEST(StepPlanner, FollowsEveryRule) {
  const struct {
    const char* schedule;
    const char* plan;
  } cases[] = {
      {"skip_first=3", "---RRRRR"},
      {"active=2", "RRRRRRRR"},
      {"wait=2,active=1", "--R--R--R"},
      {"wait=1,warmup=1,active=2", "-wRR-wRR-wRR"},
      {"warmup=2,active=1", "wwRwwRwwR"},
      {"wait=1,warmup=1,active=1,repeat=2", "-wR-wR------"},
      {"active=2,repeat=1", "RR------"},
      {"skip_first=2,wait=1,active=1", "---R-R-R-R"},
      {"skip_first=1,active=1,repeat=2", "-RR-----"},
      {"wait=5", "RRRRR"},             // no cycles without `active`
      {"warmup=5,repeat=1", "RRRRR"},  // likewise
      {"every=3", "R--R--R--R"},
      {"every=1", "RRR"},
      {"every=0", "RRR"},
      {"every=2,skip_first=3", "----R-R-R"},
      {"every=2,wait=1,active=2", "--R-R---R-R"},
      {"first_of_epoch=2", "RR------"},
      {"first_of_epoch=3,skip_first=1", "-RR-----"},
  };
  for (const auto& each : cases) {
    EXPECT_EQ(Plan(each.schedule, strlen(each.plan)), each.plan)
        << each.schedule;
  }
}

TEST(StepPlanner, EpochsStartOver) {
  StepPlanner planner(Parse("first_of_epoch=1"));
  EXPECT_EQ(planner.Current(), StepPlan::kRecord);
  planner.Step();
  EXPECT_EQ(planner.Current(), StepPlan::kOff);
  planner.StartEpoch();
  EXPECT_EQ(planner.Current(), StepPlan::kRecord);
  EXPECT_EQ(planner.step(), 1) << "steps count on through epochs";
}

TEST(StepPlanner, HugeNumbersAreNeverReached) {
  const std::string huge = std::to_string(std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(Plan("wait=" + huge + ",active=1", 3), "---");
  EXPECT_EQ(Plan("active=" + huge + ",warmup=1,wait=1", 4), "-wRR");
  EXPECT_EQ(Plan("warmup=" + huge + ",wait=1,active=" + huge, 3), "-ww");
  EXPECT_EQ(Plan("skip_first=" + huge, 3), "---");
  EXPECT_EQ(Plan("every=" + huge, 3), "R--");
}

TEST(ParseSchedule, ReadsAllFields) {
  const Schedule schedule = Parse(
      "skip_first=1,wait=2,warmup=3,active=4,repeat=5,every=6,"
      "first_of_epoch=7");
  EXPECT_EQ(schedule.skip_first, 1);
  EXPECT_EQ(schedule.wait, 2);
  EXPECT_EQ(schedule.warmup, 3);
  EXPECT_EQ(schedule.active, 4);
  EXPECT_EQ(schedule.repeat, 5);
  EXPECT_EQ(schedule.every, 6);
  EXPECT_EQ(schedule.first_of_epoch, 7);
}

TEST(ParseSchedule, StartsAnewOrChangesNothing) {
  Schedule schedule;
  schedule.every = 9;
  ASSERT_FALSE(ParseSchedule("wait=2,oops", &schedule).ok());
  EXPECT_EQ(Describe(schedule), "every=9");
  ASSERT_THAT(ParseSchedule("wait=2", &schedule), IsOk());
  EXPECT_EQ(Describe(schedule), "wait=2");
}

TEST(ParseSchedule, NamesThePartThatIsWrong) {
  for (const char* wrong : {"wiat=2", "wait", "wait=", "wait=two", "wait=-1",
                            "=2", "wait=99999999999999999999", "wait=1=2"}) {
    Schedule schedule;
    const std::string text = std::string("active=1,") + wrong + ",every=2";
    EXPECT_THAT(ParseSchedule(text, &schedule),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("\"" + std::string(wrong) + "\"")));
  }
}

TEST(Describe, SaysNothingOfTheDefault) { EXPECT_EQ(Describe(Schedule()), ""); }

TEST(Describe, SaysWhatParseReads) {
  for (const char* text : {"wait=5,warmup=1,active=3,repeat=2", "every=0",
                           "every=7", "skip_first=1,first_of_epoch=2"}) {
    EXPECT_EQ(Describe(Parse(text)), text);
  }
}

}  // namespace
}  // namespace torchtape::internal
