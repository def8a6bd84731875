#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "viewer/log_builder.h"
#include "viewer/owners.h"
#include "viewer/sample_run.h"

namespace torchtape::viewer {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

VerbOptions As(const std::string& format, int level = 1) {
  VerbOptions options;
  options.format = format;
  options.level = level;
  return options;
}

// m.a's linear feeds m.b's, which feeds a loss of nobody's.
std::string TwoLinears() {
  OwnersLog run(TwoLayers());
  run.log.Thread(1, "main", 1);
  const auto linear = [&run](uint64_t x, uint64_t weight, uint64_t y,
                             int64_t sequence) {
    const uint32_t op = run.log.Op(
        "aten::linear", "aten::linear(Tensor input, Tensor weight) -> Tensor",
        {run.log.Tensor({8, 16}), run.log.Tensor({16, 16})});
    const uint32_t result = run.log.Returns({run.log.Tensor({8, 16})});
    const uint64_t time_ns = 100 * static_cast<uint64_t>(sequence);
    run.log.Begin(1, time_ns, op, {{x, x}, {weight, weight}}, sequence);
    run.log.End(1, time_ns + 50, result, {{y, y}});
  };
  linear(1, kFirstWeight, 2, 1);
  linear(2, kSecondWeight, 3, 2);
  const uint32_t loss =
      run.log.Op("aten::mse_loss", "aten::mse_loss(Tensor self) -> Tensor",
                 {run.log.Tensor({8, 16})});
  run.log.Begin(1, 400, loss, {{3, 3}}, 3);
  run.log.End(1, 450, run.log.Returns({run.log.Tensor({})}), {{4, 4}});
  const uint32_t node = run.log.Span(v1::SPAN_KIND_BACKWARD, "LinearBackward0");
  run.log.BeginBackward(1, 500, node, 2, 1);
  run.log.End(1, 580);
  return run.log.Finish();
}

TEST(Picture, ModelThatIsAloneIsOpenAndItsModulesAreBoxes) {
  const std::string dot = TextOf(ExportPicture, TwoLinears(), As("dot"));
  EXPECT_THAT(dot, StartsWith("digraph step {"));
  EXPECT_THAT(dot, HasSubstr("<B>m</B>"));
  EXPECT_THAT(dot, HasSubstr("<B>a</B>"));
  EXPECT_THAT(dot, HasSubstr("<B>b</B>"));
  EXPECT_THAT(dot, Not(HasSubstr("<B>linear</B>")));
  EXPECT_THAT(dot, HasSubstr("<B>mse_loss</B>"));
}

TEST(Picture, DataGoesFromBoxToBoxWithItsShape) {
  const std::string dot = TextOf(ExportPicture, TwoLinears(), As("dot"));
  size_t edges = 0;
  for (size_t at = 0; (at = dot.find(" -> b", at)) != std::string::npos; ++at) {
    ++edges;
  }
  EXPECT_EQ(edges, 2u);
  EXPECT_THAT(dot, HasSubstr("label=<&#160;8 \u00d7 16>"));
}

TEST(Picture, BackwardPassStandsBesideWhatItComesFrom) {
  const std::string dot = TextOf(ExportPicture, TwoLinears(), As("dot"));
  const size_t b = dot.find("<B>b</B>");
  ASSERT_NE(b, std::string::npos);
  EXPECT_THAT(dot.substr(b, dot.find('\n', b) - b), HasSubstr("80 ns"));
  const size_t a = dot.find("<B>a</B>");
  EXPECT_THAT(dot.substr(a, dot.find('\n', a) - a), Not(HasSubstr("backward")));
}

TEST(Picture, OpenedModuleShowsWhatIsInside) {
  VerbOptions options = As("dot");
  options.open = {"m.b"};
  const std::string dot = TextOf(ExportPicture, TwoLinears(), options);
  EXPECT_THAT(dot, HasSubstr("<B>linear</B>"));
  EXPECT_THAT(dot, HasSubstr("LinearBackward0"));
  options.open = {};
  options.open_all = true;
  const std::string all = TextOf(ExportPicture, TwoLinears(), options);
  const size_t first = all.find("<B>linear</B>");
  EXPECT_NE(all.find("<B>linear</B>", first + 1), std::string::npos);
}

TEST(Picture, ModuleThatIsNotThereIsAnError) {
  VerbOptions options = As("dot");
  options.open = {"m.c"};
  std::ostringstream out;
  const auto outcome = ExportPicture(FromBytes(TwoLinears()), options, out);
  EXPECT_TRUE(absl::IsNotFound(outcome.status())) << outcome.status();
  EXPECT_THAT(std::string(outcome.status().message()), HasSubstr("m.c"));
}

TEST(Picture, HigherLevelsHideOps) {
  VerbOptions options = As("dot", 3);
  options.open_all = true;
  EXPECT_THAT(TextOf(ExportPicture, SampleRun().Finish(), options),
              Not(HasSubstr("<B>addmm</B>")));
  options.level = 0;
  EXPECT_THAT(TextOf(ExportPicture, SampleRun().Finish(), options),
              HasSubstr("<B>addmm</B>"));
}

TEST(Picture, NamesOfALogAreTextAndNothingElse) {
  LogBuilder log;
  log.run.set_program("</TABLE>]; evil [shape=box]\n");
  log.Begin(1, 100, log.Op("mine::<IMG SRC=\"/etc/passwd\"/>&\x1b\xff"));
  log.End(1, 200);
  log.Step(1, 300);
  const std::string bytes = log.Finish();
  const std::string dot = TextOf(ExportPicture, bytes, As("dot"));
  EXPECT_THAT(dot, Not(HasSubstr("<IMG")));
  EXPECT_THAT(dot, Not(HasSubstr("</TABLE>]; evil")));
  EXPECT_THAT(dot, HasSubstr("&lt;IMG"));
}

TEST(Picture, TooMuchToDrawIsAnErrorAndNotAnHour) {
  LogBuilder log;
  const uint32_t op = log.Op("aten::relu");
  for (uint64_t i = 0; i < 4000; ++i) {
    log.Begin(1, 100 + 10 * i, op);
    log.End(1, 105 + 10 * i);
  }
  log.Step(1, 100000);
  std::ostringstream out;
  const auto outcome = ExportPicture(FromBytes(log.Finish()), As("dot"), out);
  EXPECT_TRUE(absl::IsResourceExhausted(outcome.status()));
  EXPECT_EQ(out.str(), "");
}

#ifdef TORCHTAPE_DRAWS_PICTURES
TEST(Picture, SvgHasTheTextsAndIsTheSameEachTime) {
  const std::string svg = TextOf(ExportPicture, TwoLinears(), As("svg"));
  EXPECT_THAT(svg, StartsWith("<?xml"));
  EXPECT_THAT(svg, HasSubstr(">mse_loss<"));
  EXPECT_THAT(svg, Not(HasSubstr("<script")));
  EXPECT_EQ(TextOf(ExportPicture, TwoLinears(), As("svg")), svg);
}

TEST(Picture, PngIsOne) {
  EXPECT_THAT(TextOf(ExportPicture, TwoLinears(), As("png")),
              StartsWith("\x89PNG\r\n"));
}
#else
TEST(Picture, BuildWithoutGraphvizSaysSo) {
  std::ostringstream out;
  const auto outcome = ExportPicture(FromBytes(TwoLinears()), As("svg"), out);
  EXPECT_TRUE(absl::IsUnimplemented(outcome.status()));
}
#endif

}  // namespace
}  // namespace torchtape::viewer
