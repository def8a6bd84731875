#include "totals/kernel_totals.h"

#include <limits>

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

Json KernelOf(const Json& summary, const std::string& name) {
  return Entry(summary["kernels"]["kernels"], "name", name);
}

enum Span : uint64_t { kFirst, kSecond, kNode };

// An op of each of two modules, and the node of the first one.
OwnersLog TwoOps() {
  OwnersLog run(TwoLayers(), v1::DEVICE_TIME_LEVEL_KERNELS);
  run.Op("linear", {1, kFirstWeight}, {2}, 1);
  run.Op("linear", {2, kSecondWeight}, {3}, 2);
  run.Node("AddmmBackward0", {3}, 1);
  return run;
}

TEST(KernelTotals, KernelsAddUpByNameOpAndModule) {
  OwnersLog run = TwoOps();
  run.log.Launch(1, kFirst, 70);
  run.log.Launch(1, kSecond, 71);
  run.log.Launch(1, kNode, 72);
  run.log.Activity(kKernel, "_Z4gemmIfEvT_", 70, 7, 5000, 30);
  run.log.Activity(kKernel, "_Z4gemmIfEvT_", 71, 7, 5040, 50);
  run.log.Activity(kKernel, "bias", 71, 7, 5090, 5);
  run.log.Activity(kKernel, "bias", 72, 7, 5200, 7);
  const Json summary = SummaryOf(&run);
  EXPECT_EQ(KernelOf(summary, "gemm<float>")["count"], 2);
  EXPECT_EQ(KernelOf(summary, "gemm<float>")["total_ns"], 80);
  EXPECT_EQ(KernelOf(summary, "gemm<float>")["max_ns"], 50);
  EXPECT_EQ(KernelOf(summary, "gemm<float>")["linkage_name"], "_Z4gemmIfEvT_");
  EXPECT_EQ(KernelOf(summary, "bias")["total_ns"], 12);
  const Json& ops = summary["kernels"]["ops"];
  EXPECT_EQ(Entry(ops, "name", "linear")["total_ns"], 85);
  EXPECT_EQ(Entry(ops, "name", "AddmmBackward0")["total_ns"], 7);
  EXPECT_EQ(ModuleOf(summary, "m.a")["device_forward_ns"], 30);
  EXPECT_EQ(ModuleOf(summary, "m.a")["device_backward_ns"], 7);
  EXPECT_EQ(ModuleOf(summary, "m.b")["device_forward_ns"], 55);
  EXPECT_EQ(ModuleOf(summary, "m.b")["device_backward_ns"], nullptr);
  EXPECT_EQ(ModuleOf(summary, "m")["device_forward_ns"], 85);
  EXPECT_EQ(summary["kernels"]["total_ns"], 92);
  EXPECT_EQ(summary["kernels"]["unplaced_ns"], 0);
  EXPECT_EQ(summary["kernels"]["alignment_error_ns"], 20);
}

TEST(KernelTotals, WhatIsKnownStepsLaterCountsForItsOp) {
  OwnersLog run = TwoOps();
  run.log.Launch(1, kFirst, 70);
  for (uint64_t step = 1; step < 4; ++step) {
    run.Step(step);
    run.log.NewChunk();
  }
  run.Op("relu", {1}, {2}, 1);
  run.log.Launch(1, 3, 71);
  run.log.Activity(kKernel, "gemm", 70, 7, 5000, 30);
  run.log.Activity(kKernel, "gemm", 71, 7, 5040, 50);
  VerbOptions first_step;
  first_step.steps = {0, 0, "--step"};
  const Json summary = SummaryOf(&run, first_step);
  EXPECT_EQ(summary["kernels"]["count"], 1);
  EXPECT_EQ(summary["kernels"]["activities"], 2);
  EXPECT_EQ(ModuleOf(summary, "m.a")["device_forward_ns"], 30);
}

TEST(KernelTotals, SpanThatGoesOnBehindTheChunkHasItsKernels) {
  OwnersLog run(TwoLayers(), v1::DEVICE_TIME_LEVEL_KERNELS);
  run.Begin(run.log.Span(v1::SPAN_KIND_RANGE, "whole run"));
  run.Begin(run.log.Op("long"));
  run.log.Launch(1, 1, 70);
  run.log.Launch(1, 0, 71);
  run.log.Activity(kKernel, "gemm", 70, 7, 5000, 30);
  run.log.Activity(kKernel, "gemm", 71, 7, 5000, 4);
  run.log.NewChunk();
  run.End();
  run.End();
  const Json summary = SummaryOf(&run);
  const Json& ops = summary["kernels"]["ops"];
  EXPECT_EQ(Entry(ops, "name", "long")["total_ns"], 30);
  EXPECT_EQ(Entry(ops, "name", nullptr)["total_ns"], 4);
  EXPECT_EQ(summary["kernels"]["unlaunched_ns"], 0);
}

