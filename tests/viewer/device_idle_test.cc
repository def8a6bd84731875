#include "totals/device_idle.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "viewer/owners.h"
#include "viewer/sample_run.h"

namespace torchtape::viewer {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

constexpr v1::ActivityKind kKernel = v1::ACTIVITY_KIND_KERNEL;
constexpr v1::ActivityKind kCopy = v1::ACTIVITY_KIND_COPY;
constexpr v1::ActivityKind kSet = v1::ACTIVITY_KIND_SET;

// A log whose first kernel, of the op "first", runs from 1010 to 1020, 10 ns
// after its call: the shortest time of all.
class Idle : public ::testing::Test {
 protected:
  explicit Idle(bool device_calls = true) {
    log_.run.mutable_options()->set_device_time(v1::DEVICE_TIME_LEVEL_KERNELS);
    log_.run.mutable_options()->set_device_calls(device_calls);
    log_.Model(TwoLayers());
  }

  // An op of m.a that ends 5 ns after its call.
  void Op(const std::string& name, uint64_t begin_ns, uint64_t launch_ns,
          uint32_t thread = 1) {
    log_.Begin(thread, begin_ns, log_.Op(name, "", {log_.Tensor({1})}),
               {{kFirstWeight, kFirstWeight}}, calls_);
    Launch(launch_ns, thread);
    log_.End(thread, launch_ns + 5);
  }
  // A call of the runtime library, or an op of no module.
  void Call(const std::string& name, uint64_t begin_ns, uint64_t end_ns,
            uint32_t thread = 1) {
    const bool runtime = name.substr(0, 4) == "cuda";
    log_.Begin(thread, begin_ns,
               log_.Op(name, "", {},
                       runtime ? v1::SPAN_KIND_DEVICE_CALL : v1::SPAN_KIND_OP));
    log_.End(thread, end_ns);
    ++spans_[thread];
  }
  void Launch(uint64_t time_ns, uint32_t thread = 1) {
    log_.Launch(thread, spans_[thread]++, ++calls_, time_ns);
  }
  // What the last call was for.
  void Ran(int64_t from_ns, int64_t to_ns, v1::ActivityKind kind = kKernel,
           uint32_t stream = 7) {
    log_.Activity(kind, "gemm", calls_, stream, from_ns + 1000,
                  static_cast<uint64_t>(to_ns - from_ns));
  }
  void First() {
    Op("first", 995, 1000);
    Ran(1010, 1020);
  }

