// Trains a character transformer on Alice in Wonderland and records the
// training:  char_transformer [LOG] [STEPS]

#include <torch/torch.h>
#include <torchtape/tracker.h>

#include <cmath>
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
    const auto parts = qkv(norm(x)).view({-1, length, 3, kHeads, head});
    const auto query = parts.select(2, 0).transpose(1, 2);
    const auto key = parts.select(2, 1).permute({0, 2, 3, 1});
    const auto value = parts.select(2, 2).transpose(1, 2);
    const auto scores = query.matmul(key) / std::sqrt(double(head));
    const auto future = torch::ones({length, length}, torch::kBool).triu(1);
    const auto weights = scores.masked_fill(future, -1e9).softmax(-1);
    const auto heads = weights.matmul(value).transpose(1, 2);
    const auto mixed = x + mix(heads.reshape({-1, length, kWidth}));
    return mixed + mlp->forward(mixed);
  }
};

struct Transformer : nn::Module {
  nn::Embedding letters{kAlphabet, kWidth}, places{kContext, kWidth};
  nn::Sequential blocks;
  nn::Linear head{kWidth, kAlphabet};

  Transformer() {
    for (int i = 0; i < kLayers; ++i) blocks->push_back(Block());
    register_module("letters", letters);
    register_module("places", places);
    register_module("blocks", blocks);
    register_module("head", head);
  }

  torch::Tensor forward(const torch::Tensor& text) {  // [batch, length]
    const auto where = places(torch::arange(text.size(1)));
    return head(blocks->forward(letters(text) + where));
  }
};

int main(int argc, char** argv) {
  const int steps = argc > 2 ? std::stoi(argv[2]) : 200;
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
            << " bits a letter in the end; log: " << tracker.log_path() << " ("
            << status << ")\n";
  return status.ok() ? 0 : 1;
}
