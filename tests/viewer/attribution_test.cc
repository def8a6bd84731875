#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "viewer/owners.h"
#include "viewer/sample_run.h"

namespace torchtape::viewer {
namespace {

using testing::DoubleEq;
using testing::ElementsAre;
using Json = nlohmann::json;

constexpr char kAddInPlace[] =
    "aten::add_.Tensor(Tensor(a!) self, Tensor other) -> Tensor(a!)";

TEST(Attribution, OpBelongsToTheModuleWhoseParametersItReads) {
  OwnersLog run(TwoLayers());
  run.Op("linear", {1, kFirstWeight}, {2}, 1);
  run.Op("linear", {2, kSecondWeight, kSecondBias}, {3}, 2);
  EXPECT_THAT(run.Owners(), ElementsAre("linear: m.a by parameter",
                                        "linear: m.b by parameter"));
}

TEST(Attribution, ViewOfAParameterIsTheParameter) {
  OwnersLog run(TwoLayers());
  run.OpOn("aten::t", {{kFirstWeight, kFirstWeight}}, {{5, kFirstWeight}}, 1);
  run.OpOn("aten::addmm", {{1, 1}, {5, kFirstWeight}}, {{2, 2}}, 2);
  EXPECT_THAT(run.Owners(), ElementsAre("aten::t: m.a by parameter",
                                        "aten::addmm: m.a by parameter"));
}

TEST(Attribution, ParameterInAnotherTypeIsTheParameterButNotItsSum) {
  OwnersLog run(TwoLayers());
  run.Op("aten::_to_copy", {kFirstWeight}, {5}, 1);
  run.Op("aten::linear", {1, 5}, {2}, 2);
  run.Op("aten::sum", {kFirstWeight}, {6}, 3);
  run.Op("aten::add", {7, 6}, {8}, 4);
  EXPECT_THAT(run.Owners(),
              ElementsAre("aten::_to_copy: m.a by parameter",
                          "aten::linear: m.a by parameter",
                          "aten::sum: m.a by parameter", "aten::add: none"));
}

TEST(Attribution, OpOfSeveralModulesBelongsToTheOneThatHoldsThem) {
  OwnersLog run(TwoLayers());
  run.Op("linear", {1, kFirstWeight, kSecondWeight}, {2}, 1);
  EXPECT_THAT(run.Owners(), ElementsAre("linear: m by parameter"));
}

TEST(Attribution, SharedParameterBelongsToTheModuleThatHoldsAllItsOwners) {
  v1::Model tied = TwoLayers();
  tied.mutable_parameters(0)->add_aliases("m.b.tied");
  OwnersLog run(tied);
  run.Op("linear", {1, kFirstWeight}, {2}, 1);
  EXPECT_THAT(run.Owners(), ElementsAre("linear: m by parameter"));
}

TEST(Attribution, LayerWithoutGradientIsTheForwardPass) {
  OwnersLog run(TwoLayers());
  run.Op("aten::linear", {1, kFirstWeight}, {2});
  EXPECT_THAT(run.Owners(), ElementsAre("aten::linear: m.a by parameter"));
}

TEST(Attribution, ArithmeticOfParametersWithoutGradientNeedsANeighbour) {
  OwnersLog run(TwoLayers());
  run.Op("aten::linear", {1, kFirstWeight}, {2});
  run.Op("aten::add", {2, kSecondBias}, {3});
  run.Op("aten::norm", {kSecondBias}, {4});
  EXPECT_THAT(run.Owners(),
              ElementsAre("aten::linear: m.a by parameter",
                          "aten::add: m.b by parameter", "aten::norm: none"));
}

TEST(Attribution, InnermostModuleCallWinsAndSaysWhoTold) {
  OwnersLog run(TwoLayers());
  const uint32_t m = run.log.Module("m", "Net", v1::MODULE_SOURCE_SCOPE),
                 b = run.log.Module("m.b", "Layer", v1::MODULE_SOURCE_TAP);
  run.Begin(m);
  run.Op("add", {1, kFirstWeight}, {2}, 1);
  run.Begin(b);
  run.Op("mul", {2, kFirstWeight}, {3}, 2);
  run.End();
  run.End();
  EXPECT_THAT(run.Owners(), ElementsAre("m: m by scope", "add: m by scope",
                                        "m.b: m.b by tap", "mul: m.b by tap"));
}

TEST(Attribution, ModuleWhoseCallsNobodyTellsIsKnownByParametersWithinACall) {
  v1::Model model = TwoLayers();
  for (v1::Module& module : *model.mutable_modules()) {
    if (module.path() == "m.b") module.set_type("torch::nn::BatchNorm2dImpl");
  }
  OwnersLog run(model);
  const uint32_t m = run.log.Module("m", "Net", v1::MODULE_SOURCE_SCOPE),
                 a = run.log.Module("m.a", "Layer", v1::MODULE_SOURCE_TAP);
  run.Begin(m);
  run.Begin(a);
  run.Op("conv", {1, kFirstWeight}, {2}, 1);
  run.End();
  run.Op("batch_norm", {2, kSecondWeight, kSecondBias}, {3}, 2);
  run.Op("add", {3, kFirstWeight}, {4}, 3);
  run.End();
  EXPECT_THAT(
      run.Owners(),
      ElementsAre("m: m by scope", "m.a: m.a by tap", "conv: m.a by tap",
                  "batch_norm: m.b by parameter", "add: m by scope"));
}

// An embedding whose weight makes words of what comes out, too.
TEST(Attribution,
     ParameterThatIsLentOutsideOfToldCallsIsUsedByTheModuleAround) {
  OwnersLog run(TwoLayers());
  const uint32_t a = run.log.Module("m.a", "Layer", v1::MODULE_SOURCE_TAP);
  run.Begin(a);
  run.Op("embedding", {kFirstWeight, 1}, {2}, 1);
  run.End();
  run.Op("mul", {2, kSecondWeight}, {3}, 2);
  run.Op("t", {kFirstWeight}, {kFirstWeight}, 3);
  run.Op("matmul", {3, kFirstWeight}, {4}, 4);
  EXPECT_THAT(run.Owners(),
              ElementsAre("m.a: m.a by tap", "embedding: m.a by tap",
                          "mul: m.b by parameter", "t: m.a by parameter",
                          "matmul: m by parameter"));
}

TEST(Attribution, ModuleOfNoModelIsNamedByItsTypeInsideOfItsCaller) {
  OwnersLog run(TwoLayers());
  const uint32_t outer =
                     run.log.Module("Block#1", "Block", v1::MODULE_SOURCE_TAP),
                 inner =
                     run.log.Module("ReLU#2", "ReLU", v1::MODULE_SOURCE_TAP);
  run.Begin(outer);
  run.Begin(inner);
  run.Op("relu", {1}, {2}, 1);
  run.End();
  run.End();
  const std::string bytes = run.log.Finish();
  const Json module =
      Entry(JsonOf(Summary, bytes)["modules"], "path", "ReLU#2");
  EXPECT_EQ(module["type"], "ReLU");
  EXPECT_EQ(module["parent"], "Block#1");
  EXPECT_EQ(module["self_forward_ns"], 10);
}

TEST(Attribution, BackwardNodeBelongsToTheModuleOfItsOp) {
  OwnersLog run(TwoLayers());
  run.Op("linear", {1, kFirstWeight}, {2}, 1);
  run.Op("relu", {2}, {3}, 2);
  run.Op("linear", {3, kSecondWeight}, {4}, 3);
  run.Node("ReluBackward0", {7}, 2);
  run.Node("AddmmBackward0", {8}, 1);
  EXPECT_THAT(
      run.Owners(),
      ElementsAre("linear: m.a by parameter", "relu: m by inferred",
                  "linear: m.b by parameter", "ReluBackward0: m by inferred",
                  "AddmmBackward0: m.a by parameter"));
}

TEST(Attribution, BackwardNodeKnowsTheOpOfTheStepBefore) {
  OwnersLog run(TwoLayers());
  run.Op("linear", {1, kFirstWeight}, {2}, 1);
  run.Step(1);
  run.Node("AddmmBackward0", {8}, 1);
  EXPECT_THAT(run.Owners(), ElementsAre("linear: m.a by parameter",
                                        "AddmmBackward0: m.a by parameter"));
}

TEST(Attribution, GradientBelongsToTheModuleOfWhatMadeIt) {
  OwnersLog run(TwoLayers());
  run.Op("linear", {1, kFirstWeight}, {2}, 1);
  LogBuilder& log = run.log;
  const v1::Value tensor = log.Tensor({10});
  const uint32_t node = log.Span(v1::SPAN_KIND_BACKWARD, "AddmmBackward0"),
                 mm = log.Op("aten::mm", "", {tensor}),
                 returned = log.Returns({tensor});
  log.BeginBackward(1, 100, node, 1, 1);
  log.Begin(1, 110, mm, {{8, 8}});
  log.End(1, 120, returned, {{9, 9}});
  log.End(1, 130);
  const uint32_t accumulate = log.Op("torch::autograd::AccumulateGrad", "",
                                     {tensor}, v1::SPAN_KIND_BACKWARD);
  log.BeginBackward(1, 140, accumulate, 0, 0, {{9, 9}});
  log.End(1, 150);
  EXPECT_EQ(run.Owners().back(),
            "torch::autograd::AccumulateGrad: m.a by parameter");
}

TEST(Attribution, WhatTheEngineDoesAroundANodeBelongsToTheNode) {
  OwnersLog run(TwoLayers());
  run.Op("linear", {1, kFirstWeight}, {2}, 1);
  run.Begin(run.log.Span(v1::SPAN_KIND_ENGINE, "evaluate"));
  run.Node("AddmmBackward0", {8}, 1);
  run.Op("aten::sum", {8}, {9});
  run.End();
  EXPECT_EQ(run.Owners().back(), "aten::sum: m.a by parameter");
}

TEST(Attribution, OpThatChangesAParameterIsTheOptimizers) {
  OwnersLog run(TwoLayers());
  run.Op("aten::add_", {kFirstWeight, 1}, {kFirstWeight}, {}, kAddInPlace);
  EXPECT_THAT(run.Owners(), ElementsAre("aten::add_: optimizer by parameter"));
}

TEST(Attribution, WhatAnOptimizersStepDoesIsTheOptimizers) {
  OwnersLog run(TwoLayers());
  run.Begin(run.log.Span(v1::SPAN_KIND_RANGE, "Optimizer.step#SGD.step"));
  run.Op("aten::mul", {kFirstWeight}, {2});
  run.Op("aten::norm", {2}, {3});
  run.End();
  run.Op("aten::mul", {3}, {4});
  EXPECT_THAT(run.Owners(),
              ElementsAre("Optimizer.step#SGD.step: none",
                          "aten::mul: optimizer by tap",
                          "aten::norm: optimizer by tap", "aten::mul: none"));
}

TEST(Attribution, WhatAClosureRunsInAStepIsNotTheOptimizers) {
  OwnersLog run(TwoLayers());
  run.Begin(run.log.Span(v1::SPAN_KIND_RANGE, "Optimizer.step#SGD.step"));
  run.Op("linear", {1, kFirstWeight}, {2}, 1);
  run.Op("loss", {2}, {3}, 2);
  run.Node("AddmmBackward0", {8}, 1);
  run.Op("aten::add_", {kFirstWeight, 1}, {kFirstWeight}, {}, kAddInPlace);
  run.End();
  EXPECT_THAT(
      run.Owners(),
      ElementsAre("Optimizer.step#SGD.step: none", "linear: m.a by parameter",
                  "loss: none", "AddmmBackward0: m.a by parameter",
                  "aten::add_: optimizer by parameter"));
}

TEST(Attribution, EveryOpIsInExactlyOneRowOfTheSummary) {
  OwnersLog run(TwoLayers());
  run.Op("linear", {1, kFirstWeight}, {2}, 1);
  run.Op("relu", {2}, {3}, 2);
  run.Op("linear", {3, kSecondWeight}, {4}, 3);
  run.Op("loss", {4}, {5}, 4);
  run.Node("AddmmBackward0", {8}, 1);
  run.Op("aten::add_", {kFirstWeight, 1}, {kFirstWeight}, {}, kAddInPlace);
  const Json summary = JsonOf(Summary, run.log.Finish());
  uint64_t sum = summary["optimizer"]["time_ns"].get<uint64_t>() +
                 summary["unattributed"]["forward_ns"].get<uint64_t>() +
                 summary["unattributed"]["backward_ns"].get<uint64_t>();
  for (const Json& module : summary["modules"]) {
    sum += module["self_forward_ns"].get<uint64_t>() +
           module["self_backward_ns"].get<uint64_t>();
  }
  EXPECT_EQ(sum, 60u);
  EXPECT_EQ(summary["optimizer"]["ops"], 1);
  EXPECT_EQ(summary["unattributed"]["forward_ns"], 10);
  const Json m = Entry(summary["modules"], "path", "m");
  EXPECT_EQ(m["ops_forward_ns"], 30);
  EXPECT_EQ(m["self_forward_ns"], 10);
  EXPECT_EQ(m["ops_backward_ns"], 10);
}

TEST(Attribution, SharesOfTheSourcesAddUpToOne) {
  OwnersLog run(TwoLayers());
  run.Op("linear", {1, kFirstWeight}, {2}, 1);
  run.Op("relu", {2}, {3}, 2);
  run.Op("linear", {3, kSecondWeight}, {4}, 3);
  run.Op("loss", {4}, {5}, 4);
  const Json shares = JsonOf(Info, run.log.Finish())["attribution"];
  EXPECT_THAT(shares["parameter"].get<double>(), DoubleEq(0.5));
  EXPECT_THAT(shares["inferred"].get<double>(), DoubleEq(0.25));
  EXPECT_THAT(shares["none"].get<double>(), DoubleEq(0.25));
  double sum = 0;
  for (const Json& share : shares) sum += share.get<double>();
  EXPECT_THAT(sum, DoubleEq(1));
  EXPECT_EQ(shares.size(), 6u);
}

TEST(Attribution, LogWithoutOpsHasNoShares) {
  LogBuilder log;
  log.Step(1, 100);
  EXPECT_FALSE(JsonOf(Info, log.Finish()).contains("attribution"));
}

TEST(Attribution, ExportedNodesSayTheirModuleAndWhoTold) {
  const Json graph = JsonOf(ExportJson, SampleRun().Finish());
  const Json linear = Entry(graph["nodes"], "name", "aten::linear"),
             node = Entry(graph["nodes"], "name", "AddmmBackward0");
  EXPECT_EQ(linear["module"], "model.fc");
  EXPECT_EQ(linear["module_source"], "parameter");
  EXPECT_EQ(linear["module_call"], 1);
  EXPECT_EQ(node["module"], "model.fc");
  EXPECT_EQ(node["module_source"], "parameter");
  EXPECT_EQ(node["optimizer"], false);
}

TEST(Attribution, PeakOfAModuleIsWhatItsOpsHeldAtOnce) {
  OwnersLog run(TwoLayers());
  LogBuilder& log = run.log;
  const v1::Value tensor = log.Tensor({10});
  const uint32_t linear = log.Op("linear", "", {tensor, tensor});
  log.Begin(1, 10, linear, {{1, 1}, {kFirstWeight, kFirstWeight}}, 1);
  log.Allocate(1, 12, 20, 100);
  log.Allocate(1, 13, 21, 50);
  log.Free(1, 14, 21);
  log.End(1, 20);
  log.Begin(1, 30, linear, {{1, 1}, {kSecondWeight, kSecondWeight}}, 2);
  log.Allocate(1, 32, 22, 70);
  log.End(1, 40);
  const Json modules = JsonOf(Summary, log.Finish())["modules"];
  EXPECT_EQ(Entry(modules, "path", "m.a")["peak_bytes"], 150);
  EXPECT_EQ(Entry(modules, "path", "m.b")["peak_bytes"], 70);
  EXPECT_EQ(Entry(modules, "path", "m")["peak_bytes"], 170);
}

}  // namespace
}  // namespace torchtape::viewer
