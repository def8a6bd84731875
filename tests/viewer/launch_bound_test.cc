#include "totals/launch_bound.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "viewer/device_run.h"

namespace torchtape::viewer {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

const Json& RowOf(const Json& kernels, const Json& module) {
  for (const Json& row : kernels["modules"]) {
    if (row["module"] == module && !row["optimizer"]) return row;
  }
  static const Json none;
  return none;
}

const Json& OptimizerIn(const Json& kernels) {
  for (const Json& row : kernels["modules"]) {
    if (row["optimizer"]) return row;
  }
  static const Json none;
  return none;
}

uint64_t Sum(const Json& kernels, const char* field) {
  uint64_t sum = 0;
  for (const Json& row : kernels["modules"]) {
    sum += row[field].get<uint64_t>();
  }
  return sum;
}

// m.a launches two kernels of 10 ns, 100 ns each, and m.b one that takes longer
// than its launch: the device is at m.b when m.a's come to an end.
class Launching : public ::testing::Test {
 protected:
  explicit Launching(bool device_calls = true) : run_(device_calls) {}

  void Run() {
    run_.Op("linear", kFirstWeight, 1000, 1095);
    run_.Ran(1105, 1115);
    run_.Op("linear", kFirstWeight, 1100, 1195);
    run_.Ran(1205, 1215);
    run_.Op("linear", kSecondWeight, 1200, 1210);
    run_.Ran(1220, 1400);
  }

