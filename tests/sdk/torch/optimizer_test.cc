// Steps of optimizers are ranges around their ops, however they are called, and
// compute what they compute without a tracker.

#include <gtest/gtest.h>
#include <torch/torch.h>
#include <torchtape/tracker.h>

#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/recorded.h"
#include "support/temp_folder.h"

namespace torchtape::testing {
namespace {

using torch::optim::Optimizer;
using Parameters = std::vector<torch::Tensor>;

template <typename Kind>
std::unique_ptr<Optimizer> Make(const Parameters& parameters) {
  if constexpr (std::is_same_v<Kind, torch::optim::SGD>) {
    return std::make_unique<Kind>(parameters, /*lr=*/0.1);
  } else {
    return std::make_unique<Kind>(parameters);
  }
}

// Calls that the compiler may make without the table of virtual functions.
template <typename Kind>
void StepDirectly(Optimizer* optimizer, Optimizer::LossClosure closure) {
  static_cast<Kind*>(optimizer)->Kind::step(closure);
}

struct Case {
  const char* name;
  std::unique_ptr<Optimizer> (*make)(const Parameters&);
  void (*step_directly)(Optimizer*, Optimizer::LossClosure);
};

#define CASE(kind)                                                          \
  Case {                                                                    \
#kind, &Make < torch::optim::kind>, &StepDirectly < torch::optim::kind> \
  }

class OptimizerTest : public ::testing::TestWithParam<Case> {
 protected:
  // Trains the same few steps each time; returns what became of the weights.
  // The first two steps are called by type, the others through the base.
  torch::Tensor Train(const std::function<void()>& after_step) {
    torch::manual_seed(1);
    torch::nn::Linear net(4, 2);
    const auto x = torch::randn({8, 4}), y = torch::randn({8, 2});
    const auto optimizer = GetParam().make(net->parameters());
    const auto loss = [&] {
      optimizer->zero_grad();
      auto value = torch::mse_loss(net(x), y);
      value.backward();
      return value;
    };
    for (int i = 0; i < 4; ++i) {
      loss();
      if (i < 2) {
        GetParam().step_directly(optimizer.get(), loss);
      } else {
        optimizer->step(loss);
      }
      after_step();
    }
    return net->weight.detach().clone();
  }
  Recorded Record(torch::Tensor* weight) {
    Tracker tracker(folder_ / "run.tape");
    *weight = Train([&] { tracker.Step(); });
    EXPECT_TRUE(tracker.Stop().ok()) << tracker.status();
    return ReadRecorded(folder_ / "run.tape");
  }

