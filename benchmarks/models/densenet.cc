// Densely connected networks (Huang et al., 2016), as in torchvision.

#include <array>

#include "training.h"

namespace zoo {
namespace {

constexpr int64_t kGrowth = 32;

struct DenseLayerImpl : nn::Module {
  explicit DenseLayerImpl(int64_t in)
      : norm1(in),
        conv1(Convolution(in, 4 * kGrowth, 1)),
        norm2(4 * kGrowth),
        conv2(Convolution(4 * kGrowth, kGrowth, 3)) {
    register_module("norm1", norm1);
    register_module("conv1", conv1);
    register_module("norm2", norm2);
    register_module("conv2", conv2);
  }

  Tensor forward(const std::vector<Tensor>& features) {
    const Tensor all = torch::cat(features, 1);
    const Tensor narrow = conv1(torch::relu(norm1(all)));
    return conv2(torch::relu(norm2(narrow)));
  }

  nn::BatchNorm2d norm1;
  nn::Conv2d conv1;
  nn::BatchNorm2d norm2;
  nn::Conv2d conv2;
};
TORCH_MODULE(DenseLayer);

struct DenseBlockImpl : nn::Module {
  DenseBlockImpl(int layers, int64_t in) {
    for (int i = 0; i < layers; ++i) {
      register_module("denselayer" + std::to_string(i + 1),
                      DenseLayer(in + i * kGrowth));
    }
  }

  Tensor forward(const Tensor& x) {
    std::vector<Tensor> features = {x};
    for (const auto& layer : children()) {
      features.push_back(layer->as<DenseLayer>()->forward(features));
    }
    return torch::cat(features, 1);
  }
};
TORCH_MODULE(DenseBlock);

struct TransitionImpl : nn::Module {
  explicit TransitionImpl(int64_t in)
      : norm(in), conv(Convolution(in, in / 2, 1)) {
    register_module("norm", norm);
    register_module("conv", conv);
    register_module("pool", pool);
  }

  Tensor forward(const Tensor& x) { return pool(conv(torch::relu(norm(x)))); }

  nn::BatchNorm2d norm;
  nn::Conv2d conv;
  nn::AvgPool2d pool{2};
};
TORCH_MODULE(Transition);

struct DenseNetImpl : nn::Module {
  explicit DenseNetImpl(const std::array<int, 4>& blocks) {
    features->push_back(
        "conv0",
        nn::Conv2d(
            nn::Conv2dOptions(3, 64, 7).stride(2).padding(3).bias(false)));
    features->push_back("norm0", nn::BatchNorm2d(64));
    features->push_back("relu0", nn::ReLU());
    features->push_back(
        "pool0", nn::MaxPool2d(nn::MaxPool2dOptions(3).stride(2).padding(1)));
    int64_t channels = 64;
    for (int i = 0; i < 4; ++i) {
      const std::string number = std::to_string(i + 1);
      features->push_back("denseblock" + number,
                          DenseBlock(blocks[i], channels));
      channels += blocks[i] * kGrowth;
      if (i == 3) break;
      features->push_back("transition" + number, Transition(channels));
      channels /= 2;
    }
    features->push_back("norm5", nn::BatchNorm2d(channels));
    register_module("features", features);
    classifier = register_module("classifier", nn::Linear(channels, kClasses));
  }

  Tensor forward(Tensor x) {
    x = torch::relu(features->forward(x));
    x = torch::adaptive_avg_pool2d(x, {1, 1}).flatten(1);
    return classifier(x);
  }

  nn::Sequential features;
  nn::Linear classifier{nullptr};
};
TORCH_MODULE(DenseNet);

Model Make(const std::string& name, int64_t parameters,
           const std::array<int, 4>& blocks) {
  return {name, parameters, [=] { return ClassifyImages(DenseNet(blocks)); }};
}

}  // namespace

std::vector<Model> DenseNets() {
  return {Make("densenet121", 7978856, {6, 12, 24, 16}),
          Make("densenet201", 20013928, {6, 12, 48, 32})};
}

}  // namespace zoo
