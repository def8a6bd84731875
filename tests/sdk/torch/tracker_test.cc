// What a tracker records of a program that uses LibTorch.

#include "torchtape/tracker.h"

#include <gtest/gtest.h>
#include <torch/script.h>
#include <torch/torch.h>

#include <set>
#include <thread>

#include "support/recorded.h"
#include "support/temp_folder.h"
#include "torchtape/range.h"

namespace torchtape::testing {
namespace {

namespace nn = torch::nn;

class TrackerTest : public ::testing::Test {
 protected:
  // Records what `program` does, between "run.tape"'s beginning and end.
  template <typename Program>
  Recorded Record(Program&& program, TrackerOptions options = {}) {
    options.log_path = folder_ / "run.tape";
    Tracker tracker(options);
    EXPECT_TRUE(tracker.status().ok()) << tracker.status();
    program(tracker);
    EXPECT_TRUE(tracker.Stop().ok()) << tracker.status();
    Recorded recorded = ReadRecorded(options.log_path);
    EXPECT_TRUE(recorded.finished);
    EXPECT_FALSE(recorded.damaged);
    EXPECT_EQ(recorded.dropped, 0u);
    return recorded;
  }

  // The only span of that name.
  static RecordedSpan Only(const Recorded& recorded, const std::string& name) {
    const std::vector<RecordedSpan> found = recorded.Named(name);
    EXPECT_EQ(found.size(), 1u) << name;
    return found.empty() ? RecordedSpan() : found[0];
  }

