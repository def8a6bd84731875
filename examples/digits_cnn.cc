// Trains a convolutional network to read handwritten digits and records the
// training:  digits_cnn [LOG] [EPOCHS]

#include <torch/torch.h>
#include <torchtape/range.h>
#include <torchtape/tracker.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

namespace {

constexpr int64_t kBatchSize = 50;
constexpr int64_t kTrainCount = 1500;  // of the 1,797 images

struct Images {
  torch::Tensor pixels;  // [count, 1, 8, 8], from 0 to 1
  torch::Tensor digits;  // [count]
};

// One image a line: 64 grey values from 0 to 16, then the digit.
Images ReadImages(const std::string& path) {
  std::ifstream file(path);
  std::vector<int64_t> numbers;
  for (int64_t number; file >> number; file.ignore()) numbers.push_back(number);
  const torch::Tensor table = torch::tensor(numbers).reshape({-1, 65});
  return {table.slice(1, 0, 64).reshape({-1, 1, 8, 8}).to(torch::kFloat) / 16,
          table.select(1, 64)};
}

struct Net : torch::nn::Module {
  torch::nn::Sequential body = register_module(
      "body",
      torch::nn::Sequential(
          torch::nn::Conv2d(torch::nn::Conv2dOptions(1, 16, 3).padding(1)),
          torch::nn::ReLU(),
          torch::nn::Conv2d(torch::nn::Conv2dOptions(16, 32, 3).padding(1)),
          torch::nn::ReLU(), torch::nn::MaxPool2d(2), torch::nn::Flatten()));
  torch::nn::Linear head =
      register_module("head", torch::nn::Linear(32 * 4 * 4, 10));

  torch::Tensor forward(const torch::Tensor& pixels) {
    return head(body->forward(pixels));
  }
};

}  // namespace

int main(int argc, char** argv) {
  const std::string log_path = argc > 1 ? argv[1] : "digits_cnn.tape";
  const int epochs = argc > 2 ? std::atoi(argv[2]) : 5;

  torch::manual_seed(1);
  const Images images = ReadImages(EXAMPLES_DATA "/digits.csv");
  auto net = std::make_shared<Net>();
  torch::optim::Adam optimizer(net->parameters(), 5e-3);

  torchtape::Tracker tracker(log_path);
  tracker.Attach(*net, "net");
  for (int epoch = 0; epoch < epochs; ++epoch) {
    for (const torch::Tensor& batch :
         torch::randperm(kTrainCount).split(kBatchSize)) {
      torch::Tensor pixels, digits;
      {
        torchtape::Range range("load batch");
        pixels = images.pixels.index_select(0, batch);
        digits = images.digits.index_select(0, batch);
      }
      optimizer.zero_grad();
      torch::Tensor loss =
          torch::nn::functional::cross_entropy(net->forward(pixels), digits);
      loss.backward();
      optimizer.step();
      tracker.Log("loss", loss.item<double>());
      tracker.Step();
    }
  }
  const absl::Status status = tracker.Stop();

  torch::NoGradGuard no_grad;
  const torch::Tensor guesses =
      net->forward(images.pixels.slice(0, kTrainCount)).argmax(1);
  const torch::Tensor hits = guesses == images.digits.slice(0, kTrainCount);
  std::cout << "digits_cnn: "
            << 100 * hits.to(torch::kDouble).mean().item<double>() << " % of "
            << hits.size(0) << " unseen digits read correctly\n"
            << "digits_cnn: log: " << tracker.log_path() << " (" << status
            << ")\n";
  return status.ok() ? 0 : 1;
}
