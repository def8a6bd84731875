// Trains a character transformer on Alice in Wonderland and records the
// training:  char_transformer [LOG] [STEPS]

#include <torch/torch.h>
#include <torchtape/tracker.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

namespace nn = torch::nn;

constexpr int64_t kContext = 64, kBatch = 16, kWidth = 64, kHeads = 4;
constexpr int64_t kLayers = 2, kAlphabet = 128;  // ASCII

// Attention that looks back only, then a small network for each place.
struct Block : nn::Module {
  nn::LayerNorm norm{nn::LayerNormOptions({kWidth})};
  nn::Linear qkv{kWidth, 3 * kWidth}, mix{kWidth, kWidth};
  nn::Sequential mlp{nn::LayerNorm(nn::LayerNormOptions({kWidth})),
                     nn::Linear(kWidth, 4 * kWidth), nn::GELU(),
                     nn::Linear(4 * kWidth, kWidth)};

  Block() {
    register_module("norm", norm);
    register_module("qkv", qkv);
    register_module("mix", mix);
    register_module("mlp", mlp);
  }

  torch::Tensor forward(const torch::Tensor& x) {  // [batch, length, width]
    const int64_t length = x.size(1), head = kWidth / kHeads;
    const auto parts = qkv(norm(x))
                           .view({-1, length, 3, kHeads, head})
                           .permute({2, 0, 3, 1, 4});
    const auto scores =
        parts[0].matmul(parts[1].transpose(-2, -1)) / std::sqrt(double(head));
    const auto future = torch::ones({length, length}, torch::kBool).triu(1);
    const auto weights = scores.masked_fill(future, -1e9).softmax(-1);
    const auto heads = weights.matmul(parts[2]).transpose(1, 2);
    const auto mixed = x + mix(heads.reshape({-1, length, kWidth}));
    return mixed + mlp->forward(mixed);
  }
};

struct Transformer : nn::Module {
  nn::Embedding letters{kAlphabet, kWidth}, places{kContext, kWidth};
  nn::Sequential blocks;
  nn::Linear head{kWidth, kAlphabet};

  Transformer() {
    for (int64_t i = 0; i < kLayers; ++i) {
      blocks->push_back(std::make_shared<Block>());
    }
    register_module("letters", letters);
    register_module("places", places);
    register_module("blocks", blocks);
    register_module("head", head);
  }

  torch::Tensor forward(const torch::Tensor& text) {  // [batch, length]
    const auto place = torch::arange(text.size(1));
    return head(blocks->forward(letters(text) + places(place)));
  }
};

int main(int argc, char** argv) {
  const int steps = argc > 2 ? std::atoi(argv[2]) : 200;
  std::ifstream file(EXAMPLES_DATA "/alice.txt");
  const std::vector<int64_t> letters(std::istreambuf_iterator<char>(file), {});
  const auto windows = torch::tensor(letters).unfold(0, kContext + 1, 1);

  torch::manual_seed(1);
  auto model = std::make_shared<Transformer>();
  torch::optim::AdamW optimizer(model->parameters(), 3e-3);

  torchtape::Tracker tracker(argc > 1 ? argv[1] : "char_transformer.tape");
  tracker.Attach(*model, "model");
  double last_loss = 0;
  for (int step = 0; step < steps; ++step) {
    const auto starts = torch::randint(windows.size(0), {kBatch}, torch::kLong);
    const auto batch = windows.index_select(0, starts);
    const auto guesses = model->forward(batch.slice(1, 0, kContext));
    const auto loss = nn::functional::cross_entropy(
        guesses.reshape({-1, kAlphabet}), batch.slice(1, 1).reshape({-1}));
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
    last_loss = loss.item<double>();
    tracker.Log("loss", last_loss);
    tracker.Step();
  }
  const absl::Status status = tracker.Stop();

  std::cout << "char_transformer: " << last_loss / std::log(2.0)
            << " bits a letter after " << steps << " steps\n"
            << "char_transformer: log: " << tracker.log_path() << " (" << status
            << ")\n";
  return status.ok() ? 0 : 1;
}