  DeviceRun run_;
};

class LaunchingWithoutCalls : public Launching {
 protected:
  LaunchingWithoutCalls() : Launching(false) {}
};

TEST_F(Launching, ModuleWhoseKernelsAreShorterThanTheirLaunchesIsBound) {
  Run();
  const Json kernels = run_.Kernels();
  const Json first = RowOf(kernels, "m.a"), second = RowOf(kernels, "m.b");
  EXPECT_EQ(first["count"], 2);
  EXPECT_EQ(first["total_ns"], 20);
  EXPECT_EQ(first["host_ns"], 200);
  EXPECT_EQ(first["wait_ns"], 0);
  EXPECT_EQ(first["idle_ns"], 90);
  EXPECT_EQ(first["launch_bound"], true);
  EXPECT_EQ(second["count"], 1);
  EXPECT_EQ(second["total_ns"], 180);
  EXPECT_EQ(second["host_ns"], 15);
  EXPECT_EQ(second["idle_ns"], 5);
  EXPECT_EQ(second["launch_bound"], false);
}

TEST_F(Launching, DeviceThatAlwaysHasWorkIsNotBoundByShortKernels) {
  run_.Op("linear", kSecondWeight, 1000, 1010);
  run_.Ran(1020, 2000);
  run_.Op("linear", kFirstWeight, 1100, 1195);
  run_.Ran(2000, 2010);
  run_.Op("linear", kFirstWeight, 1200, 1295);
  run_.Ran(2010, 2020);
  const Json row = RowOf(run_.Kernels(), "m.a");
  EXPECT_EQ(row["host_ns"], 200);
  EXPECT_EQ(row["total_ns"], 20);
  EXPECT_EQ(row["idle_ns"], 0);
  EXPECT_EQ(row["launch_bound"], false);
}

TEST_F(Launching, LessThanATenthOfIdleTimeDoesNotBind) {
  LaunchTotal total;
  total.kernels = {9, 900};
  total.host_ns = 1000;
  total.idle_ns = 99;
  EXPECT_FALSE(total.IsLaunchBound());
  total.idle_ns = 100;
  EXPECT_TRUE(total.IsLaunchBound());
}

TEST_F(Launching, KernelsAsLongAsTheirLaunchesDoNotBind) {
  LaunchTotal total;
  total.kernels = {9, 900};
  total.host_ns = 1000;
  total.wait_ns = 100;
  total.idle_ns = 500;
  EXPECT_FALSE(total.IsLaunchBound());
  total.wait_ns = 99;
  EXPECT_TRUE(total.IsLaunchBound());
  total.kernels = {};
  EXPECT_FALSE(total.IsLaunchBound());
}

TEST_F(Launching, TimeInWhichTheHostWaitsIsNotThatOfLaunching) {
  run_.Op("linear", kSecondWeight, 900, 1000);
  run_.Ran(1010, 1020);
  run_.BeginOp("item", kFirstWeight, 1005);
  run_.Launch(1010);
  run_.Ran(1020, 1080);
  run_.Begin(run_.log.Span(v1::SPAN_KIND_DEVICE_CALL, "cudaStreamSynchronize"),
             1020);
  run_.Call("cudaDeviceSynchronize", 1030, 1040);  // is in the other wait
  run_.End(1085);
  run_.End(1095);
  const Json row = RowOf(run_.Kernels(), "m.a");
  EXPECT_EQ(row["host_ns"], 90);
  EXPECT_EQ(row["wait_ns"], 65);
  EXPECT_EQ(row["launch_bound"], false);
}

TEST_F(Launching, ColumnsAddUpToTheSumsOfTheEvents) {
  Run();
  run_.Op("loss", kNoWeight, 1300, 1500);
  run_.Ran(1510, 1520, kSet);
  run_.BeginOp("item", kNoWeight, 1520);
  run_.Call("cudaStreamSynchronize", 1522, 1530);
  run_.End(1540);
  run_.Begin(run_.log.Span(v1::SPAN_KIND_RANGE, "Optimizer.step#SGD.step"),
             1550);
  run_.Op("add_", kFirstWeight, 1560, 1600);
  run_.Ran(1610, 1615);
  run_.End(1650);
  run_.log.Activity(kKernel, "gemm", 4711, 7, 2700, 7);  // of no known call
  const Json summary = WholeSummaryOf(run_.log.Finish());
  const Json& kernels = summary["kernels"];
  EXPECT_EQ(Sum(kernels, "count"), kernels["count"]);
  EXPECT_EQ(kernels["count"], 6);
  EXPECT_EQ(Sum(kernels, "total_ns"), kernels["total_ns"]);
  uint64_t host_ns = 0;
  for (const Json& op : summary["ops"]) {
    if (op["name"] != "cudaStreamSynchronize") {
      host_ns += op["total_ns"].get<uint64_t>();
    }
  }
  EXPECT_EQ(Sum(kernels, "host_ns"), host_ns);
  EXPECT_EQ(Sum(kernels, "wait_ns"), 8);
  EXPECT_EQ(Sum(kernels, "idle_ns"),
            kernels["devices"][0]["use"]["causes"]["host_ns"]);
  EXPECT_GT(Sum(kernels, "idle_ns"), 0);
  EXPECT_EQ(OptimizerIn(kernels)["count"], 1);
  EXPECT_EQ(OptimizerIn(kernels)["total_ns"], 5);
  EXPECT_EQ(OptimizerIn(kernels)["host_ns"], 45);
  EXPECT_EQ(OptimizerIn(kernels)["launch_bound"], true);
  EXPECT_EQ(RowOf(kernels, nullptr)["count"], 2);
  EXPECT_EQ(RowOf(kernels, nullptr)["launch_bound"], nullptr);
}

TEST_F(Launching, WhatAModuleCallLaunchesOutsideOfOpsIsItsOwn) {
  run_.Begin(run_.log.Module("m", "Net", v1::MODULE_SOURCE_SCOPE), 1000);
  run_.Begin(run_.log.Module("m.b", "Layer", v1::MODULE_SOURCE_SCOPE), 1010);
  run_.Launch(1020);
  run_.Ran(1030, 1040);
  run_.End(1050);
  run_.Launch(1060);
  run_.Ran(1070, 1075);
  run_.BeginOp("linear", kFirstWeight, 1080);
  run_.log.NewChunk();
  run_.End(1090);
  run_.End(1100);
  const Json kernels = run_.Kernels();
  EXPECT_EQ(RowOf(kernels, "m.b")["total_ns"], 10);
  EXPECT_EQ(RowOf(kernels, "m")["total_ns"], 5);
}

TEST_F(Launching, ChosenStepsCountAlone) {
  Run();
  run_.log.Step(1, 1500);
  run_.Op("linear", kSecondWeight, 1500, 1595);
  run_.Ran(1605, 1610);
  VerbOptions options;
  options.steps = {1, 1, "--step 1"};
  const Json kernels = run_.Kernels(options);
  EXPECT_EQ(RowOf(kernels, "m.a"), nullptr);
  EXPECT_EQ(RowOf(kernels, "m.b")["total_ns"], 5);
  EXPECT_EQ(RowOf(kernels, "m.b")["host_ns"], 100);
}

TEST_F(Launching, TextSaysWhichAreBoundAndLeavesOutWhatLaunchesNothing) {
  Run();
  run_.Call("aten::size", 1500, 1600);
  const std::string text = TextOf(Summary, run_.log.Finish(), By("device"));
  EXPECT_THAT(text, HasSubstr("m.a           2          20 ns       200 ns"));
  EXPECT_THAT(text, HasSubstr("90 ns           yes\n"));
  EXPECT_THAT(text, HasSubstr("5 ns            no\n"));
  EXPECT_THAT(text, Not(HasSubstr("(none)")));
}

TEST_F(LaunchingWithoutCalls, WhetherAModuleIsBoundIsNotKnown) {
  Run();
  const Json row = RowOf(run_.Kernels(), "m.a");
  EXPECT_EQ(row["count"], 2);
  EXPECT_EQ(row["wait_ns"], nullptr);
  EXPECT_EQ(row["launch_bound"], nullptr);
}

TEST_F(Launching, LogWithoutKernelsTellsOfNoModule) {
  run_.BeginOp("linear", kFirstWeight, 1000);
  run_.End(1100);
  const std::string bytes = run_.log.Finish();
  EXPECT_EQ(JsonOf(Summary, bytes)["kernels"]["modules"], nullptr);
  EXPECT_THAT(TextOf(Summary, bytes, By("device")),
              Not(HasSubstr("launch-bound")));
}

}  // namespace
}  // namespace torchtape::viewer
