#include "trainings.h"

#include <torch/torch.h>

#include <memory>

namespace torchtape::benchmarks {
namespace {

namespace nn = torch::nn;

Training MakeMlp() {
  nn::Sequential net(nn::Linear(16, 16), nn::ReLU(), nn::Linear(16, 16),
                     nn::ReLU(), nn::Linear(16, 10));
  auto optimizer =
      std::make_shared<torch::optim::Adam>(net->parameters(), 1e-3);
  auto input = torch::randn({32, 16});
  auto target = torch::randint(0, 10, {32}, torch::kLong);
  return {
      "mlp",
      [=]() mutable {
        optimizer->zero_grad();
        nn::functional::cross_entropy(net->forward(input), target).backward();
        optimizer->step();
      },
      net.get()};
}

Training MakeCnn() {
  nn::Sequential net(nn::Conv2d(nn::Conv2dOptions(1, 8, 3)), nn::BatchNorm2d(8),
                     nn::ReLU(), nn::MaxPool2d(2), nn::Flatten(),
                     nn::Dropout(0.1), nn::Linear(8 * 5 * 5, 10));
  auto optimizer = std::make_shared<torch::optim::SGD>(net->parameters(), 0.01);
  auto input = torch::randn({8, 1, 12, 12});
  auto target = torch::randint(0, 10, {8}, torch::kLong);
  return {"cnn",
          [=]() mutable {
            optimizer->zero_grad();
            torch::nll_loss(torch::log_softmax(net->forward(input), 1), target)
                .backward();
            optimizer->step();
          },
          net.get()};
}

Training MakeTransformer() {
  nn::TransformerEncoder net(nn::TransformerEncoderOptions(
      nn::TransformerEncoderLayerOptions(32, 4).dim_feedforward(64), 2));
  auto optimizer = std::make_shared<torch::optim::AdamW>(net->parameters());
  auto input = torch::randn({10, 4, 32});
  return {"transformer",
          [=]() mutable {
            optimizer->zero_grad();
            net->forward(input).pow(2).mean().backward();
            optimizer->step();
          },
          net.get()};
}

Training MakeLstm() {
  nn::LSTM net(nn::LSTMOptions(16, 16).num_layers(2));
  auto optimizer = std::make_shared<torch::optim::RMSprop>(net->parameters());
  auto input = torch::randn({12, 4, 16});
  return {"lstm",
          [=]() mutable {
            optimizer->zero_grad();
            std::get<0>(net->forward(input)).sum().backward();
            optimizer->step();
          },
          net.get()};
}

}  // namespace

std::vector<Training> MakeTrainings() {
  torch::manual_seed(0);
  return {MakeMlp(), MakeCnn(), MakeTransformer(), MakeLstm()};
}

}  // namespace torchtape::benchmarks
