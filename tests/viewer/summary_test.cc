#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "viewer/sample_run.h"

namespace torchtape::viewer {
namespace {

using Json = nlohmann::json;
using ::testing::HasSubstr;

constexpr uint64_t kUs = 1000;

VerbOptions OnlySteps(uint64_t first, uint64_t last) {
  VerbOptions options;
  options.steps = {first, last, "--steps"};
  return options;
}

TEST(Summary, TotalsEqualTheSumOfTheEvents) {
  const std::string bytes = SampleRun().Finish();
  std::map<std::string, uint64_t> total, self, count;
  std::istringstream lines(TextOf(Dump, bytes, [] {
    VerbOptions options;
    options.json = true;
    return options;
  }()));
  for (std::string line; std::getline(lines, line);) {
    const Json event = Json::parse(line);
    if (event["event"] != "end" || event["kind"] != "op") continue;
    total[event["name"]] += event["duration_ns"].get<uint64_t>();
    self[event["name"]] += event["self_ns"].get<uint64_t>();
    ++count[event["name"]];
  }
  const Json ops = JsonOf(Summary, bytes)["ops"];
  ASSERT_EQ(ops.size(), total.size());
  for (const Json& op : ops) {
    EXPECT_EQ(op["total_ns"], total[op["name"]]);
    EXPECT_EQ(op["self_ns"], self[op["name"]]);
    EXPECT_EQ(op["count"], count[op["name"]]);
  }
}

TEST(Summary, OpsAreCountedByNameAndDirection) {
  const Json summary = JsonOf(Summary, SampleRun().Finish());
  const Json linear = Entry(summary["ops"], "name", "aten::linear");
  EXPECT_EQ(linear["count"], 3);
  EXPECT_EQ(linear["total_ns"], 300 * kUs);
  EXPECT_EQ(linear["self_ns"], 90 * kUs);
  EXPECT_EQ(linear["forward_count"], 3);
  EXPECT_EQ(linear["backward_count"], 0);
  const Json mm = Entry(summary["ops"], "name", "aten::mm");
  EXPECT_EQ(mm["forward_count"], 0);
  EXPECT_EQ(mm["backward_count"], 3);
  const Json node = Entry(summary["backward"], "name", "AddmmBackward0");
  EXPECT_EQ(node["count"], 3);
  EXPECT_EQ(node["total_ns"], 600 * kUs);
  EXPECT_EQ(node["self_ns"], 150 * kUs);
  EXPECT_EQ(Entry(summary["ranges"], "name", "batch")["total_ns"], 450 * kUs);
}

TEST(Summary, StepsHaveTheirTimeAndTheirOps) {
  const Json steps = JsonOf(Summary, SampleRun().Finish())["steps"];
  ASSERT_EQ(steps.size(), 3u);
  EXPECT_EQ(steps[1]["number"], 1);
  EXPECT_EQ(steps[1]["duration_ns"], 1000 * kUs);
  EXPECT_EQ(steps[1]["recorded"], true);
  EXPECT_EQ(steps[1]["ops"], 5);
  EXPECT_EQ(steps[1]["forward_ns"], 120 * kUs);
  EXPECT_EQ(steps[1]["backward_ns"], 200 * kUs);
}

TEST(Summary, StepThatWasNotRecordedHasTimeButNoCounts) {
  LogBuilder log;
  const uint32_t a = log.Op("a");
  log.Begin(1, 100, a);
  log.End(1, 110);
  log.Step(1, 500, /*recorded=*/false);
  log.Step(2, 900, /*recorded=*/true);
  const Json steps = JsonOf(Summary, log.Finish())["steps"];
  ASSERT_EQ(steps.size(), 2u);
  EXPECT_EQ(steps[1]["duration_ns"], 400);
  EXPECT_EQ(steps[1]["recorded"], false);
  EXPECT_EQ(steps[1]["ops"], nullptr);
}

TEST(Summary, WhatFollowsTheLastStepIsAStepOnlyIfSomethingRan) {
  LogBuilder log = SampleRun();
  log.Allocate(1, 3100 * kUs, 900, 64);
  log.Free(1, 3200 * kUs, 900);
  EXPECT_EQ(JsonOf(Summary, log.Finish())["steps"].size(), 3u);
  log = SampleRun();
  log.Begin(1, 3100 * kUs, log.Op("aten::after"));
  log.End(1, 3200 * kUs);
  const Json steps = JsonOf(Summary, log.Finish())["steps"];
  ASSERT_EQ(steps.size(), 4u);
  EXPECT_EQ(steps[3]["duration_ns"], nullptr);
  EXPECT_EQ(steps[3]["ops"], 1);
}

// Whatever keeps them and however often: each storage once, for its maker.
TEST(Summary, BytesSavedForBackwardCountOnceForTheModuleThatMadeThem) {
  LogBuilder log = SampleRun();
  log.Step(3, 3000 * kUs);
  log.Begin(1, 3010 * kUs, log.Span(v1::SPAN_KIND_MODULE, "model.act"));
  log.Begin(1, 3011 * kUs, log.Op("aten::relu"));
  log.Allocate(1, 3012 * kUs, 900, 64);
  log.Allocate(1, 3013 * kUs, 901, 32);
  log.Save(1, 900, 64);
  log.Save(1, 900, 64);
  log.Save(1, 901, 32);
  log.Save(1, 1, 48);     // a parameter
  log.Save(1, 77, 1000);  // from before
  log.End(1, 3020 * kUs);
  log.End(1, 3021 * kUs);
  log.Step(4, 4000 * kUs);
  log.Begin(1, 4011 * kUs, log.Op("aten::relu"));
  log.Save(1, 900, 64);  // of the step before
  log.End(1, 4020 * kUs);
  const Json json = JsonOf(Summary, log.Finish());
  EXPECT_EQ(json["memory"]["saved_bytes"], 96);
  EXPECT_EQ(json["modules"][0]["saved_bytes"], 96);
  EXPECT_EQ(json["modules"][1]["saved_bytes"], nullptr);
  EXPECT_EQ(json["modules"][2]["path"], "model.act");
  EXPECT_EQ(json["modules"][2]["saved_bytes"], 96);
}

TEST(Summary, EveryByteOfThePeakHasARole) {
  LogBuilder log = SampleRun();
  const uint64_t at = 3000 * kUs;
  log.Step(3, at);
  log.Begin(1, at + 1, log.Op("aten::relu"));
  log.Allocate(1, at + 2, 900, 10000);
  log.Allocate(1, at + 3, 901, 20000);
  log.Save(1, 900, 10000);
  log.End(1, at + 4);
  const uint32_t node =
      log.Span(v1::SPAN_KIND_BACKWARD, "torch::autograd::AccumulateGrad");
  log.Begin(1, at + 5, node);
  log.Allocate(1, at + 6, 902, 30000);
  log.End(1, at + 7);
  log.Begin(1, at + 8, log.Span(v1::SPAN_KIND_RANGE, "Optimizer.step#A.step"));
  log.Allocate(1, at + 9, 903, 40000);
  log.Allocate(1, at + 10, 904, 50000);
  log.Free(1, at + 11, 904);
  log.End(1, at + 12);
  log.Allocate(1, at + 13, 1, 60000);  // a parameter
  log.Release(1, 900);
  log.Free(1, at + 14, 900);
  const Json memory = JsonOf(Summary, log.Finish())["memory"];
  EXPECT_EQ(memory["peak_bytes"], 160000);
  EXPECT_EQ(memory["roles"], Json({{"parameter", 60000},
                                   {"gradient", 30000},
                                   {"optimizer_state", 40000},
                                   {"saved", 10000},
                                   {"temporary", 20000}}));
}

TEST(Summary, WithoutSavedTensorsNoRolesAreTold) {
  EXPECT_EQ(JsonOf(Summary, SampleRun().Finish())["memory"]["roles"], nullptr);
}

TEST(Summary, PeakOfMemoryIsToldWithItsInstantAndItsHolders) {
  const Json memory = JsonOf(Summary, SampleRun().Finish())["memory"];
  EXPECT_EQ(memory["peak_bytes"], 1500);
  EXPECT_EQ(memory["peak_step"], 0);
  EXPECT_EQ(memory["peak_time_ns"], 305 * kUs);
  EXPECT_EQ(memory["alloc_count"], 3 * 2);
  EXPECT_EQ(memory["free_count"], 3 * 2);
  EXPECT_EQ(memory["allocated_bytes"], 3 * 1500);
  ASSERT_EQ(memory["holders"].size(), 2u);
  EXPECT_EQ(memory["holders"][0]["maker"], "aten::linear");
  EXPECT_EQ(memory["holders"][0]["module"], "model.fc");
  EXPECT_EQ(memory["holders"][0]["range"], "batch");
  EXPECT_EQ(memory["holders"][0]["bytes"], 1000);
  EXPECT_EQ(memory["holders"][1]["maker"], "AddmmBackward0");
}

TEST(Summary, MemoryThatWasNotRecordedIsAbsent) {
  LogBuilder log;
  log.run.mutable_options()->set_memory(false);
  log.Begin(1, 100, log.Op("a"));
  log.End(1, 110);
  const std::string bytes = log.Finish();
  EXPECT_EQ(JsonOf(Summary, bytes)["memory"], nullptr);
  EXPECT_THAT(TextOf(Summary, bytes), ::testing::Not(HasSubstr("memory")));
}

TEST(Summary, ModulesHaveParametersAndTheTimeOfWhatReadsThem) {
  const Json summary = JsonOf(Summary, SampleRun().Finish());
  const Json fc = Entry(summary["modules"], "path", "model.fc");
  EXPECT_EQ(fc["parameters"], 15);
  EXPECT_EQ(fc["own_parameters"], 15);
  EXPECT_EQ(fc["type"], "torch::nn::LinearImpl");
  EXPECT_EQ(fc["calls"], nullptr);
  EXPECT_EQ(fc["forward_ns"], 300 * kUs);
  EXPECT_EQ(fc["backward_ns"], 600 * kUs);
  const Json root = Entry(summary["modules"], "path", "model");
  EXPECT_EQ(root["parameters"], 15);
  EXPECT_EQ(root["own_parameters"], 0);
  EXPECT_EQ(root["forward_ns"], 300 * kUs);
  const Json act = Entry(summary["modules"], "path", "model.act");
  EXPECT_EQ(act["forward_ns"], nullptr);
  EXPECT_EQ(summary["unattributed"]["forward_ns"], 60 * kUs);
  EXPECT_EQ(summary["unattributed"]["backward_ns"], 0);
}

TEST(Summary, OnlyTheChosenStepsAreCounted) {
  const std::string bytes = SampleRun().Finish();
  const Json summary = JsonOf(Summary, bytes, OnlySteps(1, 1));
  EXPECT_EQ(summary["steps"].size(), 1u);
  EXPECT_EQ(Entry(summary["ops"], "name", "aten::relu")["count"], 1);
  EXPECT_EQ(summary["memory"]["peak_step"], 1);
  EXPECT_EQ(summary["memory"]["alloc_count"], 2);
  EXPECT_EQ(summary["values"][0]["first"], 2.0);
  EXPECT_EQ(summary["values"][0]["count"], 1);
  const Json fc = Entry(summary["modules"], "path", "model.fc");
  EXPECT_EQ(fc["forward_ns"], 100 * kUs);
}

TEST(Summary, StepsThatTheLogDoesNotHoldAreAnErrorThatSaysWhatItHolds) {
  std::ostringstream out;
  VerbOptions options = OnlySteps(900, 900);
  options.steps.flag = "--step 900";
  const absl::Status status =
      Summary(FromBytes(SampleRun().Finish()), options, out).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(status.message(), "--step 900: the log holds steps 0 to 2");
  EXPECT_EQ(out.str(), "");
}

TEST(Summary, FilterSortAndTopChooseTheRows) {
  const std::string bytes = SampleRun().Finish();
  VerbOptions options;
  options.filter = "mm";
  options.sort = "name";
  const Json summary = JsonOf(Summary, bytes, options);
  ASSERT_EQ(summary["ops"].size(), 2u);
  EXPECT_EQ(summary["ops"][0]["name"], "aten::addmm");
  options = {};
  options.top = 1;
  EXPECT_THAT(TextOf(Summary, bytes, options), HasSubstr("4 more ops"));
}

TEST(Summary, ValuesGoFromFirstToLast) {
  const Json loss = JsonOf(Summary, SampleRun().Finish())["values"][0];
  EXPECT_EQ(loss["name"], "loss");
  EXPECT_EQ(loss["first"], 3.0);
  EXPECT_EQ(loss["last"], 1.0);
  EXPECT_EQ(loss["last_step"], 2);
}

TEST(Summary, DropsAndThreadsAreInTheRun) {
  LogBuilder log = SampleRun();
  log.Drop(1, 5000 * kUs, 6000 * kUs, 42);
  const Json run = JsonOf(Summary, log.Finish())["run"];
  EXPECT_EQ(run["dropped_events"], 42);
  EXPECT_EQ(run["threads"], 2);
}

TEST(Summary, EveryLineFitsOneHundredColumns) {
  LogBuilder log = SampleRun();
  const uint32_t name = log.Op("custom::" + std::string(200, 'x'));
  log.Begin(1, 3100 * kUs, name);
  log.End(1, 3200 * kUs);
  std::istringstream text(TextOf(Summary, log.Finish()));
  for (std::string line; std::getline(text, line);) {
    EXPECT_LE(line.size(), 100u) << line;
  }
}

TEST(Summary, NamesOfUsersCannotReachTheTerminal) {
  LogBuilder log;
  log.Begin(1, 100, log.Span(v1::SPAN_KIND_RANGE, "evil\x1b[2J\xff"));
  log.End(1, 200);
  log.Value("a\nb", 1, 300);
  const std::string bytes = log.Finish();
  const std::string text = TextOf(Summary, bytes);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_THAT(text, HasSubstr("evil\\x1b[2J\\xff"));
  EXPECT_THAT(text, HasSubstr("a\\nb"));
  EXPECT_EQ(JsonOf(Summary, bytes)["ranges"][0]["name"], "evil\x1b[2J\\xff");
}

}  // namespace
}  // namespace torchtape::viewer
