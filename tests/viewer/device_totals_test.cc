#include "totals/device_totals.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "viewer/device_run.h"

namespace torchtape::viewer {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

Json SummaryOf(OwnersLog* run, const VerbOptions& options = {}) {
  return WholeSummaryOf(run->log.Finish(), options);
}

Json DeviceOf(const Json& summary) {
  return summary["device_time"]["devices"].at(0);
}

enum Span : uint64_t { kNet, kFirst, kFirstOp, kSecond, kSecondOp, kNode };

// A call of m with calls of m.a and m.b, each with an op, and the node of what
// m.a did. Spans are numbered as above.
OwnersLog TwoCalls(v1::DeviceTimeLevel level) {
  OwnersLog run(TwoLayers(), level);
  run.Begin(run.log.Module("m", "Net", v1::MODULE_SOURCE_SCOPE));
  run.Begin(run.log.Module("m.a", "Layer", v1::MODULE_SOURCE_TAP));
  run.Op("linear", {1, kFirstWeight}, {2}, 1);
  run.End();
  run.Begin(run.log.Module("m.b", "Layer", v1::MODULE_SOURCE_TAP));
  run.Op("linear", {2, kSecondWeight}, {3}, 2);
  run.End();
  run.End();
  run.Node("AddmmBackward0", {3}, 1);
  return run;
}

TEST(DeviceTotals, CallsHaveTheirTimeAndNodesThatOfTheirModule) {
  OwnersLog run = TwoCalls(v1::DEVICE_TIME_LEVEL_MODULES);
  // In the order in which they became known: inner ones first.
  run.log.DeviceTime(1, kFirst, 0, 5000, 30);
  run.log.DeviceTime(1, kSecond, 0, 5040, 50);
  run.log.DeviceTime(1, kNet, 0, 4990, 120);
  run.log.DeviceTime(1, kNode, 0, 5200, 70);
  const Json summary = SummaryOf(&run);
  EXPECT_EQ(ModuleOf(summary, "m.a")["device_forward_ns"], 30);
  EXPECT_EQ(ModuleOf(summary, "m.a")["device_backward_ns"], 70);
  EXPECT_EQ(ModuleOf(summary, "m.b")["device_forward_ns"], 50);
  EXPECT_EQ(ModuleOf(summary, "m.b")["device_backward_ns"], nullptr);
  // A call's time has that of the calls inside of it already.
  EXPECT_EQ(ModuleOf(summary, "m")["device_forward_ns"], 120);
  EXPECT_EQ(ModuleOf(summary, "m")["device_backward_ns"], 70);
  EXPECT_EQ(DeviceOf(summary)["busy_ns"], 190);
  EXPECT_EQ(summary["device_time"]["times"], 4);
  EXPECT_EQ(summary["device_time"]["unplaced"], 0);
}

TEST(DeviceTotals, TimeThatIsKnownStepsLaterCountsForItsSpan) {
  OwnersLog run = TwoCalls(v1::DEVICE_TIME_LEVEL_MODULES);
  for (uint64_t step = 1; step < 4; ++step) {
    run.Step(step);
    run.log.NewChunk();
  }
  run.Op("relu", {1}, {2}, 1);
  run.log.DeviceTime(1, kNode, 0, 5200, 70);
  run.log.DeviceTime(1, kSecond, 0, 5040, 50);
  VerbOptions first_step;
  first_step.steps = {0, 0, "--step"};
  const Json summary = SummaryOf(&run, first_step);
  EXPECT_EQ(ModuleOf(summary, "m.a")["device_backward_ns"], 70);
  EXPECT_EQ(ModuleOf(summary, "m.b")["device_forward_ns"], 50);
}

TEST(DeviceTotals, OverlapOfStreamsCountsOnceForTheDevice) {
  OwnersLog run = TwoCalls(v1::DEVICE_TIME_LEVEL_OPS);
  run.log.DeviceTime(1, kFirstOp, 0, 1000, 100);
  run.log.DeviceTime(1, kSecondOp, 7, 1060, 100);
  run.log.DeviceTime(1, kNode, 7, 1170, 5);
  // Says no more than the ops do of when the device worked.
  run.log.DeviceTime(1, kNet, 0, 900, 1000);
  const Json device = DeviceOf(SummaryOf(&run));
  EXPECT_EQ(device["name"], "cuda:0");
  EXPECT_EQ(device["busy_ns"], 165);
  EXPECT_EQ(Entry(device["streams"], "stream", 0)["busy_ns"], 100);
  EXPECT_EQ(Entry(device["streams"], "stream", 7)["busy_ns"], 105);
  EXPECT_EQ(device["alignment_error_ns"], 20);
}

TEST(DeviceTotals, ModuleWithoutCallsHasTheTimeOfItsOps) {
  OwnersLog run(TwoLayers(), v1::DEVICE_TIME_LEVEL_OPS);
  run.Op("linear", {1, kFirstWeight}, {2}, 1);
  run.Op("linear", {2, kSecondWeight}, {3}, 2);
  run.log.DeviceTime(1, 0, 0, 1000, 40);
  run.log.DeviceTime(1, 1, 0, 1100, 2);
  const Json summary = SummaryOf(&run);
  EXPECT_EQ(ModuleOf(summary, "m.a")["device_forward_ns"], 40);
  EXPECT_EQ(ModuleOf(summary, "m")["device_forward_ns"], 42);
}

TEST(DeviceTotals, StepsAndOptimizersHaveTheirTime) {
  OwnersLog run(TwoLayers(), v1::DEVICE_TIME_LEVEL_MODULES);
  run.Op("linear", {1, kFirstWeight}, {2}, 1);
  run.Begin(run.log.Span(v1::SPAN_KIND_RANGE, "Optimizer.step#SGD.step"));
  run.End();
  run.Step(1);
  run.Op("relu", {1}, {2}, 1);
  run.log.DeviceTime(1, 1, 0, 1000, 40);
  run.log.DeviceTime(0, 0, 0, 900, 300);
  const Json summary = SummaryOf(&run);
  EXPECT_EQ(summary["optimizer"]["device_ns"], 40);
  EXPECT_EQ(summary["steps"].at(0)["device_ns"], 300);
  EXPECT_EQ(summary["steps"].at(1)["device_ns"], nullptr);
}

TEST(DeviceTotals, WhatIsLostAndWhyIsSaid) {
  OwnersLog run = TwoCalls(v1::DEVICE_TIME_LEVEL_MODULES);
  v1::DeviceLoss loss;
  loss.set_exhausted(2);
  loss.set_unresolved(5);
  run.log.DeviceLoss(loss);
  run.log.DeviceTime(1, kNode, 0, 5200, 70);
  const std::string bytes = run.log.Finish();
  EXPECT_EQ(JsonOf(Check, bytes)["problems"], Json::array());
  EXPECT_THAT(TextOf(Summary, bytes), HasSubstr("7 device times lost"));
  EXPECT_THAT(TextOf(Info, bytes),
              HasSubstr("of modules: 1; 2 lost for want of timing events; 5 "
                        "lost not over in time"));
  EXPECT_EQ(JsonOf(Info, bytes)["device_time"]["lost"]["unresolved"], 5);
}

TEST(DeviceTotals, ReasonForTheirAbsenceIsSaid) {
  LogBuilder log;
  log.run.mutable_options()->set_device_time(v1::DEVICE_TIME_LEVEL_OPS);
  log.run.mutable_options()->set_no_device_time("there is no device");
  log.Begin(1, 100, log.Op("a"));
  log.End(1, 110);
  const std::string bytes = log.Finish();
  EXPECT_THAT(TextOf(Summary, bytes),
              HasSubstr("no device times: there is no device"));
  EXPECT_THAT(TextOf(Info, bytes), HasSubstr("since there is no device"));
  EXPECT_EQ(JsonOf(Summary, bytes)["device_time"]["absent_because"],
            "there is no device");
}

struct Level {
  v1::DeviceTimeLevel level;
  const char* name;   // as it was asked for
  const char* times;  // what the times are of
};

const Level kLevels[] = {{v1::DEVICE_TIME_LEVEL_STEPS, "steps", "steps"},
                         {v1::DEVICE_TIME_LEVEL_MODULES, "modules", "modules"},
                         {v1::DEVICE_TIME_LEVEL_OPS, "ops", "ops"},
                         {v1::DEVICE_TIME_LEVEL_KERNELS, "kernels", "steps"}};

class DeviceTimeLevel : public ::testing::TestWithParam<Level> {
 protected:
  // With a time of the step and of its op, and losses.
  static std::string Log() {
    OwnersLog run(TwoLayers(), GetParam().level);
    run.Op("linear", {1, kFirstWeight}, {2}, 1);
    run.log.DeviceTime(0, 0, 0, 1000, 100);
    run.log.DeviceTime(1, 0, 0, 1000, 40);
    v1::DeviceLoss loss;
    loss.set_exhausted(1);
    loss.set_capturing(2);
    loss.set_failed(3);
    loss.set_unresolved(4);
    run.log.DeviceLoss(loss);
    if (GetParam().level != v1::DEVICE_TIME_LEVEL_KERNELS) {
      return run.log.Finish();
    }
    run.log.Launch(1, 0, 70);
    run.log.Activity(v1::ACTIVITY_KIND_KERNEL, "gemm", 70, 7, 1000, 30);
    v1::ActivityLoss activity_loss;
    activity_loss.set_dropped(5);
    activity_loss.set_unfinished(6);
    activity_loss.set_unreadable(7);
    run.log.ActivityLoss(activity_loss);
    return run.log.Finish();
  }
};

TEST_P(DeviceTimeLevel, InfoSaysItAndWhatWasLost) {
  const std::string text = TextOf(Info, Log());
  EXPECT_THAT(
      text, HasSubstr(absl::StrCat("device time of ", GetParam().name, "\n")));
  EXPECT_THAT(text,
              HasSubstr(absl::StrCat(
                  "of ", GetParam().times,
                  ": 2; 1 lost for want of timing events; 2 lost in the "
                  "capture of a graph; 3 lost by an error of the device; 4 "
                  "lost not over in time\n")));
  const Json info = JsonOf(Info, Log());
  EXPECT_EQ(info["run"]["options"]["device_time"], GetParam().name);
  EXPECT_EQ(info["device_time"]["level"], GetParam().name);
  EXPECT_EQ(info["device_time"]["lost"], Json({{"exhausted", 1},
                                               {"capturing", 2},
                                               {"failed", 3},
                                               {"unresolved", 4}}));
}

TEST_P(DeviceTimeLevel, SummarySaysItAndWhatWasLost) {
  const std::string text = TextOf(Summary, Log());
  EXPECT_THAT(text, HasSubstr(absl::StrCat("times of ", GetParam().times,
                                           "; 10 device times lost")));
  EXPECT_EQ(JsonOf(Summary, Log())["device_time"]["level"], GetParam().name);
}

TEST_P(DeviceTimeLevel, KernelsAreToldOfWhereTheyWereRecorded) {
  const bool kernels = GetParam().level == v1::DEVICE_TIME_LEVEL_KERNELS;
  const std::string info = TextOf(Info, Log()),
                    summary = TextOf(Summary, Log());
  const auto has = [](const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
  };
  EXPECT_EQ(has(info, "1 kernels, copies and memsets"), kernels);
  EXPECT_EQ(has(info,
                "5 lost for want of buffers; 6 lost not over in time; 7 lost "
                "since they make no sense"),
            kernels);
  EXPECT_EQ(has(summary, "18 lost (see torchtape info)"), kernels);
}

INSTANTIATE_TEST_SUITE_P(, DeviceTimeLevel, ::testing::ValuesIn(kLevels),
                         [](const auto& level) {
                           return std::string(level.param.name);
                         });

TEST(DeviceTotals, KernelsWithoutTimesOfStepsAreNoUnusedDevice) {
  OwnersLog run(TwoLayers(), v1::DEVICE_TIME_LEVEL_KERNELS);
  run.Op("linear", {1, kFirstWeight}, {2}, 1);
  run.log.Launch(1, 0, 70);
  run.log.Activity(v1::ACTIVITY_KIND_KERNEL, "gemm", 70, 7, 1000, 30);
  EXPECT_THAT(TextOf(Summary, run.log.Finish()), Not(HasSubstr("not used")));
}

TEST(DeviceTotals, TimesOfSpansThatAreNotKnownAreSaid) {
  OwnersLog run = TwoCalls(v1::DEVICE_TIME_LEVEL_MODULES);
  run.log.DeviceTime(1, 99, 0, 5200, 70);
  const std::string bytes = run.log.Finish();
  EXPECT_EQ(JsonOf(Summary, bytes)["device_time"]["unplaced"], 1);
  EXPECT_THAT(TextOf(Summary, bytes),
              HasSubstr("1 of spans that are not known"));
}

TEST(DeviceTotals, DeviceWhoseTimesWereNotAskedForIsSaidToHaveNone) {
  LogBuilder log;
  log.run.mutable_options()->set_memory(true);
  log.Begin(1, 100, log.Op("a"));
  log.Allocate(1, 105, 1, 64, 1 << 8 | 1);
  log.End(1, 110);
  EXPECT_THAT(TextOf(Summary, log.Finish()),
              HasSubstr("device    times were not recorded (device_time=off)"));
}

TEST(DeviceTotals, LogThatWasNotAskedForThemSaysNothing) {
  const std::string bytes = SampleRun().Finish();
  EXPECT_THAT(TextOf(Summary, bytes), Not(HasSubstr("device ")));
  EXPECT_EQ(JsonOf(Summary, bytes)["device_time"], nullptr);
  EXPECT_EQ(JsonOf(Summary, bytes)["steps"].at(0)["device_ns"], nullptr);
}

TEST(DeviceTotals, TimesOverlapInBusyTimeOnce) {
  BusyTime busy;
  busy.Add(10, 20);
  busy.Add(-5, 3);
  busy.Add(15, 30);
  busy.Add(30, 31);
  EXPECT_EQ(busy.ns(), 8u + 21u);
  busy.Add(0, 12);
  EXPECT_EQ(busy.ns(), 36u);
}

TEST(DeviceTotals, BusyTimeOfMoreIntervalsThanFitIsExactInTheOrderOfTime) {
  BusyTime busy(/*most=*/4);
  for (int64_t i = 0; i < 1000; ++i) busy.Add(10 * i, 10 * i + 12 - i % 5);
  BusyTime whole;
  for (int64_t i = 0; i < 1000; ++i) whole.Add(10 * i, 10 * i + 12 - i % 5);
  EXPECT_EQ(busy.ns(), whole.ns());
  EXPECT_EQ(whole.ns(), 200 * (10 + 10 + 10 + 9 + 8) + 0u);
  busy.Add(0, 5);  // in what was added up
  EXPECT_EQ(busy.ns(), whole.ns());
  busy.Add(std::numeric_limits<int64_t>::max(), 7);  // no time
  EXPECT_EQ(busy.ns(), whole.ns());
}

}  // namespace
}  // namespace torchtape::viewer