  Json Kernels(const VerbOptions& options = {}) {
    const std::string bytes = log_.Finish();
    EXPECT_EQ(JsonOf(Check, bytes)["problems"], Json::array());
    return JsonOf(Summary, bytes, options)["kernels"];
  }
  // "host 490 queued 10": what is not 0.
  static std::string Causes(const Json& use) {
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
  std::string Causes() { return Causes(Kernels()["devices"].at(0)["use"]); }

  LogBuilder log_;

 private:
  std::map<uint32_t, uint64_t> spans_;  // by thread
  uint32_t calls_ = 69;
};

class IdleWithoutCalls : public Idle {
 protected:
  IdleWithoutCalls() : Idle(false) {}
};

TEST_F(Idle, EachInstantIsOfKernelsOfCopiesAloneOrOfNothing) {
  Op("a", 900, 1000);
  Ran(1010, 1100);
  Ran(1050, 1200, kKernel, 9);
  Ran(1150, 1300, kCopy, 8);
  Ran(1400, 1450, kSet);
  const Json device = Kernels()["devices"].at(0);
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
  Ran(1510, 1600);
  EXPECT_EQ(Causes(), "host 490");
}

TEST_F(Idle, BeginAtOnceOfWhatWasLaunchedBeforeTheGapIsTheHosts) {
  First();
  Op("second", 1008, 1012);
  Ran(1030, 1040);
  EXPECT_EQ(Causes(), "host 10");
}

TEST_F(Idle, WhatWaitsOnTheDeviceBehindItsCallIsQueued) {
  First();
  Op("second", 1008, 1012);
  Ran(1100, 1140);
  EXPECT_EQ(Causes(), "queued 80");
}

TEST_F(Idle, CallInTheGapThatIsNotBegunAtOnceIsOfBoth) {
  First();
  Op("second", 1005, 1050);
  Ran(1100, 1140);
  EXPECT_EQ(Causes(), "host 30 queued 50");
}

TEST_F(Idle, HostThatWaitedWhenTheGapBeganIsTheCauseUpToItsNextCall) {
  First();
  Call("cudaStreamSynchronize", 1008, 1030);
  Op("second", 1040, 1100);
  Ran(1110, 1140);
  EXPECT_EQ(Causes(), "synchronisation 80 unknown 10");
}

TEST_F(Idle, WaitThatEndsBeforeTheGapBeyondTheErrorOfTheClocksIsNotTheCause) {
  First();
  Op("second", 1006, 1009);
  Ran(1020, 1090);
  Call("cudaStreamSynchronize", 1020, 1069);
  Op("third", 1071, 1150);
  Ran(1160, 1170);
  EXPECT_EQ(Causes(), "host 70");
}

TEST_F(Idle,
       WaitThatSeemsToEndBeforeTheGapWithinTheErrorOfTheClocksIsTheCause) {
  First();
  Op("second", 1006, 1009);
  Ran(1020, 1090);
  Call("cudaStreamSynchronize", 1020, 1070);
  Op("third", 1071, 1150);
  Ran(1160, 1170);
  EXPECT_EQ(Causes(), "synchronisation 70");
}

TEST_F(Idle, CallThatDoesNotWaitIsNoSynchronisation) {
  First();
  Call("cudaMemcpyAsync", 1008, 1030);
  Op("second", 1030, 1100);
  Ran(1110, 1140);
  EXPECT_EQ(Causes(), "host 90");
}

TEST_F(Idle, StepBeforeItsFirstOpOfAModuleIsInput) {
  First();
  log_.Step(1, 2000);
  Call("aten::stack", 2100, 2500);
  Op("second", 3000, 3050);
  Ran(3060, 3070);
  EXPECT_EQ(Causes(), "input 1000 host 60 unknown 980");
}

TEST_F(Idle, WaitInInputIsSynchronisation) {
  First();
  log_.Step(1, 2000);
  Call("cudaStreamSynchronize", 2100, 2500);
  Op("second", 3000, 3050);
  Ran(3060, 3070);
  EXPECT_EQ(Causes(), "synchronisation 400 input 600 host 60 unknown 980");
}

TEST_F(Idle, BeforeAThreadTakesOverTheOneBeforeItIsTheHost) {
  First();
  Call("aten::loss", 1015, 1180, 1);
  Op("node", 1200, 1300, 2);
  Ran(1310, 1320);
  EXPECT_EQ(Causes(), "host 270 unknown 20");
}

TEST_F(Idle, NobodyKnowsTheCauseWithoutTheCall) {
  First();
  Op("second", 1015, 1500);
  log_.Activity(kKernel, "gemm", 4711, 7, 2510, 90);
  EXPECT_EQ(Causes(), "unknown 490");
}

TEST_F(Idle, AStepHasTheGapBeforeItsFirstKernel) {
  First();
  log_.Step(1, 1025);
  Op("second", 1030, 1100);
  Ran(1110, 1140);
  log_.Step(2, 1120);
  Op("third", 1130, 1200);
  Ran(1210, 1220);
  VerbOptions options;
  options.steps = {1, 1, "--step 1"};
  const Json use = Kernels(options)["devices"].at(0)["use"];
  EXPECT_EQ(use["kernel_ns"], 30);
  EXPECT_EQ(use["idle_ns"], 90);
  EXPECT_EQ(use["gaps"], 1);
}

TEST_F(Idle, WhatWasNotRecordedIsNoGap) {
  First();
  log_.Window(1030, false);
  log_.Window(1400, true);
  Op("second", 1410, 1500);
  Ran(1510, 1600);
  const Json use = Kernels()["devices"].at(0)["use"];
  EXPECT_EQ(use["gaps"], 0);
  EXPECT_EQ(use["idle_ns"], 0);
  EXPECT_EQ(use["kernel_ns"], 100);
}

TEST_F(Idle, WhatIsLostToDamageIsNoGap) {
  First();
  log_.NewChunk();
  Op("second", 1415, 1500);
  Ran(1510, 1600);
  log_.NewChunk();
  Op("third", 1615, 1700);
  Ran(1710, 1720);
  log_.NewChunk();
  Op("fourth", 1750, 1800);
  Ran(1810, 1820);
  std::string bytes = log_.Finish();
  bytes[log_.offsets()[2] + 60] ^= 0x55;  // the second with events
  const Json use = JsonOf(Summary, bytes)["kernels"]["devices"].at(0)["use"];
  EXPECT_EQ(use["gaps"], 1);
  EXPECT_EQ(use["idle_ns"], 90);
}

TEST_F(Idle, CausesAreToldByTheOpThatEndedTheGap) {
  First();
  Op("second", 1015, 1500);
  Ran(1510, 1600);
  Op("second", 1550, 1700);
  Ran(1710, 1720);
  Op("third", 1720, 1730);
  Ran(1740, 1750);
  const Json gaps = Kernels()["gaps"];
  ASSERT_EQ(gaps.size(), 2);
  EXPECT_EQ(gaps[0]["op"], "second");
  EXPECT_EQ(gaps[0]["cause"], "host");
  EXPECT_EQ(gaps[0]["device"], "cuda:0");
  EXPECT_EQ(gaps[0]["count"], 2);
  EXPECT_EQ(gaps[0]["total_ns"], 490 + 110);
  EXPECT_EQ(gaps[0]["longest_ns"], 490);
  EXPECT_EQ(gaps[1]["total_ns"], 20);
}

TEST_F(Idle, TextTellsTheCauses) {
  First();
  Op("second", 1015, 1500);
  Ran(1510, 1600);
  const std::string bytes = log_.Finish();
  EXPECT_THAT(TextOf(Summary, bytes),
              HasSubstr("idle 490 ns in 1 gap:   host 100 %"));
  VerbOptions options;
  options.by = "device";
  const std::string text = TextOf(Summary, bytes, options);
  EXPECT_THAT(text, HasSubstr("until this was launched"));
  EXPECT_THAT(text, HasSubstr("host             cuda:0  second"));
  EXPECT_THAT(text, Not(HasSubstr("not recorded")));
}

TEST_F(IdleWithoutCalls, WhetherTheHostWaitedOrWorkedIsNotKnown) {
  First();
  Op("second", 1015, 1500);
  Ran(1510, 1600);
  VerbOptions options;
  options.by = "device";
  const std::string bytes = log_.Finish();
  const Json kernels = JsonOf(Summary, bytes)["kernels"];
  EXPECT_EQ(Causes(kernels["devices"].at(0)["use"]), "unknown 490");
  EXPECT_THAT(TextOf(Summary, bytes, options),
              HasSubstr("device calls were not recorded"));
}

TEST_F(IdleWithoutCalls, HostThatHadLaunchedBeforeTheGapDidNotWait) {
  First();
  Op("second", 1008, 1012);
  Ran(1030, 1040);
  EXPECT_EQ(Causes(), "host 10");
}

TEST(IdleOfALogWithoutKernels, IsSaidToBeUnknown) {
  VerbOptions options;
  options.by = "device";
  const std::string text = TextOf(Summary, SampleRun().Finish(), options);
  EXPECT_THAT(text, HasSubstr("kernels were not recorded"));
}

}  // namespace
}  // namespace torchtape::viewer
