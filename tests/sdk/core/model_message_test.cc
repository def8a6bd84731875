#include "core/model_message.h"

#include "gtest/gtest.h"

namespace torchtape::internal {
namespace {

TEST(ModelMessage, KeepsTheTreeOfModules) {
  ModelFacts facts;
  facts.name = "net";
  ModuleFacts net;
  net.path = "net";
  net.type = "Net";
  net.training = true;
  ModuleFacts layer;
  layer.path = "net.fc";
  layer.type = "Linear";
  layer.parent = 1;
  facts.modules = {net, layer};
  EXPECT_EQ(ToMessage(facts).ShortDebugString(),
            R"(name: "net" modules { path: "net" type: "Net" training: true } )"
            R"(modules { path: "net.fc" type: "Linear" parent: 1 })");
}

TEST(ModelMessage, KeepsParameters) {
  ModelFacts facts;
  ParameterFacts& weight = facts.parameters.emplace_back();
  weight.path = "net.fc.weight";
  weight.aliases = {"net.tied"};
  weight.module = 2;
  weight.defined = true;
  weight.tensor_address = 5;
  weight.memory_address = 6;
  weight.bytes = 24;
  weight.dtype = 6;
  weight.requires_grad = true;
  weight.sizes = {2, 3};
  weight.strides = {1, 2};
  weight.strided = true;
  EXPECT_EQ(
      ToMessage(facts).parameters(0).ShortDebugString(),
      R"(path: "net.fc.weight" aliases: "net.tied" module: 2 tensor: 5 )"
      R"(storage: 6 type { dtype: 6 device_index: -1 requires_grad: true )"
      R"(sizes: 2 sizes: 3 strides: 1 strides: 2 )"
      R"(strided_explicitly: true } bytes: 24 defined: true)");
}

TEST(ModelMessage, UndefinedParameterHasNoTensor) {
  ModelFacts facts;
  facts.parameters.emplace_back().path = "net.bias";
  facts.parameters.back().tensor_address = 5;
  EXPECT_EQ(ToMessage(facts).parameters(0).ShortDebugString(),
            R"(path: "net.bias")");
}

}  // namespace
}  // namespace torchtape::internal
