// A deep Q-network (Mnih et al., 2015) that learns from the guesses of an older
// copy of itself, the target network.

#include "training.h"

namespace zoo {
namespace {

constexpr int64_t kActions = 4;
constexpr int64_t kMoves = 16;

struct QNetworkImpl : nn::Module {
  nn::Conv2d conv1 = register_module(
      "conv1", nn::Conv2d(nn::Conv2dOptions(4, 32, 8).stride(4)));
  nn::Conv2d conv2 = register_module(
      "conv2", nn::Conv2d(nn::Conv2dOptions(32, 64, 4).stride(2)));
  nn::Conv2d conv3 =
      register_module("conv3", nn::Conv2d(nn::Conv2dOptions(64, 64, 3)));
  nn::Linear fc1 = register_module("fc1", nn::Linear(64 * 7 * 7, 512));
  nn::Linear fc2 = register_module("fc2", nn::Linear(512, kActions));

  // [batch, 4, 84, 84], from 0 to 255 -> [batch, actions]
  Tensor forward(const Tensor& frames) {
    Tensor x = frames.to(torch::kFloat) / 255;
    x = F::relu(conv1(x));
    x = F::relu(conv2(x));
    x = F::relu(conv3(x));
    return fc2(F::relu(fc1(x.view({x.size(0), -1}))));
  }
};
TORCH_MODULE(QNetwork);

void CopyParameters(const QNetwork& from, QNetwork* to) {
  torch::NoGradGuard no_grad;
  const auto source = from->parameters();
  auto target = (*to)->parameters();
  for (size_t i = 0; i < source.size(); ++i) target[i].copy_(source[i]);
}

Training MakeDqn() {
  QNetwork policy, target;
  CopyParameters(policy, &target);
  const auto frames = [] {
    return torch::randint(0, 256, {kMoves, 4, 84, 84}, torch::kByte);
  };
  const Tensor before = frames(), after = frames();
  const Tensor actions = torch::randint(0, kActions, {kMoves, 1});
  const Tensor rewards = torch::randn({kMoves});
  auto optimizer =
      std::make_shared<torch::optim::RMSprop>(policy->parameters(), 2.5e-4);
  const auto step = [=]() mutable {
    const Tensor guess = policy(before).gather(1, actions).squeeze(1);
    Tensor best;
    {
      torch::NoGradGuard no_grad;
      best = std::get<0>(target(after).max(1));
    }
    const Tensor loss = torch::smooth_l1_loss(guess, rewards + 0.99 * best);
    optimizer->zero_grad();
    loss.backward();
    for (Tensor& parameter : policy->parameters()) {
      parameter.mutable_grad().clamp_(-1, 1);
    }
    optimizer->step();
    CopyParameters(policy, &target);
  };
  return {{{"policy", policy.ptr()}, {"target", target.ptr()}}, step};
}

}  // namespace

std::vector<Model> Dqns() {
  // Each: 4 x 32 x 64 + 32, 32 x 64 x 16 + 64, 64 x 64 x 9 + 64,
  // 3136 x 512 + 512, 512 x 4 + 4.
  return {{"DQN", 2 * 1686180, MakeDqn}};
}

}  // namespace zoo
