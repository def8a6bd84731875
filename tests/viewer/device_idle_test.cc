#include "totals/device_idle.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "viewer/device_run.h"

namespace torchtape::viewer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

// "host 490 queued 10": the causes that are not 0.
std::string Causes(const Json& use) {
  std::string text;
  uint64_t sum = 0;
  for (const char* cause :
       {"synchronisation", "input", "host", "queued", "unknown"}) {
    const uint64_t ns = use["causes"][std::string(cause) + "_ns"];
    sum += ns;
    if (ns == 0) continue;
    if (!text.empty()) text += ' ';
    text += std::string(cause) + ' ' + std::to_string(ns);
  }
  EXPECT_EQ(use["idle_ns"], sum);
  return text;
}

// A log whose first kernel, of the op "first", runs from 1010 to 1020, 10 ns
// after its call: the shortest time of all.
class Idle : public ::testing::Test {
 protected:
  explicit Idle(bool device_calls = true) : run_(device_calls) {}

  // Of m.a.
  void Op(const std::string& name, uint64_t begin_ns, uint64_t launch_ns,
          uint32_t thread = 1) {
    run_.Op(name, kFirstWeight, begin_ns, launch_ns, thread);
  }
  void First() {
    Op("first", 995, 1000);
    run_.Ran(1010, 1020);
  }
  Json Use(const VerbOptions& options = {}) {
    return run_.Kernels(options)["devices"].at(0)["use"];
  }

  DeviceRun run_;
};

class IdleWithoutCalls : public Idle {
 protected:
  IdleWithoutCalls() : Idle(false) {}
};

TEST_F(Idle, EachInstantIsOfKernelsOfCopiesAloneOrOfNothing) {
  Op("a", 900, 1000);
  run_.Ran(1010, 1100);
  run_.Ran(1050, 1200, kKernel, 9);
  run_.Ran(1150, 1300, kCopy, 8);
  run_.Ran(1400, 1450, kSet);
  const Json device = run_.Kernels()["devices"].at(0);
  const Json& use = device["use"];
  EXPECT_EQ(use["kernel_ns"], 190 + 50);
  EXPECT_EQ(use["copy_ns"], 100);
  EXPECT_EQ(use["idle_ns"], 100);
  EXPECT_EQ(use["gaps"], 1);
  EXPECT_EQ(use["longest_gap_ns"], 100);
  EXPECT_EQ(use["left_out"], 0);
  EXPECT_EQ(device["span_ns"], 440);
  EXPECT_EQ(device["busy_ns"], 340);
}

TEST_F(Idle, HostThatLaunchesLateIsTooSlow) {
  First();
  Op("second", 1015, 1500);
  run_.Ran(1510, 1600);
  EXPECT_EQ(Causes(Use()), "host 490");
}

TEST_F(Idle, BeginAtOnceOfWhatWasLaunchedBeforeTheGapIsTheHosts) {
  First();
  Op("second", 1008, 1012);
  run_.Ran(1030, 1040);
  EXPECT_EQ(Causes(Use()), "host 10");
}

TEST_F(Idle, WhatWaitsOnTheDeviceBehindItsCallIsQueued) {
  First();
  Op("second", 1008, 1012);
  run_.Ran(1100, 1140);
  EXPECT_EQ(Causes(Use()), "queued 80");
}

// Twice 10 ns, and the clocks' 20.
TEST_F(Idle, AtOnceIsUpToTwiceTheShortestTimeAndTheErrorOfTheClocks) {
  First();
  Op("second", 1008, 1012);
  run_.Ran(1052, 1060);
  Op("third", 1055, 1057);
  run_.Ran(1098, 1100);
  EXPECT_EQ(Causes(Use()), "host 32 queued 38");
}

TEST_F(Idle, CallInTheGapThatIsNotBegunAtOnceIsOfBoth) {
  First();
  Op("second", 1005, 1050);
  run_.Ran(1100, 1140);
  EXPECT_EQ(Causes(Use()), "host 30 queued 50");
}

TEST_F(Idle, HostThatWaitedWhenTheGapBeganIsTheCauseUpToItsNextCall) {
  First();
  run_.Call("cudaStreamSynchronize", 1008, 1030);
  Op("second", 1040, 1100);
  run_.Ran(1110, 1140);
  EXPECT_EQ(Causes(Use()), "synchronisation 80 unknown 10");
}

