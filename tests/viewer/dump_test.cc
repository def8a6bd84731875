#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "viewer/sample_run.h"

namespace torchtape::viewer {
namespace {

using Json = nlohmann::json;
using ::testing::HasSubstr;

std::vector<Json> Events(const std::string& bytes, VerbOptions options = {}) {
  options.json = true;
  std::istringstream lines(TextOf(Dump, bytes, options));
  std::vector<Json> events;
  for (std::string line; std::getline(lines, line);) {
    events.push_back(Json::parse(line));
  }
  return events;
}

TEST(Dump, EachEventIsOneLine) {
  std::istringstream text(TextOf(Dump, SampleRun().Finish()));
  size_t lines = 0;
  for (std::string line; std::getline(text, line);) ++lines;
  // 1 model, 4 begins of a step; in each of 3 steps 14 begins and ends, 4 of
  // memory, 1 value.
  EXPECT_EQ(lines, 1u + 4 + 3 * (14 + 4 + 1));
}

TEST(Dump, LineShowsTimeThreadDepthShapesAndIds) {
  const std::string text = TextOf(Dump, SampleRun().Finish());
  EXPECT_THAT(text,
              HasSubstr("0.020000 ms    1    aten::linear(input="
                        "float32[2, 4]#101@101, weight=float32[3, 4]#1@1, "
                        "bias=float32[3]#2@2) seq 0"));
  EXPECT_THAT(text, HasSubstr("0.025000 ms    1      aten::t("));
  EXPECT_THAT(text, HasSubstr("end aten::linear 100.0 us -> "
                              "float32[2, 3]#102@102"));
  EXPECT_THAT(text,
              HasSubstr("backward AddmmBackward0 seq 1 forward thread 1"));
  EXPECT_THAT(text, HasSubstr("allocate 1000 B storage 102 at 0x40"));
  EXPECT_THAT(text, HasSubstr("value loss 3"));
}

TEST(Dump, JsonHasEveryRecordedField) {
  const std::vector<Json> events = Events(SampleRun().Finish());
  const auto linear =
      std::find_if(events.begin(), events.end(), [](const Json& event) {
        return event["event"] == "begin" && event["name"] == "aten::linear";
      });
  ASSERT_NE(linear, events.end());
  EXPECT_EQ((*linear)["thread"], 1);
  EXPECT_EQ((*linear)["span"], 1);
  EXPECT_EQ((*linear)["parent"], 0);
  EXPECT_EQ((*linear)["sequence"], 0);
  EXPECT_EQ((*linear)["inputs"][1]["storage"], 1);
  EXPECT_EQ((*linear)["inputs"][1]["requires_grad"], false);
}

TEST(Dump, StepFilterAndTopChooseTheLines) {
  const std::string bytes = SampleRun().Finish();
  VerbOptions options;
  options.steps = {1, 1, "--step 1"};
  options.filter = "relu";
  const std::vector<Json> events = Events(bytes, options);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0]["time_ns"], 1130000);
  options = {};
  options.top = 3;
  EXPECT_EQ(Events(bytes, options).size(), 3u);
}

TEST(Dump, NumbersThatStandForATypeAreNamed) {
  LogBuilder log;
  v1::Value six, one;
  six.set_integer(6);
  one.set_integer(1);
  log.Begin(1, 100,
            log.Op("f", "f(ScalarType? dtype=None, int n, MemoryFormat? m)",
                   {six, six, one}));
  log.End(1, 110);
  EXPECT_THAT(TextOf(Dump, log.Finish()),
              HasSubstr("f(dtype=float32, n=6, m=preserve)"));
}

TEST(Dump, ExactRealsAndWhatIsNotFinite) {
  LogBuilder log;
  v1::Value real, pair, reals;
  real.set_real(true);
  pair.set_complex(true);
  reals.set_reals(2);
  log.Begin(1, 100, log.Op("f", "", {real, pair, reals}), {}, {},
            {0.1, 1, -2, HUGE_VAL, 1e300});
  log.Threw(1, 110);
  const std::string bytes = log.Finish();
  EXPECT_THAT(TextOf(Dump, bytes),
              HasSubstr("f(0.1, (1.0, -2.0i), [inf, 1e+300])"));
  EXPECT_THAT(TextOf(Dump, bytes), HasSubstr("end f 10 ns threw"));
  const Json inputs = Events(bytes)[1]["inputs"];
  EXPECT_EQ(inputs[0], 0.1);
  EXPECT_EQ(inputs[1], Json({{"complex", {1.0, -2.0}}}));
  EXPECT_EQ(inputs[2][0], Json({{"real", "inf"}}));
}

}  // namespace
}  // namespace torchtape::viewer