  using Texts = std::vector<std::string>;
  TempFolder folder_;
};

TEST_F(TrackerTest, RecordsAnOpWithItsSchemaAndArguments) {
  const auto x = torch::ones({2, 3}), y = torch::ones({3});
  const auto recorded = Record([&](Tracker&) { torch::add(x, y, 2); });
  const RecordedSpan add = Only(recorded, "aten::add");
  EXPECT_EQ(add.kind, "op");
  EXPECT_EQ(add.overload, "Tensor");
  EXPECT_EQ(add.schema,
            "aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) "
            "-> Tensor");
  EXPECT_EQ(add.arguments, (Texts{"tensor", "tensor", "2"}));
  EXPECT_EQ(add.inputs.at(0).type, "float32[2, 3]");
  EXPECT_EQ(add.inputs.at(1).type, "float32[3]");
  EXPECT_EQ(add.outputs.at(0).type, "float32[2, 3]");
  EXPECT_TRUE(add.ended);
  EXPECT_GT(add.duration_ns, 0u);
}

TEST_F(TrackerTest, RecordsArgumentsOfEveryKind) {
  const auto recorded = Record([&](Tracker&) {
    torch::full({2, 2}, 2.5, torch::kFloat64);
    torch::ones({4}).sum({0}, /*keepdim=*/true);
    torch::gelu(torch::ones({1}), "tanh");
  });
  EXPECT_EQ(Only(recorded, "aten::full").arguments,
            (Texts{"[2, 2]", "2.5", "7", "none", "none", "none"}));
  EXPECT_EQ(Only(recorded, "aten::sum").arguments,
            (Texts{"tensor", "[0]", "true", "none"}));
  EXPECT_EQ(Only(recorded, "aten::gelu").arguments,
            (Texts{"tensor", "\"tanh\""}));
}

TEST_F(TrackerTest, TellsStridesAndOffsetOfViews) {
  const auto x = torch::ones({4, 6});
  const auto recorded = Record([&](Tracker&) { x.t().neg(); });
  const RecordedSpan t = Only(recorded, "aten::t");
  EXPECT_EQ(t.outputs.at(0).strides, (std::vector<int64_t>{1, 6}));
  EXPECT_EQ(t.outputs.at(0).storage, t.inputs.at(0).storage);
  EXPECT_NE(t.outputs.at(0).tensor, t.inputs.at(0).tensor);
  const auto sliced = Record([&](Tracker&) { x.slice(0, 2, 4); });
  EXPECT_EQ(Only(sliced, "aten::slice").outputs.at(0).offset, 12);
}

TEST_F(TrackerTest, TellsAnUndefinedTensorFromAnAbsentOne) {
  const auto x = torch::ones({1, 1, 4, 4});
  const auto w = torch::ones({1, 1, 3, 3});
  const auto recorded = Record([&](Tracker&) {
    torch::conv2d(x, w);  // no bias: None
    auto y = torch::ones({2}, torch::requires_grad());
    // Two results, one of them unused: its gradient is an undefined tensor.
    torch::var_mean(y, {0}, true, false);
    std::get<1>(torch::var_mean(y, {0}, true, false)).backward();
  });
  EXPECT_EQ(Only(recorded, "aten::conv2d").arguments.at(2), "none");
  EXPECT_EQ(Only(recorded, "VarMeanBackward0").arguments,
            (Texts{"undefined", "tensor"}));
}

TEST_F(TrackerTest, RecordsTensorLists) {
  const auto x = torch::ones({2}), y = torch::ones({3});
  const auto recorded = Record([&](Tracker&) { torch::cat({x, y}); });
  const RecordedSpan cat = Only(recorded, "aten::cat");
  EXPECT_EQ(cat.arguments, (Texts{"[tensor, tensor]", "0"}));
  EXPECT_EQ(cat.inputs.at(1).type, "float32[3]");
}

TEST_F(TrackerTest, AnInPlaceOpReturnsItsInput) {
  const auto x = torch::ones({2});
  const auto y = torch::ones({2});
  const auto recorded = Record([&](Tracker&) { x.add_(y).mul_(y); });
  const RecordedSpan add = Only(recorded, "aten::add_");
  const RecordedSpan mul = Only(recorded, "aten::mul_");
  EXPECT_EQ(add.outputs.at(0).tensor, add.inputs.at(0).tensor);
  EXPECT_EQ(mul.inputs.at(0).tensor, add.outputs.at(0).tensor);
}

TEST_F(TrackerTest, IdsAreNeverReusedThoughMemoryIs) {
  const auto x = torch::ones({100});
  const auto recorded = Record([&](Tracker&) {
    for (int i = 0; i < 200; ++i) x.neg();
  });
  std::set<uint64_t> tensors, storages;
  for (const RecordedSpan& neg : recorded.Named("aten::neg")) {
    tensors.insert(neg.outputs.at(0).tensor);
    storages.insert(neg.outputs.at(0).storage);
  }
  EXPECT_EQ(tensors.size(), 200u);
  EXPECT_EQ(storages.size(), 200u);
}

TEST_F(TrackerTest, AnOutputIsTheNextOpsInput) {
  const auto x = torch::ones({2, 2});
  const auto recorded = Record([&](Tracker&) { x.exp().matmul(x).tanh(); });
  EXPECT_EQ(Only(recorded, "aten::matmul").inputs.at(0).tensor,
            Only(recorded, "aten::exp").outputs.at(0).tensor);
  EXPECT_EQ(Only(recorded, "aten::tanh").inputs.at(0).tensor,
            Only(recorded, "aten::matmul").outputs.at(0).tensor);
}

TEST_F(TrackerTest, MemoryIsRecordedInTheOpThatTookIt) {
  const auto recorded = Record([&](Tracker&) { torch::empty({1000}); });
  ASSERT_EQ(recorded.memory.size(), 2u);
  EXPECT_TRUE(recorded.memory.at(0).allocation);
  EXPECT_EQ(recorded.memory.at(0).bytes, 4000u);
  EXPECT_EQ(recorded.memory.at(0).span, "aten::empty");
  EXPECT_FALSE(recorded.memory.at(1).allocation);
  EXPECT_EQ(recorded.memory.at(1).storage, recorded.memory.at(0).storage);
  EXPECT_EQ(recorded.memory.at(1).span, "");
}

TEST_F(TrackerTest, WritesTheModuleTreeAndWhichParametersAnOpReads) {
  nn::Sequential model(nn::Linear(3, 4), nn::BatchNorm1d(4));
  model->eval();
  const auto recorded = Record([&](Tracker& tracker) {
    tracker.Attach(*model, "model");
    model->forward(torch::ones({2, 3}));
  });
  EXPECT_EQ(recorded.modules, (Texts{"model torch::nn::SequentialImpl",
                                     "model.0 torch::nn::LinearImpl",
                                     "model.1 torch::nn::BatchNorm1dImpl"}));
  ASSERT_EQ(recorded.parameters.size(), 7u);
  const RecordedParameter& weight = recorded.parameters.at(0);
  EXPECT_EQ(weight.path, "model.0.weight");
  EXPECT_EQ(weight.module_path, "model.0");
  EXPECT_EQ(weight.type, "float32[4, 3]");
  EXPECT_EQ(weight.bytes, 48u);
  EXPECT_EQ(Only(recorded, "aten::t").inputs.at(0).tensor, weight.tensor);
  EXPECT_EQ(Only(recorded, "aten::t").inputs.at(0).storage, weight.storage);
  EXPECT_TRUE(recorded.parameters.at(4).buffer);
}

struct TiedImpl : nn::Module {
  TiedImpl() {
    first = register_module("first", nn::Linear(2, 2));
    second = register_module("second", nn::Linear(2, 2));
    second->weight = second->register_parameter("tied", first->weight);
  }
  nn::Linear first{nullptr}, second{nullptr};
};

TEST_F(TrackerTest, ASharedParameterIsWrittenOnceWithAllItsPaths) {
  TiedImpl model;
  const auto recorded =
      Record([&](Tracker& tracker) { tracker.Attach(model, "m"); });
  EXPECT_EQ(recorded.parameters.at(0).path, "m.first.weight");
  EXPECT_EQ(recorded.parameters.at(0).aliases, (Texts{"m.second.tied"}));
  EXPECT_EQ(recorded.modules[0],
            "m torchtape::testing::(anonymous namespace)::TiedImpl training");
}

TEST_F(TrackerTest, TorchScriptModulesAreAttachedAndTheirCallsRecorded) {
  torch::jit::Module module("Scripted");
  module.register_parameter("weight", torch::ones({2}), false);
  module.define("def forward(self, x):\n  return torch.sin(x) * self.weight\n");
  const auto recorded = Record([&](Tracker& tracker) {
    tracker.Attach(module, "scripted");
    module.forward({torch::ones({2})});
  });
  EXPECT_EQ(recorded.parameters.at(0).path, "scripted.weight");
  EXPECT_EQ(Only(recorded, "aten::mul").inputs.at(1).storage,
            recorded.parameters.at(0).storage);
  EXPECT_EQ(recorded.Named("forward").at(0).kind, "script");
}

TEST_F(TrackerTest, ABackwardNodeIsLinkedToItsForwardOp) {
  const auto x = torch::ones({2}, torch::requires_grad());
  const auto recorded = Record([&](Tracker&) { x.tanh().sum().backward(); });
  const RecordedSpan forward = Only(recorded, "aten::tanh");
  const RecordedSpan node = Only(recorded, "TanhBackward0");
  EXPECT_EQ(node.kind, "backward");
  EXPECT_EQ(node.sequence, forward.sequence);
  EXPECT_EQ(node.forward_thread, forward.torch_thread);
  EXPECT_FALSE(forward.in_backward);
  EXPECT_TRUE(Only(recorded, "aten::tanh_backward").in_backward);
  EXPECT_TRUE(forward.inputs.at(0).requires_grad);
}

TEST_F(TrackerTest, OpsOfPlainThreadsAreRecorded) {
  const auto recorded = Record([&](Tracker&) {
    torch::ones({1}).neg();
    std::thread([] { torch::ones({1}).exp(); }).join();
    std::thread([] { torch::ones({1}).sin(); }).join();
  });
  EXPECT_EQ(recorded.threads, 3u);
  EXPECT_EQ(Only(recorded, "aten::neg").thread, 1u);
  EXPECT_EQ(Only(recorded, "aten::exp").thread, 2u);
  EXPECT_EQ(Only(recorded, "aten::sin").thread, 3u);
}

TEST_F(TrackerTest, OpsWithoutGradientsAreRecorded) {
  const auto x = torch::ones({2}, torch::requires_grad());
  const auto recorded = Record([&](Tracker&) {
    {
      torch::NoGradGuard guard;
      x.exp();
    }
    c10::InferenceMode guard;
    x.sin();
  });
  EXPECT_EQ(Only(recorded, "aten::exp").sequence, -1);
  EXPECT_FALSE(Only(recorded, "aten::exp").outputs.at(0).requires_grad);
  EXPECT_EQ(Only(recorded, "aten::sin").sequence, -1);
}

TEST_F(TrackerTest, AnOpThatThrewIsMarkedAndTrainingGoesOn) {
  const auto recorded = Record([&](Tracker&) {
    EXPECT_THROW(torch::ones({2}).matmul(torch::ones({3})), c10::Error);
    torch::ones({2}).neg();
  });
  EXPECT_TRUE(Only(recorded, "aten::matmul").threw);
  EXPECT_TRUE(Only(recorded, "aten::matmul").outputs.empty());
  EXPECT_FALSE(Only(recorded, "aten::neg").threw);
  EXPECT_EQ(Only(recorded, "aten::neg").parent, "");
}

TEST_F(TrackerTest, RangesStepsAndValuesAreRecorded) {
  const auto recorded = Record([&](Tracker& tracker) {
    for (int i = 0; i < 3; ++i) {
      Range outer("train");
      Range inner("forward");
      torch::ones({1});
      tracker.Log("loss", i * 0.5);
      tracker.Step();
    }
  });
  EXPECT_EQ(recorded.steps, 3u);
  EXPECT_EQ(recorded.values.at("loss"), (std::vector<double>{0, 0.5, 1}));
  EXPECT_EQ(recorded.Named("train").size(), 3u);
  EXPECT_EQ(recorded.Named("forward")[1].parent, "train");
  EXPECT_EQ(recorded.Named("aten::ones")[2].parent, "forward");
  EXPECT_EQ(recorded.Named("aten::ones")[2].step, 2u);
}

TEST_F(TrackerTest, OnlyScheduledStepsAreRecordedAndNothingIsHookedBetween) {
  TrackerOptions options;
  options.op_source = OpSource::kCallbacks;  // taps_test does it for taps
  options.schedule.wait = 2;
  options.schedule.warmup = 1;
  options.schedule.active = 2;
  options.schedule.repeat = 1;
  std::vector<bool> hooked;
  const auto recorded = Record(
      [&](Tracker& tracker) {
        for (int i = 0; i < 8; ++i) {
          hooked.push_back(at::hasCallbacks());
          torch::ones({1});
          tracker.Step();
        }
      },
      options);
  EXPECT_EQ(hooked, (std::vector<bool>{0, 0, 1, 1, 1, 0, 0, 0}));
  EXPECT_EQ(recorded.recorded_steps, (std::vector<uint64_t>{3, 4}));
  ASSERT_EQ(recorded.Named("aten::ones").size(), 2u);
  EXPECT_EQ(recorded.Named("aten::ones")[0].step, 3u);
  EXPECT_EQ(recorded.steps, 8u);
}

TEST_F(TrackerTest, AThreadIsKnownByLibTorchsNumberThoughItJoinedUnhooked) {
  TrackerOptions options;
  options.schedule.skip_first = 1;
  const auto recorded = Record(
      [&](Tracker& tracker) {
        tracker.Step();
        torch::ones({1}).neg();
      },
      options);
  EXPECT_EQ(Only(recorded, "aten::neg").torch_thread,
            at::RecordFunction::currentThreadId());
}

TEST_F(TrackerTest, WhatIsSwitchedOffIsAbsent) {
  TrackerOptions options;
  options.shapes = options.memory = options.backward = false;
  const auto x = torch::ones({2}, torch::requires_grad());
  const auto recorded =
      Record([&](Tracker&) { x.tanh().sum().backward(); }, options);
  EXPECT_TRUE(Only(recorded, "aten::tanh").arguments.empty());
  EXPECT_TRUE(Only(recorded, "aten::tanh").inputs.empty());
  EXPECT_TRUE(Only(recorded, "aten::tanh").outputs.empty());
  EXPECT_TRUE(recorded.memory.empty());
  EXPECT_TRUE(recorded.Named("TanhBackward0").empty());
  EXPECT_EQ(recorded.Named("aten::tanh_backward").size(), 1u);
}

TEST_F(TrackerTest, TheLeastBoundStillRecords) {
  TrackerOptions options;
  options.max_buffer_bytes = 1 << 20;
  const auto recorded =
      Record([&](Tracker&) { torch::ones({1}).neg(); }, options);
  EXPECT_EQ(recorded.Named("aten::neg").size(), 1u);
}

TEST_F(TrackerTest, ASecondTrackerIsOffAndTheFirstGoesOn) {
  const auto recorded = Record([&](Tracker&) {
    Tracker second(folder_ / "second.tape");
    EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
    second.Step();
    EXPECT_FALSE(second.Stop().ok());
    torch::ones({1});
  });
  EXPECT_EQ(recorded.Named("aten::ones").size(), 1u);
  EXPECT_EQ(recorded.steps, 0u);
}

TEST_F(TrackerTest, ATrackerThatCannotRecordIsOffAndSaysWhy) {
  Tracker tracker((folder_ / "missing") + "/run.tape");
  EXPECT_EQ(tracker.status().code(), absl::StatusCode::kNotFound);
  tracker.Step();
  tracker.Log("loss", 1);
  EXPECT_FALSE(at::hasCallbacks());
  EXPECT_EQ(tracker.Stop().code(), absl::StatusCode::kNotFound);
}

// Weights after training, bit for bit.
std::vector<torch::Tensor> Train(int steps) {
  torch::manual_seed(7);
  nn::Sequential net(nn::Linear(8, 16), nn::ReLU(), nn::Dropout(0.2),
                     nn::Linear(16, 4));
  torch::optim::Adam optimizer(net->parameters());
  const auto x = torch::randn({16, 8}), target = torch::randn({16, 4});
  for (int i = 0; i < steps; ++i) {
    optimizer.zero_grad();
    torch::mse_loss(net->forward(x), target).backward();
    optimizer.step();
  }
  return net->parameters();
}

TEST_F(TrackerTest, TrainingIsBitIdenticalWithAndWithoutATracker) {
  const auto without = Train(50);
  std::vector<torch::Tensor> with;
  Record([&](Tracker&) { with = Train(50); });
  ASSERT_EQ(with.size(), without.size());
  for (size_t i = 0; i < with.size(); ++i) {
    EXPECT_TRUE(with[i].equal(without[i])) << i;
  }
}

TEST_F(TrackerTest, StopWhileOtherThreadsTrain) {
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const auto x = torch::ones({4}, torch::requires_grad());
      while (!stop) x.tanh().sum().backward();
    });
  }
  for (int i = 0; i < 20; ++i) {
    Tracker tracker(folder_ / "run.tape");
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    const absl::Status status = tracker.Stop();
    EXPECT_TRUE(status.ok() || absl::IsDataLoss(status)) << status;
    EXPECT_FALSE(ReadRecorded(folder_ / "run.tape").damaged);
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace torchtape::testing
