// What `torchtape report` writes. How the page shows it, tests/report asks a
// browser.

#include <algorithm>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
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
Json SummaryOfSteps(const std::vector<uint64_t>& durations, uint64_t ops,
                    uint64_t peak_step) {
  Json summary = {{"memory", {{"peak_step", peak_step}}}};
  summary["steps"] = Json::array();
  for (size_t i = 0; i < durations.size(); ++i) {
    summary["steps"].push_back({{"number", i},
                                {"recorded", true},
                                {"ops", ops},
                                {"duration_ns", durations[i]}});
  }
  return summary;
}

TEST(ReportSteps, ThePeakTheSlowestTheMedianAndTheEndsComeFirst) {
  const Json summary = SummaryOfSteps({5, 6, 90, 7, 1, 8, 2, 9}, 99, 3);
  EXPECT_THAT(ChooseSteps(summary, 4 * 300).steps, ElementsAre(0, 2, 3, 7));
}

TEST(ReportSteps, OneStepIsKeptHoweverLargeItIs) {
  const Json summary = SummaryOfSteps({5, 6, 7}, 1000000, 1);
  EXPECT_THAT(ChooseSteps(summary, 10).steps, ElementsAre(1));
}

TEST(ReportSteps, AllAreKeptIfThereIsRoom) {
  const Json summary = SummaryOfSteps({1, 2, 3, 4, 5, 6, 7}, 9, 1);
  EXPECT_THAT(ChooseSteps(summary, 1000).steps,
              ElementsAre(0, 1, 2, 3, 4, 5, 6));
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