TEST(KernelTotals, OverlapCountsOnceForTheDevice) {
  OwnersLog run = TwoOps();
  run.log.Launch(1, kFirst, 70);
  run.log.Activity(kKernel, "gemm", 70, 7, 1000, 100);
  run.log.Activity(kKernel, "gemm", 70, 9, 1060, 100);
  run.log.Activity(kKernel, "gemm", 70, 9, 1200, 10);
  const Json device = SummaryOf(&run)["kernels"]["devices"].at(0);
  EXPECT_EQ(device["name"], "cuda:0");
  EXPECT_EQ(device["busy_ns"], 170);
  EXPECT_EQ(device["span_ns"], 210);
  EXPECT_EQ(Entry(device["streams"], "stream", 9)["busy_ns"], 110);
  EXPECT_EQ(Entry(device["streams"], "stream", 9)["count"], 2);
}

TEST(KernelTotals, WhoseCallIsNotKnownIsInTheTotalsAndNobodys) {
  OwnersLog run = TwoOps();
  run.log.Launch(1, std::nullopt, 70);
  run.log.Activity(kKernel, "gemm", 69, 7, 1000, 100);
  run.log.Activity(kKernel, "gemm", 70, 7, 1200, 10);
  run.log.Activity(v1::ACTIVITY_KIND_COPY, "Memcpy HtoD", 69, 7, 1300, 1, 4096);
  const Json summary = SummaryOf(&run);
  EXPECT_EQ(summary["kernels"]["total_ns"], 111);
  EXPECT_EQ(summary["kernels"]["unlaunched_ns"], 101);
  EXPECT_EQ(summary["kernels"]["unplaced_ns"], 111);
  EXPECT_EQ(KernelOf(summary, "Memcpy HtoD")["kind"], "copy");
  EXPECT_EQ(KernelOf(summary, "Memcpy HtoD")["bytes"], 4096);
}

TEST(KernelTotals, NumberOfACallThatComesAgainIsThatOfTheLastOne) {
  OwnersLog run = TwoOps();
  run.log.Launch(1, kFirst, 70);
  run.log.Activity(kKernel, "gemm", 70, 7, 5000, 30);
  run.log.NewChunk();
  run.Op("linear", {2, kSecondWeight}, {3}, 4);
  run.log.Launch(1, 3, 70);
  run.log.Activity(kKernel, "gemm", 70, 7, 5040, 50);
  const Json summary = SummaryOf(&run);
  EXPECT_EQ(ModuleOf(summary, "m.a")["device_forward_ns"], 30);
  EXPECT_EQ(ModuleOf(summary, "m.b")["device_forward_ns"], 50);
}

// So many that their modules are told before the chunk is over.
TEST(KernelTotals, StepOfMoreOpsThanAreKeptHasItsKernels) {
  OwnersLog run(TwoLayers(), v1::DEVICE_TIME_LEVEL_KERNELS);
  run.Op("linear", {1, kFirstWeight}, {2}, 1);
  const uint32_t relu = run.log.Op("relu");
  for (int i = 0; i < 40'000; ++i) {
    run.Begin(relu);
    run.End();
  }
  run.log.Launch(1, 0, 70);
  run.log.Activity(kKernel, "gemm", 70, 7, 5000, 30);
  EXPECT_EQ(ModuleOf(SummaryOf(&run), "m.a")["device_forward_ns"], 30);
}

TEST(KernelTotals, ActivityThatEndsBeyondAllTimesIsInNoSpan) {
  OwnersLog run = TwoOps();
  run.log.Launch(1, kFirst, 70);
  run.log.Activity(kKernel, "gemm", 70, 7, 6000, 30);
  run.log.Activity(kKernel, "gemm", 70, 7, 5000,
                   std::numeric_limits<uint64_t>::max() / 2);
  const Json device = SummaryOf(&run)["kernels"]["devices"].at(0);
  EXPECT_EQ(device["span_ns"], 30);
  EXPECT_EQ(device["busy_ns"], 30);
  EXPECT_EQ(device["streams"][0]["count"], 2);
}