  TempFolder folder_;
};

TEST_P(OptimizerTest, EachStepIsARangeAroundItsOps) {
  torch::Tensor weight;
  const Recorded recorded = Record(&weight);
  const std::string name =
      std::string("Optimizer.step#") + GetParam().name + ".step";
  const auto steps = recorded.Named(name);
  ASSERT_EQ(steps.size(), 4u);
  for (size_t i = 0; i < steps.size(); ++i) {
    EXPECT_EQ(steps[i].kind, "range");
    EXPECT_EQ(steps[i].step, i);
    EXPECT_EQ(steps[i].parent, "");
    EXPECT_EQ(steps[i].call_site, "optimizer_test");
    EXPECT_TRUE(steps[i].ended);
  }
  size_t changes = 0;  // of weights, each in a step of its own
  for (const RecordedSpan& span : recorded.spans) {
    const bool in_place = span.kind == "op" && span.name.back() == '_' &&
                          span.name.substr(0, 9) == "aten::add";
    if (in_place && span.parent == name) ++changes;
  }
  EXPECT_GE(changes, 4u);
}

TEST_P(OptimizerTest, TheWeightsAreTheSameToTheLastBit) {
  const torch::Tensor bare = Train([] {});
  torch::Tensor recorded;
  Record(&recorded);
  ASSERT_EQ(bare.nbytes(), recorded.nbytes());
  EXPECT_EQ(std::memcmp(bare.data_ptr(), recorded.data_ptr(), bare.nbytes()),
            0);
}

INSTANTIATE_TEST_SUITE_P(All, OptimizerTest,
                         ::testing::Values(CASE(SGD), CASE(Adam), CASE(AdamW),
                                           CASE(RMSprop), CASE(Adagrad),
                                           CASE(LBFGS)),
                         [](const auto& info) {
                           return std::string(info.param.name);
                         });

TEST(Optimizers, AreToldOnceWithTheParametersOfTheirGroups) {
  TempFolder folder;
  torch::nn::Linear a(2, 2), b(2, 2);
  torch::optim::SGD two({torch::optim::OptimizerParamGroup(a->parameters()),
                         torch::optim::OptimizerParamGroup({b->bias})},
                        torch::optim::SGDOptions(0.1));
  torch::optim::SGD other({b->weight}, 0.1);
  Tracker tracker(folder / "run.tape");
  tracker.Attach(*a, "a");
  tracker.Attach(*b, "b");
  for (int i = 0; i < 3; ++i) {
    b(a(torch::ones({2}))).sum().backward();
    two.step();
    other.step();
    tracker.Step();
  }
  EXPECT_TRUE(tracker.Stop().ok());
  const Recorded recorded = ReadRecorded(folder / "run.tape");
  std::map<std::string, uint64_t> storages;
  for (const RecordedParameter& parameter : recorded.parameters) {
    storages[parameter.path] = parameter.storage;
  }
  const std::map<std::string, std::vector<uint64_t>> groups = {
      {"SGD#1.0", {storages["a.weight"], storages["a.bias"]}},
      {"SGD#1.1", {storages["b.bias"]}},
      {"SGD#2.0", {storages["b.weight"]}}};
  EXPECT_EQ(recorded.optimizers, groups);
}

TEST(Optimizers, OneThatGetsAnotherGroupIsToldAgainUnderItsName) {
  TempFolder folder;
  torch::nn::Linear a(2, 2);
  torch::optim::SGD optimizer({a->weight}, 0.1);
  Tracker tracker(folder / "run.tape");
  optimizer.step();
  optimizer.add_param_group(torch::optim::OptimizerParamGroup({a->bias}));
  optimizer.step();
  EXPECT_TRUE(tracker.Stop().ok());
  const Recorded recorded = ReadRecorded(folder / "run.tape");
  ASSERT_EQ(recorded.optimizers.size(), 2u);
  EXPECT_EQ(recorded.optimizers.count("SGD#1.1"), 1u);
}

// What LibTorch's own `step` does for them, it does under its own name.
struct Inherits : torch::optim::SGD {
  using SGD::SGD;
};
struct Calls : torch::optim::SGD {
  using SGD::SGD;
  torch::Tensor step(LossClosure closure) override {
    return SGD::step(closure);
  }
};

class SubclassTest : public ::testing::Test {
 protected:
  const Parameters parameters_ = {torch::ones({2}, torch::requires_grad())};
  TempFolder folder_;
};

TEST_F(SubclassTest, SubclassesOfLibTorchsOptimizersAreSeen) {
  Inherits inherits(parameters_, 0.1);
  Calls calls(parameters_, 0.1);
  Tracker tracker(folder_ / "run.tape");
  for (Optimizer* optimizer :
       {static_cast<Optimizer*>(&inherits), static_cast<Optimizer*>(&calls)}) {
    optimizer->step();
  }
  ASSERT_TRUE(tracker.Stop().ok());
  EXPECT_EQ(ReadRecorded(folder_ / "run.tape")
                .Named("Optimizer.step#SGD.step")
                .size(),
            2u);
}

TEST_F(SubclassTest, AStepThatThrowsThrowsAndIsTold) {
  torch::optim::SGD optimizer(parameters_, 0.1);
  Tracker tracker(folder_ / "run.tape");
  const auto fail = []() -> torch::Tensor { throw std::domain_error("loss"); };
  EXPECT_THROW(optimizer.step(fail), std::domain_error);
  optimizer.step();
  ASSERT_TRUE(tracker.Stop().ok());
  const auto steps =
      ReadRecorded(folder_ / "run.tape").Named("Optimizer.step#SGD.step");
  ASSERT_EQ(steps.size(), 2u);
  EXPECT_TRUE(steps[0].threw);
  EXPECT_FALSE(steps[1].threw);
}

// The table of virtual functions that calls through a base read. It may be the
// program's copy of LibTorch's.
std::vector<void*> VirtualsOf(const Optimizer& optimizer) {
  void* const* const table = *reinterpret_cast<void* const* const*>(&optimizer);
  return {table, table + 3};  // destroy, delete, step
}

TEST_F(SubclassTest, TablesOfVirtualFunctionsAreAsBeforeOnceRecordingStops) {
  torch::optim::SGD sgd(parameters_, 0.1);
  Inherits inherits(parameters_, 0.1);
  for (const Optimizer* optimizer :
       {static_cast<Optimizer*>(&sgd), static_cast<Optimizer*>(&inherits)}) {
    const auto before = VirtualsOf(*optimizer);
    Tracker tracker(folder_ / "run.tape");
    EXPECT_NE(VirtualsOf(*optimizer), before);
    ASSERT_TRUE(tracker.Stop().ok());
    EXPECT_EQ(VirtualsOf(*optimizer), before);
  }
}

}  // namespace
}  // namespace torchtape::testing
