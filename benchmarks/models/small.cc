// The two small networks of Visuai's table, for pictures of 32 x 32.

#include "training.h"

namespace zoo {
namespace {

constexpr int64_t kTinyClasses = 10;

// One ReLU serves twice.
struct ThreeLayerMlpImpl : nn::Module {
  nn::Flatten flatten = register_module("flatten", nn::Flatten());
  nn::Linear linear1 =
      register_module("linear1", nn::Linear(32 * 32 * 3, 1024));
  nn::Linear linear2 = register_module("linear2", nn::Linear(1024, 256));
  nn::Linear linear3 =
      register_module("linear3", nn::Linear(256, kTinyClasses));
  nn::ReLU relu = register_module("relu", nn::ReLU());

  Tensor forward(Tensor x) {
    x = flatten(x);
    x = relu(linear1(x));
    x = relu(linear2(x));
    return linear3(x);
  }
};
TORCH_MODULE(ThreeLayerMlp);

struct ThreeLayerConvNetImpl : nn::Module {
  nn::Conv2d conv1 = register_module(
      "conv1", nn::Conv2d(nn::Conv2dOptions(3, 32, 5).padding(2)));
  nn::Conv2d conv2 = register_module(
      "conv2", nn::Conv2d(nn::Conv2dOptions(32, 16, 3).padding(1)));
  nn::Linear fc = register_module("fc", nn::Linear(16 * 32 * 32, kTinyClasses));

  Tensor forward(Tensor x) {
    x = torch::relu(conv1(x));
    x = torch::relu(conv2(x));
    return fc(x.flatten(1));
  }
};
TORCH_MODULE(ThreeLayerConvNet);

Tensor TinyImages() { return torch::randn({kBatch, 3, 32, 32}); }

}  // namespace

std::vector<Model> SmallModels() {
  return {
      // 3072 x 1024 + 1024, 1024 x 256 + 256, 256 x 10 + 10.
      {"ThreeLayerMLP", 3411722,
       [] { return Classify(ThreeLayerMlp(), TinyImages(), kTinyClasses); }},
      // 3 x 32 x 25 + 32, 32 x 16 x 9 + 16, 16384 x 10 + 10.
      {"ThreeLayerConvNet", 170906,
       [] {
         return Classify(ThreeLayerConvNet(), TinyImages(), kTinyClasses);
       }},
  };
}

}  // namespace zoo
