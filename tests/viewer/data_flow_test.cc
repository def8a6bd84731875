#include "modules/data_flow.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "viewer/owners.h"

namespace torchtape::viewer {
namespace {

using testing::ElementsAre;

constexpr char kInPlace[] =
    "aten::addcdiv_(Tensor(a!) self, Tensor a, Tensor b) -> Tensor(a!)";

TEST(DataFlow, OpsBetweenTwoModulesBelongToTheOneThatHoldsBoth) {
  OwnersLog run(TwoLayers());
  run.Op("linear", {1, kFirstWeight}, {2}, 1);
  run.Op("relu", {2}, {3}, 2);
  run.Op("dropout", {3}, {4}, 3);
  run.Op("linear", {4, kSecondWeight}, {5}, 4);
  EXPECT_THAT(
      run.Owners(),
      ElementsAre("linear: m.a by parameter", "relu: m by inferred",
                  "dropout: m by inferred", "linear: m.b by parameter"));
}

TEST(DataFlow, OpsWithinOneModuleBelongToIt) {
  OwnersLog run(TwoLayers());
  run.Op("mul", {1, kSecondWeight}, {2}, 1);
  run.Op("relu", {2}, {3}, 2);
  run.Op("add", {3, kSecondBias}, {4}, 3);
  EXPECT_THAT(run.Owners(),
              ElementsAre("mul: m.b by parameter", "relu: m.b by inferred",
                          "add: m.b by parameter"));
}

// What two blocks do that end in `x + f(x)`.
TEST(DataFlow, WhatComesByAResidualConnectionDoesNotCountBesideAModule) {
  OwnersLog run(TwoLayers());
  run.Op("linear", {1, kFirstWeight}, {2}, 1);
  run.Op("relu", {2}, {3}, 2);
  run.Op("mul", {3, kSecondWeight}, {4}, 3);
  run.Op("add_", {4, 3}, {5}, 4);
  run.Op("tanh", {5}, {6}, 5);
  run.Op("mul", {6, kSecondBias}, {7}, 6);
  run.Op("add_", {7, 6}, {8}, 7);
  run.Op("linear", {8, kFirstWeight}, {9}, 8);
  EXPECT_THAT(run.Owners(),
              ElementsAre("linear: m.a by parameter", "relu: m by inferred",
                          "mul: m.b by parameter", "add_: m.b by inferred",
                          "tanh: m.b by inferred", "mul: m.b by parameter",
                          "add_: m by inferred", "linear: m.a#2 by parameter"));
}

TEST(DataFlow, InputsAndLossesAreOutsideOfTheModel) {
  OwnersLog run(TwoLayers());
  run.Op("load", {1}, {2}, 1);
  run.Op("linear", {2, kFirstWeight}, {3}, 2);
  run.Op("loss", {3, 9}, {4}, 3);
  EXPECT_THAT(
      run.Owners(),
      ElementsAre("load: none", "linear: m.a by parameter", "loss: none"));
}

TEST(DataFlow, ConstantMadeDuringTheForwardPassIsPartOfIt) {
  OwnersLog run(TwoLayers());
  run.Op("randn", {}, {1}, 1);
  run.Op("linear", {1, kFirstWeight}, {2}, 2);
  run.Op("ones", {}, {3}, 3);
  run.Op("triu", {3}, {4}, 4);
  run.Op("mul", {2, 4}, {5}, 5);
  run.Op("linear", {5, kSecondWeight}, {6}, 6);
  EXPECT_THAT(run.Owners(),
              ElementsAre("randn: none", "linear: m.a by parameter",
                          "ones: m by inferred", "triu: m by inferred",
                          "mul: m by inferred", "linear: m.b by parameter"));
}

TEST(DataFlow, ViewThatNoOpMadeIsKnownByItsStorage) {
  OwnersLog run(TwoLayers());
  run.Op("linear", {1, kFirstWeight}, {2}, 1);
  run.OpOn("relu", {{77, 2}}, {{3, 3}}, 2);
  run.Op("linear", {3, kSecondWeight}, {4}, 3);
  EXPECT_EQ(run.Owners()[1], "relu: m by inferred");
}

TEST(DataFlow, WhatOnlyAnOptimizerReadsIsTheOptimizers) {
  OwnersLog run(TwoLayers());
  run.Op("aten::mul_", {50}, {50});
  run.Op("aten::sqrt", {50}, {51});
  run.Op("aten::addcdiv_", {kFirstWeight, 52, 51}, {kFirstWeight}, {},
         kInPlace);
  EXPECT_THAT(run.Owners(),
              ElementsAre("aten::mul_: optimizer by inferred",
                          "aten::sqrt: optimizer by inferred",
                          "aten::addcdiv_: optimizer by parameter"));
}

TEST(DataFlow, WhatOthersReadTooIsNotTheOptimizers) {
  OwnersLog run(TwoLayers());
  run.Op("aten::uniform_", {50}, {50});
  run.Op("aten::linear", {60, 50}, {61});  // of a model that is not attached
  run.Op("aten::addcdiv_", {kFirstWeight, 52, 50}, {kFirstWeight}, {},
         kInPlace);
  EXPECT_THAT(run.Owners(),
              ElementsAre("aten::uniform_: none", "aten::linear: none",
                          "aten::addcdiv_: optimizer by parameter"));
}

TEST(DataFlow, StepsDoNotFlowIntoEachOther) {
  OwnersLog run(TwoLayers());
  run.Op("linear", {1, kFirstWeight}, {2}, 1);
  run.Step(1);
  run.Op("relu", {2}, {3}, 2);
  run.Op("linear", {3, kSecondWeight}, {4}, 3);
  EXPECT_EQ(run.Owners()[1], "relu: none");
}

TEST(DataFlow, ModelsThatHaveNothingInCommonDoNotShareAnOp) {
  v1::Model other = TwoLayers();
  other.set_name("n");
  for (v1::Module& module : *other.mutable_modules()) {
    module.set_path("n" + module.path().substr(1));
  }
  for (v1::Parameter& parameter : *other.mutable_parameters()) {
    parameter.set_storage(parameter.storage() + 1000);
  }
  OwnersLog run(TwoLayers());
  run.log.Model(other);
  run.Op("linear", {1, kFirstWeight}, {2}, 1);
  run.Op("detach", {2}, {3}, 2);
  run.Op("linear", {3, kFirstWeight + 1000}, {4}, 3);
  EXPECT_THAT(run.Owners(),
              ElementsAre("linear: m.a by parameter", "detach: none",
                          "linear: n.a by parameter"));
}

}  // namespace
}  // namespace torchtape::viewer