TEST(KernelTotals, DumpHasEachWithTheSpanThatLaunchedIt) {
  OwnersLog run = TwoOps();
  run.log.Launch(1, kSecond, 71, 35);
  run.log.Activity(kKernel, "_Z4gemmIfEvT_", 71, 7, 5040, 50);
  run.log.Activity(v1::ACTIVITY_KIND_COPY, "Memcpy HtoD", 69, 9, 6300, 1, 64);
  const std::string bytes = run.log.Finish();
  VerbOptions options;
  options.json = true;
  std::istringstream lines(TextOf(Dump, bytes, options));
  std::vector<Json> activities;
  for (std::string line; std::getline(lines, line);) {
    const Json json = Json::parse(line);
    if (json["event"] == "activity") activities.push_back(json);
  }
  ASSERT_EQ(activities.size(), 2);
  EXPECT_EQ(activities[0], Json({{"event", "activity"},
                                 {"time_ns", 4040},
                                 {"step", 0},
                                 {"kind", "kernel"},
                                 {"name", "gemm<float>"},
                                 {"linkage_name", "_Z4gemmIfEvT_"},
                                 {"device", "cuda:0"},
                                 {"context", 0},
                                 {"stream", 7},
                                 {"duration_ns", 50},
                                 {"bytes", nullptr},
                                 {"alignment_error_ns", 20},
                                 {"launch",
                                  {{"thread", 1},
                                   {"span", kSecond},
                                   {"time_ns", 35},
                                   {"op", "linear"}}}}));
  EXPECT_EQ(activities[1]["kind"], "copy");
  EXPECT_EQ(activities[1]["bytes"], 64);
  EXPECT_EQ(activities[1]["step"], nullptr);
  EXPECT_EQ(activities[1]["launch"], nullptr);
  EXPECT_THAT(TextOf(Dump, bytes),
              HasSubstr("kernel gemm<float> 50 ns on cuda:0 stream 7, launched "
                        "at 0.000035 ms by linear of thread 1\n"));
  options.filter = "Memcpy";
  EXPECT_THAT(TextOf(Dump, bytes, options), Not(HasSubstr("gemm")));
}

TEST(KernelTotals, LossesAndReasonsAreSaid) {
  LogBuilder log;
  v1::Options* const options = log.run.mutable_options();
  options->set_device_time(v1::DEVICE_TIME_LEVEL_KERNELS);
  options->set_cupti_version(26);
  const uint32_t op = log.Op("relu");
  log.Begin(1, 100, op);
  log.End(1, 150);
  v1::ActivityLoss loss;
  loss.set_dropped(3);
  loss.set_unfinished(2);
  log.ActivityLoss(loss);
  const std::string bytes = log.Finish();
  const Json info = JsonOf(Info, bytes)["kernels"];
  EXPECT_EQ(info["lost"]["dropped"], 3);
  EXPECT_EQ(info["cupti_version"], 26);
  EXPECT_EQ(info["absent_because"], nullptr);
  EXPECT_THAT(TextOf(Info, bytes), HasSubstr("3 lost for want of buffers; 2 "));
  EXPECT_THAT(TextOf(Summary, bytes), HasSubstr("5 lost (see torchtape info)"));
}

TEST(KernelTotals, WhyThereAreNoneIsSaid) {
  LogBuilder log;
  log.run.mutable_options()->set_device_time(v1::DEVICE_TIME_LEVEL_OPS);
  log.run.mutable_options()->set_no_kernels("there is no libcupti");
  const uint32_t op = log.Op("relu");
  log.Begin(1, 100, op);
  log.End(1, 150);
  const std::string bytes = log.Finish();
  EXPECT_THAT(TextOf(Summary, bytes), HasSubstr("none: there is no libcupti"));
  EXPECT_EQ(JsonOf(Info, bytes)["kernels"]["absent_because"],
            "there is no libcupti");
}

TEST(KernelTotals, TextHasTables) {
  OwnersLog run = TwoOps();
  run.log.Launch(1, kFirst, 70);
  run.log.Activity(kKernel, "_Z4gemmIfEvT_", 70, 7, 1000, 1500);
  const std::string text = TextOf(Summary, run.log.Finish());
  EXPECT_THAT(text, HasSubstr("cuda:0 busy 1.5 us of 1.5 us"));
  EXPECT_THAT(text, HasSubstr("gemm<float>"));
  EXPECT_THAT(text, HasSubstr("launched by op"));
}

TEST(KernelTotals, NobodySpeaksOfThemWhereTheyWereNotAskedFor) {
  OwnersLog run(TwoLayers(), v1::DEVICE_TIME_LEVEL_OPS);
  run.Op("relu", {1}, {2}, 1);
  const std::string bytes = run.log.Finish();
  EXPECT_EQ(JsonOf(Summary, bytes)["kernels"], nullptr);
  EXPECT_THAT(TextOf(Summary, bytes), Not(HasSubstr("kernels")));
}

}  // namespace
}  // namespace torchtape::viewer
