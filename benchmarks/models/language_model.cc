// A language model of two LSTM layers (Zaremba et al., 2014: the small one).

#include "training.h"

namespace zoo {
namespace {

constexpr int64_t kWords = 10000;
constexpr int64_t kWidth = 200;
constexpr int64_t kLayers = 2;
constexpr int64_t kLength = 20;
constexpr int64_t kRows = 8;

using State = std::tuple<Tensor, Tensor>;

struct LstmLanguageModelImpl : nn::Module {
  nn::Dropout drop = register_module("drop", nn::Dropout(0.2));
  nn::Embedding encoder =
      register_module("encoder", nn::Embedding(kWords, kWidth));
  nn::LSTM rnn = register_module(
      "rnn", nn::LSTM(nn::LSTMOptions(kWidth, kWidth).num_layers(kLayers)));
  nn::Linear decoder = register_module("decoder", nn::Linear(kWidth, kWords));

  // [length, batch] -> [length * batch, words]
  Tensor forward(const Tensor& words, State* state) {
    const Tensor x = drop(encoder(words));
    auto [y, next] = rnn(x, *state);
    *state = {std::get<0>(next).detach(), std::get<1>(next).detach()};
    return torch::log_softmax(decoder(drop(y)).view({-1, kWords}), 1);
  }
};
TORCH_MODULE(LstmLanguageModel);

Training MakeLanguageModel() {
  LstmLanguageModel net;
  const Tensor text = torch::randint(0, kWords, {kLength + 1, kRows});
  const Tensor words = text.slice(0, 0, kLength);
  const Tensor next = text.slice(0, 1).reshape({-1});
  const Tensor zeros = torch::zeros({kLayers, kRows, kWidth});
  auto state = std::make_shared<State>(zeros, zeros);
  auto optimizer = std::make_shared<torch::optim::SGD>(net->parameters(), 0.1);
  return {{{"net", net.ptr()}}, [=]() mutable {
            optimizer->zero_grad();
            torch::nll_loss(net(words, state.get()), next).backward();
            nn::utils::clip_grad_norm_(net->parameters(), 0.25);
            optimizer->step();
          }};
}

}  // namespace

std::vector<Model> LanguageModels() {
  // 10000 x 200 words, two layers of 4 x 200 x (200 + 200 + 2), 200 x 10000 +
  // 10000 to tell words.
  return {{"LSTM language model", 4653200, MakeLanguageModel}};
}

}  // namespace zoo
