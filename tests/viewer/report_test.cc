// What `torchtape report` writes. How the page shows it, tests/report asks a
// browser.

#include <algorithm>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "report/rank_clocks.h"
#include "report/report_columns.h"
#include "report/report_page.h"
#include "report/report_steps.h"
#include "viewer/sample_run.h"

namespace torchtape::viewer {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// `ops[i]` and `durations[i]` of step i.
ReportSteps StepsOf(const std::vector<uint64_t>& durations, uint64_t ops,
                    uint64_t peak_step) {
  Json summary = {{"memory", {{"peak_step", peak_step}}},
                  {"run", {{"events", 3 * ops * durations.size()}}}};
  summary["steps"] = Json::array();
  for (size_t i = 0; i < durations.size(); ++i) {
    summary["steps"].push_back({{"number", i},
                                {"recorded", true},
                                {"ops", ops},
                                {"duration_ns", durations[i]}});
  }
  return ReportStepsOf(summary);
}

TEST(ReportSteps, ThePeakTheSlowestTheMedianAndTheEndsComeFirst) {
  const ReportSteps steps = StepsOf({5, 6, 90, 7, 1, 8, 2, 9}, 99, 3);
  EXPECT_THAT(ChooseSteps({steps}, 4 * 300).steps, ElementsAre(0, 2, 3, 7));
}

TEST(ReportSteps, OneStepIsKeptHoweverLargeItIs) {
  const ReportSteps steps = StepsOf({5, 6, 7}, 1000000, 1);
  EXPECT_THAT(ChooseSteps({steps}, 10).steps, ElementsAre(1));
}

TEST(ReportSteps, AllAreKeptIfThereIsRoom) {
  const ReportSteps steps = StepsOf({1, 2, 3, 4, 5, 6, 7}, 9, 1);
  EXPECT_THAT(ChooseSteps({steps}, 1000).steps,
              ElementsAre(0, 1, 2, 3, 4, 5, 6));
}

// Each asks for its own peak, and all get the same.
TEST(ReportSteps, SeveralLogsKeepTheSameSteps) {
  const std::vector<uint64_t> times = {5, 6, 7, 8, 9, 5, 5, 5};
  const std::vector<uint64_t> slow_last = {5, 6, 7, 8, 9, 5, 5, 50};
  EXPECT_THAT(ChooseSteps({StepsOf(times, 99, 1), StepsOf(slow_last, 99, 2)},
                          5 * 2 * 300)
                  .steps,
              ElementsAre(0, 1, 2, 4, 7));
}

v1::Run RunAt(const char* host, uint64_t wall_ns, uint64_t steady_ns) {
  v1::Run run;
  run.set_host(host);
  run.set_start_wall_ns(wall_ns);
  run.set_start_steady_ns(steady_ns);
  return run;
}

constexpr uint64_t kWallNs = 1760000000000000000, kSecondNs = 1000000000;

TEST(RankClocks, LogsOfOneBootAreAsFarApartAsItsSteadyClockSays) {
  // Somebody set the wall clock by 20 ms in between.
  const auto clocks =
      AlignRanks({RunAt("a", kWallNs, 50 * kSecondNs),
                  RunAt("a", kWallNs + 20000000, 50 * kSecondNs + 700)});
  EXPECT_EQ(clocks[1].offset_ns, 700);
  EXPECT_EQ(clocks[0].clock, clocks[1].clock);
}

TEST(RankClocks, AnotherHostOrBootIsPlacedByItsWallClock) {
  const auto clocks =
      AlignRanks({RunAt("a", kWallNs, 50 * kSecondNs),
                  RunAt("b", kWallNs + 300, 50 * kSecondNs),
                  RunAt("a", kWallNs - 400, 7 * kSecondNs),
                  RunAt("b", kWallNs + 999, 50 * kSecondNs + 40)});
  EXPECT_EQ(clocks[1].offset_ns, 300);
  EXPECT_EQ(clocks[2].offset_ns, -400);
  EXPECT_EQ(clocks[3].offset_ns, 340);  // the clock of b
  EXPECT_THAT((std::vector<uint32_t>{*clocks[0].clock, *clocks[1].clock,
                                     *clocks[2].clock, *clocks[3].clock}),
              ElementsAre(0, 1, 2, 1));
}

TEST(RankClocks, AStartThatIsNotKnownIsNotGuessed) {
  const auto clocks =
      AlignRanks({RunAt("a", kWallNs, kSecondNs), RunAt("a", 0, 0)});
  EXPECT_EQ(clocks[1].offset_ns, 0);
  EXPECT_FALSE(clocks[1].clock.has_value());
}

TEST(ReportColumns, SmallNumbersTakeOneByte) {
  Column column;
  column.Add(127);
  column.AddSigned(-64);
  column.Add(128);
  EXPECT_EQ(column.bytes(), std::string("\x7f\x7f\x80\x01", 4));
  EXPECT_EQ(column.count(), 3u);
}

TEST(Report, IsOnePageThatForbidsTheNetwork) {
  const std::string page = TextOf(Report, SampleRun().Finish());
  EXPECT_THAT(page, HasSubstr("default-src 'none'; script-src 'sha256-"));
  EXPECT_THAT(page, Not(HasSubstr("unsafe-inline")));
  EXPECT_EQ(page.substr(page.size() - 8), "</html>\n");
}

TEST(Report, TheSameLogHasTheSamePage) {
  EXPECT_EQ(TextOf(Report, SampleRun().Finish()),
            TextOf(Report, SampleRun().Finish()));
}

TEST(Report, ProgressGoesOnceThroughTheLog) {
  const std::string bytes = SampleRun().Finish();
  std::vector<uint64_t> done, totals;
  VerbOptions options;
  options.progress = [&](uint64_t now, uint64_t total) {
    done.push_back(now);
    totals.push_back(total);
  };
  TextOf(Report, bytes, options);
  ASSERT_FALSE(done.empty());
  EXPECT_TRUE(std::is_sorted(done.begin(), done.end()));
  EXPECT_GT(done.back(), bytes.size() / 2);
  EXPECT_LE(done.back(), bytes.size());
  EXPECT_THAT(totals, Each(bytes.size()));
}

TEST(Report, StepsThatTheLogHasNotAreRefused) {
  VerbOptions options;
  options.steps = *ParseStep("900");
  std::ostringstream out;
  EXPECT_EQ(
      Report(FromBytes(SampleRun().Finish()), options, out).status().code(),
      absl::StatusCode::kOutOfRange);
  EXPECT_EQ(out.str(), "");
}

}  // namespace
}  // namespace torchtape::viewer