// A gap from 1090 on, before which the host waited up to an instant. The clocks
// may be off by 20 ns.
class IdleAfterAWait : public Idle {
 protected:
  std::string CausesIfItEndsAt(uint64_t time_ns) {
    First();
    Op("second", 1006, 1009);
    run_.Ran(1020, 1090);
    run_.Call("cudaStreamSynchronize", 1020, time_ns);
    Op("third", 1071, 1150);
    run_.Ran(1160, 1170);
    return Causes(Use());
  }
};

TEST_F(IdleAfterAWait, ThatEndedBeforeBeyondTheErrorOfTheClocksIsTheHosts) {
  EXPECT_EQ(CausesIfItEndsAt(1069), "host 70");
}

TEST_F(IdleAfterAWait, ThatSeemsToEndBeforeWithinTheErrorIsSynchronisation) {
  EXPECT_EQ(CausesIfItEndsAt(1070), "synchronisation 70");
}

TEST_F(Idle, CallThatDoesNotWaitIsNoSynchronisation) {
  First();
  run_.Call("cudaMemcpyAsync", 1008, 1030);
  Op("second", 1030, 1100);
  run_.Ran(1110, 1140);
  EXPECT_EQ(Causes(Use()), "host 90");
}

TEST_F(Idle, StepBeforeItsFirstOpOfAModuleIsInput) {
  First();
  run_.log.Step(1, 2000);
  run_.Call("aten::stack", 2100, 2500);
  Op("second", 3000, 3050);
  run_.Ran(3060, 3070);
  EXPECT_EQ(Causes(Use()), "input 1000 host 60 unknown 980");
}

TEST_F(Idle, WaitInInputIsSynchronisation) {
  First();
  run_.log.Step(1, 2000);
  run_.Call("cudaStreamSynchronize", 2100, 2500);
  Op("second", 3000, 3050);
  run_.Ran(3060, 3070);
  EXPECT_EQ(Causes(Use()), "synchronisation 400 input 600 host 60 unknown 980");
}

TEST_F(Idle, BeforeAThreadTakesOverTheOneBeforeItIsTheHost) {
  First();
  run_.Call("aten::loss", 1015, 1180, 1);
  Op("node", 1200, 1300, 2);
  run_.Ran(1310, 1320);
  EXPECT_EQ(Causes(Use()), "host 270 unknown 20");
}

TEST_F(Idle, TheOneBeforeItLaunchedWhatEndedLast) {
  First();
  Op("long", 1001, 1005, 2);
  run_.Ran(1020, 1100, kKernel, 9);
  Op("short", 1006, 1010);
  run_.Ran(1030, 1040);
  run_.Call("aten::loss", 1012, 1195, 2);
  Op("node", 1200, 1300, 3);
  run_.Ran(1310, 1320);
  EXPECT_EQ(Causes(Use()), "host 205 unknown 5");
}

TEST_F(Idle, OpWhoseEndIsNotKnownTellsNothing) {
  First();
  run_.BeginOp("aten::loss", kNoWeight, 1015);
  run_.Cut(1400);
  Op("second", 1450, 1500);
  run_.Ran(1510, 1600);
  EXPECT_EQ(Causes(Use()), "host 60 unknown 430");
}

TEST_F(Idle, NobodyKnowsTheCauseWithoutTheCall) {
  First();
  Op("second", 1015, 1500);
  run_.log.Activity(kKernel, "gemm", 4711, 7, 2510, 90);
  EXPECT_EQ(Causes(Use()), "unknown 490");
}

TEST_F(Idle, AStepHasTheGapBeforeItsFirstKernel) {
  First();
  run_.log.Step(1, 1025);
  Op("second", 1030, 1100);
  run_.Ran(1110, 1140);
  run_.log.Step(2, 1120);
  Op("third", 1130, 1200);
  run_.Ran(1210, 1220);
  VerbOptions options;
  options.steps = {1, 1, "--step 1"};
  const Json use = Use(options);
  EXPECT_EQ(use["kernel_ns"], 30);
  EXPECT_EQ(use["idle_ns"], 90);
  EXPECT_EQ(use["gaps"], 1);
}

TEST_F(Idle, WhatWasNotRecordedIsNoGap) {
  First();
  run_.log.Window(1030, false);
  run_.log.Window(1400, true);
  Op("second", 1410, 1500);
  run_.Ran(1510, 1600);
  Op("third", 1610, 1690);
  run_.Ran(1700, 1710);
  const Json use = Use();
  EXPECT_EQ(use["gaps"], 1);
  EXPECT_EQ(use["idle_ns"], 100);
  EXPECT_EQ(use["kernel_ns"], 110);
}

