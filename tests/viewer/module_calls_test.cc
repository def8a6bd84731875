#include "modules/module_calls.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "viewer/owners.h"
#include "viewer/sample_run.h"

namespace torchtape::viewer {
namespace {

using testing::ElementsAre;
using Json = nlohmann::json;

// Calls of these modules in turn, each with one op.
std::string Calls(const std::vector<std::string>& paths) {
  OwnersLog run(TwoLayers());
  for (const std::string& path : paths) {
    run.Begin(run.log.Module(path, "Layer", v1::MODULE_SOURCE_TAP));
    run.Op("relu", {1}, {2}, 1);
    run.End();
  }
  return run.log.Finish();
}

Json ModuleIn(const std::string& log, const std::string& path) {
  return Entry(JsonOf(Summary, log)["modules"], "path", path);
}

TEST(ModuleCalls, CallsOfAStepAreNumberedAndStartAgainInTheNext) {
  OwnersLog run(TwoLayers());
  const uint32_t a = run.log.Module("m.a", "Layer", v1::MODULE_SOURCE_TAP);
  for (uint64_t step = 0; step < 2; ++step) {
    for (int call = 0; call < 2; ++call) {
      run.Begin(a);
      run.Op("relu", {1}, {2}, 1);
      run.End();
    }
    run.Step(step + 1);
  }
  EXPECT_THAT(
      run.Owners(),
      ElementsAre("m.a: m.a by tap", "relu: m.a by tap", "m.a: m.a#2 by tap",
                  "relu: m.a#2 by tap", "m.a: m.a by tap", "relu: m.a by tap",
                  "m.a: m.a#2 by tap", "relu: m.a#2 by tap"));
}

TEST(ModuleCalls, OpsOfAModuleThatAreApartAreOfDifferentCalls) {
  OwnersLog run(TwoLayers());
  run.Op("linear", {1, kFirstWeight}, {2}, 1);
  run.Op("linear", {2, kSecondWeight}, {3}, 2);
  run.Op("linear", {3, kFirstWeight}, {4}, 3);
  run.Op("add", {4, kFirstWeight}, {5}, 4);
  EXPECT_THAT(
      run.Owners(),
      ElementsAre("linear: m.a by parameter", "linear: m.b by parameter",
                  "linear: m.a#2 by parameter", "add: m.a#2 by parameter"));
}

TEST(ModuleCalls, ScopeAroundWhatATapSeesIsOneCall) {
  OwnersLog run(TwoLayers());
  run.Begin(run.log.Module("m.a", "Layer", v1::MODULE_SOURCE_SCOPE));
  run.Begin(run.log.Module("m.a", "Layer", v1::MODULE_SOURCE_TAP));
  run.Op("relu", {1}, {2}, 1);
  run.End();
  run.End();
  EXPECT_EQ(ModuleIn(run.log.Finish(), "m.a")["calls"], 1);
}

TEST(ModuleCalls, ContainerIsEnteredAndLeftWithItsChildren) {
  const std::string log = Calls({"m.a", "m.b"});
  EXPECT_EQ(ModuleIn(log, "m")["calls"], 1);
  EXPECT_EQ(ModuleIn(log, "m")["ops_forward_ns"], 20);
  EXPECT_EQ(ModuleIn(log, "m.b")["calls"], 1);
}

TEST(ModuleCalls, ContainerIsLeftWhereItsResultGoesElsewhere) {
  OwnersLog run(TwoLayers());
  for (uint64_t call = 0; call < 2; ++call) {
    run.Begin(run.log.Module("m.a", "Layer", v1::MODULE_SOURCE_TAP));
    run.Op("linear", {1}, {2}, 1);
    run.End();
    run.Op("loss", {2}, {3}, 2);
  }
  EXPECT_EQ(ModuleIn(run.log.Finish(), "m")["calls"], 2);
}

TEST(ModuleCalls, ContainerThatMayHaveBeenCalledTwiceHasNoCount) {
  EXPECT_EQ(ModuleIn(Calls({"m.a", "m.b", "m.a", "m.b"}), "m")["calls"],
            nullptr);
}

TEST(ModuleCalls, LookAtTheWeightsOfAModuleIsNoCallOfWhatHoldsIt) {
  OwnersLog run(TwoLayers());
  const uint32_t a = run.log.Module("m.a", "Layer", v1::MODULE_SOURCE_TAP);
  for (uint64_t step = 0; step < 2; ++step) {
    run.Begin(a);
    run.Op("linear", {1, kFirstWeight}, {2}, 1);
    run.End();
    run.Node("AddmmBackward0", {2}, 1);
    run.Op("abs", {kFirstWeight}, {3}, 2);
    run.Step(step + 1);
  }
  const std::string log = run.log.Finish();
  EXPECT_EQ(ModuleIn(log, "m")["calls"], 2);
  EXPECT_EQ(ModuleIn(log, "m.a")["calls"], 2);
}

TEST(ModuleCalls, WithoutModuleCallsInTheLogNobodyCountsThem) {
  OwnersLog run(TwoLayers());
  run.Op("linear", {1, kFirstWeight}, {2}, 1);
  EXPECT_EQ(ModuleIn(run.log.Finish(), "m.a")["calls"], nullptr);
}

TEST(ModuleCalls, TimeOfACallIsWithWhatIsBetweenItsOps) {
  LogBuilder log;
  log.Model(TwoLayers());
  const uint32_t m = log.Module("m", "Net", v1::MODULE_SOURCE_SCOPE),
                 a = log.Module("m.a", "Layer", v1::MODULE_SOURCE_TAP),
                 op = log.Op("aten::relu"),
                 node = log.Span(v1::SPAN_KIND_BACKWARD, "ReluBackward0");
  log.Begin(1, 100, m);
  for (uint64_t call = 0; call < 2; ++call) {
    log.Begin(1, 110 + 100 * call, a);
    log.Begin(1, 120 + 100 * call, op, {}, 1 + static_cast<int64_t>(call));
    log.End(1, 150 + 100 * call);
    log.End(1, 160 + 100 * call);
  }
  log.End(1, 500);
  log.BeginBackward(1, 600, node, 2, 1);
  log.End(1, 670);
  const std::string bytes = log.Finish();
  const Json root = ModuleIn(bytes, "m"), leaf = ModuleIn(bytes, "m.a"),
             unused = ModuleIn(bytes, "m.b");
  EXPECT_EQ(root["calls"], 1);
  EXPECT_EQ(root["forward_ns"], 400);
  EXPECT_EQ(root["ops_forward_ns"], 60);
  EXPECT_EQ(root["backward_ns"], 70);
  EXPECT_EQ(leaf["calls"], 2);
  EXPECT_EQ(leaf["forward_ns"], 100);
  EXPECT_EQ(leaf["backward_ns"], 70);
  EXPECT_EQ(unused["calls"], 0);
  EXPECT_EQ(unused["forward_ns"], nullptr);
}

}  // namespace
}  // namespace torchtape::viewer
