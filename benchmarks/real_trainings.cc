// Trainings of a size that people have: steps of 5 ms and more on one core.

#include <torch/torch.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "trainings.h"

namespace torchtape::benchmarks {
namespace {

namespace nn = torch::nn;

// A convolutional network that reads the digits of examples/data.
Training MakeDigits(const std::string& folder) {
  std::ifstream file(folder + "/digits.csv");
  std::vector<int64_t> numbers;
  for (int64_t number; file >> number; file.ignore()) numbers.push_back(number);
  const auto table = torch::tensor(numbers).reshape({-1, 65}).slice(0, 0, 256);
  const auto pixels =
      table.slice(1, 0, 64).reshape({-1, 1, 8, 8}).to(torch::kFloat) / 16;
  const auto digits = table.select(1, 64).contiguous();
  nn::Sequential net(
      nn::Conv2d(nn::Conv2dOptions(1, 16, 3).padding(1)), nn::ReLU(),
      nn::Conv2d(nn::Conv2dOptions(16, 32, 3).padding(1)), nn::ReLU(),
      nn::MaxPool2d(2), nn::Flatten(), nn::Linear(32 * 4 * 4, 10));
  auto optimizer =
      std::make_shared<torch::optim::Adam>(net->parameters(), 1e-4);
  return {
      "digits",
      [=]() mutable {
        optimizer->zero_grad();
        nn::functional::cross_entropy(net->forward(pixels), digits).backward();
        optimizer->step();
      },
      net.get()};
}

// [rows, columns] of the letters of a text, as numbers below 128.
torch::Tensor Letters(const std::string& folder, int64_t rows,
                      int64_t columns) {
  std::ifstream file(folder + "/alice.txt", std::ios::binary);
  std::vector<int64_t> letters;
  for (std::istreambuf_iterator<char> at(file), end;
       at != end && letters.size() < static_cast<size_t>(rows * columns);
       ++at) {
    letters.push_back(*at & 127);
  }
  return torch::tensor(letters).reshape({rows, columns});
}

struct CharTransformer : nn::Module {
  nn::Embedding embedding =
      register_module("embedding", nn::Embedding(128, 64));
  nn::TransformerEncoder encoder = register_module(
      "encoder",
      nn::TransformerEncoder(nn::TransformerEncoderOptions(
          nn::TransformerEncoderLayerOptions(64, 4).dim_feedforward(256), 3)));
  nn::Linear head = register_module("head", nn::Linear(64, 128));
  torch::Tensor forward(const torch::Tensor& letters) {
    return head(encoder(embedding(letters)));
  }
};

struct CharLstm : nn::Module {
  nn::Embedding embedding =
      register_module("embedding", nn::Embedding(128, 64));
  nn::LSTM lstm =
      register_module("lstm", nn::LSTM(nn::LSTMOptions(64, 128).num_layers(2)));
  nn::Linear head = register_module("head", nn::Linear(128, 128));
  torch::Tensor forward(const torch::Tensor& letters) {
    return head(std::get<0>(lstm(embedding(letters))));
  }
};

// A network that tells the next letter of each.
template <typename Net>
Training MakeReader(const std::string& name, const std::string& folder) {
  const auto letters = Letters(folder, 33, 16);
  const auto input = letters.slice(0, 0, 32).contiguous();
  const auto next = letters.slice(0, 1).reshape({-1});
  auto net = std::make_shared<Net>();
  auto optimizer =
      std::make_shared<torch::optim::AdamW>(net->parameters(), 1e-4);
  return {name,
          [=] {
            optimizer->zero_grad();
            nn::functional::cross_entropy(
                net->forward(input).reshape({-1, 128}), next)
                .backward();
            optimizer->step();
          },
          net.get()};
}

}  // namespace

std::vector<Training> MakeRealTrainings(const std::string& data_folder) {
  torch::manual_seed(0);
  return {MakeDigits(data_folder),
          MakeReader<CharTransformer>("char transformer", data_folder),
          MakeReader<CharLstm>("char lstm", data_folder)};
}

}  // namespace torchtape::benchmarks