TEST_F(Idle, WhatIsLostToDamageIsNoGap) {
  First();
  run_.log.NewChunk();
  Op("second", 1415, 1500);
  run_.Ran(1510, 1600);
  run_.log.NewChunk();
  Op("third", 1615, 1700);
  run_.Ran(1710, 1720);
  run_.log.NewChunk();
  Op("fourth", 1750, 1800);
  run_.Ran(1810, 1820);
  std::string bytes = run_.log.Finish();
  bytes[run_.log.offsets()[2] + 60] ^= 0x55;  // the second with events
  const Json use = JsonOf(Summary, bytes)["kernels"]["devices"].at(0)["use"];
  EXPECT_EQ(use["gaps"], 1);
  EXPECT_EQ(use["idle_ns"], 90);
}

TEST_F(Idle, CausesAreToldByTheOpThatEndedTheGap) {
  First();
  Op("second", 1015, 1500);
  run_.Ran(1510, 1600);
  Op("second", 1550, 1700);
  run_.Ran(1710, 1720);
  Op("third", 1720, 1730);
  run_.Ran(1740, 1750);
  const Json gaps = run_.Kernels()["gaps"];
  ASSERT_EQ(gaps.size(), 2);
  EXPECT_EQ(gaps[0]["op"], "second");
  EXPECT_EQ(gaps[0]["cause"], "host");
  EXPECT_EQ(gaps[0]["device"], "cuda:0");
  EXPECT_EQ(gaps[0]["count"], 2);
  EXPECT_EQ(gaps[0]["total_ns"], 490 + 110);
  EXPECT_EQ(gaps[0]["longest_ns"], 490);
  EXPECT_EQ(gaps[0]["meanwhile"][0]["count"], 2);
  EXPECT_EQ(gaps[0]["meanwhile"][0]["longest_ns"], 490);
  EXPECT_EQ(gaps[1]["total_ns"], 20);
}

// "host 40 in m.a, 10": what the host did in the gaps of a cause and an op.
std::vector<std::string> Meanwhile(const Json& gap) {
  std::vector<std::string> told;
  uint64_t sum = 0;
  for (const Json& place : gap["meanwhile"]) {
    const uint64_t ns = place["total_ns"];
    sum += ns;
    std::string text = std::to_string(ns);
    if (!place["module"].is_null())
      text += " in " + std::string(place["module"]);
    if (place["optimizer"]) text += " in an optimizer";
    if (!place["line"].is_null()) {
      text += " at " + std::to_string(place["line"].get<int>());
    }
    told.push_back(text);
  }
  EXPECT_EQ(gap["total_ns"], sum);
  return told;
}

TEST_F(Idle, GapTellsForWhichModulesTheHostWorkedMeanwhile) {
  First();
  run_.Call("aten::embedding", 1015, 1055);
  run_.BeginOp("linear", kSecondWeight, 1070);
  run_.Call("aten::inner", 1080, 1090);
  run_.End(1120);
  Op("second", 1120, 1150);
  run_.Ran(1160, 1170);
  const Json gaps = run_.Kernels()["gaps"];
  const Json host = Entry(gaps, "cause", "host");
  EXPECT_EQ(host["count"], 1);
  EXPECT_THAT(Meanwhile(host), ElementsAre("50 in m.b", "40 in m.a", "35"));
  EXPECT_THAT(Meanwhile(Entry(gaps, "cause", "unknown")), ElementsAre("15"));
}

TEST_F(Idle, GapTellsOfModuleCallsAndOptimizersOutsideOfOps) {
  First();
  run_.Begin(run_.log.Module("m.b", "Layer", v1::MODULE_SOURCE_SCOPE), 1015);
  run_.End(1080);
  const uint32_t step =
      run_.log.Span(v1::SPAN_KIND_RANGE, "Optimizer.step#SGD.step");
  run_.Begin(step, 1080);
  run_.Launch(1150);
  run_.End(1155);
  run_.Ran(1160, 1170);
  const Json gaps = run_.Kernels()["gaps"];
  ASSERT_EQ(gaps.size(), 1);
  EXPECT_THAT(Meanwhile(gaps[0]),
              ElementsAre("80 in an optimizer", "60 in m.b"));
}

