// What autograd keeps for the backward pass is what a forward pass leaves in
// memory, to the byte; and the backward pass lets all of it go.

#include <gtest/gtest.h>
#include <torch/torch.h>
#include <torchtape/tracker.h>

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "support/recorded.h"
#include "support/temp_folder.h"

namespace torchtape::testing {
namespace {

namespace nn = torch::nn;
using Forward = std::function<torch::Tensor()>;

Forward Mlp() {
  nn::Sequential net(nn::Linear(16, 32), nn::ReLU(), nn::Linear(32, 10));
  const auto x = torch::randn({8, 16});
  return [=]() mutable { return net->forward(x).sigmoid().mean(); };
}

Forward Cnn() {
  nn::Sequential net(nn::Conv2d(nn::Conv2dOptions(1, 8, 3)), nn::BatchNorm2d(8),
                     nn::ReLU(), nn::MaxPool2d(2), nn::Flatten(),
                     nn::Linear(8 * 5 * 5, 10));
  const auto x = torch::randn({8, 1, 12, 12});
  return
      [=]() mutable { return torch::log_softmax(net->forward(x), 1).mean(); };
}

Forward Transformer() {
  nn::TransformerEncoder net(nn::TransformerEncoderOptions(
      nn::TransformerEncoderLayerOptions(32, 4).dim_feedforward(64), 2));
  const auto x = torch::randn({10, 4, 32});
  return [=]() mutable { return net->forward(x).pow(2).mean(); };
}

Forward Lstm() {
  nn::LSTM net(nn::LSTMOptions(16, 16).num_layers(2));
  const auto x = torch::randn({12, 4, 16});
  return [=]() mutable { return std::get<0>(net->forward(x)).sum(); };
}

struct Case {
  const char* name;
  Forward (*make)();
  OpSource source;
};

class SavedTensors : public ::testing::TestWithParam<Case> {
 protected:
  // What is recorded of `body`, after the same of another step.
  Recorded Record(const std::function<void()>& body) {
    body();
    TrackerOptions options;
    options.log_path = folder_ / "run.tape";
    options.op_source = GetParam().source;
    Tracker tracker(options);
    body();
    EXPECT_TRUE(tracker.Stop().ok());
    return ReadRecorded(options.log_path);
  }

  TempFolder folder_;
};

TEST_P(SavedTensors, AreWhatAForwardPassLeavesInMemory) {
  const Forward forward = GetParam().make();
  std::vector<torch::Tensor> losses;  // which hold their graphs
  const Recorded recorded = Record([&] { losses.push_back(forward()); });
  std::map<uint64_t, uint64_t> live;  // bytes by storage
  for (const RecordedMemory& each : recorded.memory) {
    if (each.allocation) live[each.storage] = each.bytes;
    if (!each.allocation) live.erase(each.storage);
  }
  uint64_t left = 0;
  for (const auto& [storage, bytes] : live) left += bytes;
  uint64_t saved = 0;
  std::set<uint64_t> counted;
  for (const RecordedSave& each : recorded.saved) {
    EXPECT_TRUE(each.kept);
    EXPECT_NE(each.span, "");
    if (live.count(each.storage) == 0) continue;  // a weight or the input
    EXPECT_EQ(each.bytes, live[each.storage]);
    if (counted.insert(each.storage).second) saved += each.bytes;
  }
  EXPECT_GT(saved, 0u);
  EXPECT_EQ(saved, left - losses[0].nbytes());
}

TEST_P(SavedTensors, AreAllReleasedByTheBackwardPass) {
  const Forward forward = GetParam().make();
  const Recorded recorded = Record([&] { forward().backward(); });
  std::map<uint64_t, int> kept;
  for (const RecordedSave& each : recorded.saved) {
    kept[each.storage] += each.kept ? 1 : -1;
  }
  EXPECT_GT(kept.size(), 3u);
  for (const auto& [storage, times] : kept) EXPECT_EQ(times, 0) << storage;
}

INSTANTIATE_TEST_SUITE_P(
    All, SavedTensors,
    ::testing::Values(Case{"Mlp", &Mlp, OpSource::kAuto},
                      Case{"Cnn", &Cnn, OpSource::kAuto},
                      Case{"Transformer", &Transformer, OpSource::kAuto},
                      Case{"Lstm", &Lstm, OpSource::kAuto},
                      Case{"WithCallbacks", &Mlp, OpSource::kCallbacks}),
    [](const auto& info) { return info.param.name; });

TEST(SavedTensorsOption, TurnsThemOff) {
  TempFolder folder;
  TrackerOptions options;
  options.log_path = folder / "run.tape";
  options.saved_tensors = false;
  const Forward forward = Mlp();
  Tracker tracker(options);
  forward().backward();
  EXPECT_TRUE(tracker.Stop().ok());
  EXPECT_TRUE(ReadRecorded(options.log_path).saved.empty());
}

#if TORCH_VERSION_MAJOR >= 2 && TORCH_VERSION_MINOR >= 5

// As those of a tracer do, which stand for tensors that are elsewhere.
TEST(SavedTensorsWithoutMemory, ThrowNothingIntoTheTraining) {
  const auto tensor = torch::ones({4});
  tensor.storage()
      .unsafeGetStorageImpl()
      ->release_data_and_set_meta_custom_data_ptr_error_msg_("not here");
  ASSERT_ANY_THROW(tensor.storage().data());
  TempFolder folder;
  Tracker tracker(folder / "run.tape");
  torch::autograd::SavedVariable saved(tensor, false);
  saved.reset_data();
  EXPECT_TRUE(tracker.Stop().ok());
  EXPECT_TRUE(ReadRecorded(folder / "run.tape").saved.empty());
}

#endif

}  // namespace
}  // namespace torchtape::testing