TEST_F(Idle, GapTellsOfAModuleCallUpToItsOp) {
  First();
  run_.Begin(run_.log.Module("m", "Net", v1::MODULE_SOURCE_SCOPE), 1015);
  Op("second", 1050, 1100);
  run_.End(1108);
  run_.Ran(1110, 1120);
  const Json gaps = run_.Kernels()["gaps"];
  ASSERT_EQ(gaps.size(), 1);
  EXPECT_THAT(Meanwhile(gaps[0]), ElementsAre("60 in m.a", "30 in m"));
}

TEST_F(Idle, SynchronisationHasTheLineThatWaitedAlsoAfterwards) {
  const std::vector<FixtureCall> calls = RunFixture("debug");
  First();
  run_.CalledFrom(calls[0]);
  run_.BeginOp("aten::item", kSecondWeight, 1012);
  run_.Call("cudaStreamSynchronize", 1014, 1060);
  run_.End(1065);
  run_.CalledFrom(calls[1]);
  Op("second", 1065, 1100);
  run_.Ran(1110, 1140);
  const Json gaps = run_.Kernels(By("device"))["gaps"];
  ASSERT_EQ(gaps.size(), 1);
  EXPECT_EQ(gaps[0]["cause"], "synchronisation");
  const std::string line = std::to_string(FixtureLine("block add"));
  EXPECT_THAT(Meanwhile(gaps[0]), ElementsAre("90 in m.b at " + line));
  EXPECT_EQ(gaps[0]["meanwhile"][0]["function"], "BlockImpl::forward");
}

TEST_F(Idle, SlowHostHasTheLineOfItsOp) {
  const std::vector<FixtureCall> calls = RunFixture("debug");
  First();
  run_.CalledFrom(calls[0]);
  Op("second", 1015, 1500);
  run_.Ran(1510, 1600);
  const std::string bytes = run_.log.Finish();
  const Json gaps = JsonOf(Summary, bytes, By("device"))["kernels"]["gaps"];
  const std::string line = std::to_string(FixtureLine("block add"));
  EXPECT_THAT(Meanwhile(gaps.at(0)), ElementsAre("490 in m.a at " + line));
  EXPECT_THAT(TextOf(Summary, bytes, By("device")),
              HasSubstr("host             cuda:0  m.a"));
  EXPECT_THAT(TextOf(Summary, bytes, By("device")),
              HasSubstr("model.cc:" + line + "  second"));
}

TEST_F(Idle, TextTellsTheCauses) {
  First();
  Op("second", 1015, 1500);
  run_.Ran(1510, 1600);
  const std::string bytes = run_.log.Finish();
  EXPECT_THAT(TextOf(Summary, bytes),
              HasSubstr("idle 490 ns in 1 gap:   host 100 %"));
  const std::string text = TextOf(Summary, bytes, By("device"));
  EXPECT_THAT(text, HasSubstr("until this was launched"));
  EXPECT_THAT(text, HasSubstr("m.a              -   second"));
  EXPECT_THAT(text, Not(HasSubstr("not recorded")));
}

TEST_F(Idle, FilterLeavesGapsOfAnOpAModuleOrALine) {
  First();
  Op("second", 1015, 1500);
  run_.Ran(1510, 1600);
  const std::string bytes = run_.log.Finish();
  VerbOptions options = By("device");
  for (const auto& [filter, matches] :
       {std::pair("seco", true), std::pair("m.a", true),
        std::pair("m.b", false)}) {
    options.filter = filter;
    const bool has =
        TextOf(Summary, bytes, options).find("until this") != std::string::npos;
    EXPECT_EQ(has, matches) << filter;
  }
}

TEST_F(IdleWithoutCalls, WhetherTheHostWaitedOrWorkedIsNotKnown) {
  First();
  Op("second", 1015, 1500);
  run_.Ran(1510, 1600);
  const std::string bytes = run_.log.Finish();
  const Json kernels = JsonOf(Summary, bytes)["kernels"];
  EXPECT_EQ(Causes(kernels["devices"].at(0)["use"]), "unknown 490");
  EXPECT_THAT(TextOf(Summary, bytes, By("device")),
              HasSubstr("device calls were not recorded"));
}

TEST_F(IdleWithoutCalls, HostThatHadLaunchedBeforeTheGapDidNotWait) {
  First();
  Op("second", 1008, 1012);
  run_.Ran(1030, 1040);
  EXPECT_EQ(Causes(Use()), "host 10");
}

TEST(IdleOfALogWithoutKernels, IsSaidToBeUnknown) {
  const std::string text = TextOf(Summary, SampleRun().Finish(), By("device"));
  EXPECT_THAT(text, HasSubstr("kernels were not recorded"));
}

}  // namespace
}  // namespace torchtape::viewer
