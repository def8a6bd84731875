// Residual networks (He et al., 2015), their wide and their grouped kin, with
// the names and the parameter counts of torchvision.

#include <array>

#include "training.h"

namespace zoo {
namespace {

struct Shape {
  std::array<int, 4> blocks;
  bool bottleneck;
  int64_t groups = 1;
  int64_t group_width = 64;
};

struct BasicBlockImpl : nn::Module {
  static constexpr int64_t kExpansion = 1;

  BasicBlockImpl(int64_t in, int64_t width, int64_t stride, const Shape&)
      : conv1(Convolution(in, width, 3, stride)),
        bn1(width),
        conv2(Convolution(width, width, 3)),
        bn2(width) {
    register_module("conv1", conv1);
    register_module("bn1", bn1);
    register_module("conv2", conv2);
    register_module("bn2", bn2);
    if (stride != 1 || in != width) {
      downsample = register_module(
          "downsample", nn::Sequential(Convolution(in, width, 1, stride),
                                       nn::BatchNorm2d(width)));
    }
  }

  Tensor forward(const Tensor& x) {
    Tensor y = bn1(conv1(x)).relu_();
    y = bn2(conv2(y));
    y += downsample ? downsample->forward(x) : x;
    return torch::relu_(y);
  }

  nn::Conv2d conv1;
  nn::BatchNorm2d bn1;
  nn::Conv2d conv2;
  nn::BatchNorm2d bn2;
  nn::Sequential downsample{nullptr};
};
TORCH_MODULE(BasicBlock);

struct BottleneckImpl : nn::Module {
  static constexpr int64_t kExpansion = 4;

  BottleneckImpl(int64_t in, int64_t planes, int64_t stride, const Shape& shape)
      : BottleneckImpl(in, planes * kExpansion,
                       planes * shape.group_width / 64 * shape.groups, stride,
                       shape.groups) {}

  BottleneckImpl(int64_t in, int64_t out, int64_t width, int64_t stride,
                 int64_t groups)
      : conv1(Convolution(in, width, 1)),
        bn1(width),
        conv2(Convolution(width, width, 3, stride, groups)),
        bn2(width),
        conv3(Convolution(width, out, 1)),
        bn3(out) {
    register_module("conv1", conv1);
    register_module("bn1", bn1);
    register_module("conv2", conv2);
    register_module("bn2", bn2);
    register_module("conv3", conv3);
    register_module("bn3", bn3);
    register_module("relu", relu);
    if (stride != 1 || in != out) {
      downsample = register_module(
          "downsample", nn::Sequential(Convolution(in, out, 1, stride),
                                       nn::BatchNorm2d(out)));
    }
  }

  Tensor forward(const Tensor& x) {
    Tensor y = relu(bn1(conv1(x)));
    y = relu(bn2(conv2(y)));
    y = bn3(conv3(y));
    y += downsample ? downsample->forward(x) : x;
    return relu(y);
  }

  nn::Conv2d conv1;
  nn::BatchNorm2d bn1;
  nn::Conv2d conv2;
  nn::BatchNorm2d bn2;
  nn::Conv2d conv3;
  nn::BatchNorm2d bn3;
  nn::ReLU relu{nn::ReLUOptions(/*inplace=*/true)};
  nn::Sequential downsample{nullptr};
};
TORCH_MODULE(Bottleneck);

struct ResNetImpl : nn::Module {
  explicit ResNetImpl(const Shape& shape)
      : conv1(nn::Conv2dOptions(3, 64, 7).stride(2).padding(3).bias(false)),
        bn1(64),
        fc(512 * (shape.bottleneck ? 4 : 1), kClasses) {
    register_module("conv1", conv1);
    register_module("bn1", bn1);
    int64_t channels = 64;
    for (int i = 0; i < 4; ++i) {
      layers[i] = register_module("layer" + std::to_string(i + 1),
                                  shape.bottleneck
                                      ? Layer<Bottleneck>(shape, i, &channels)
                                      : Layer<BasicBlock>(shape, i, &channels));
    }
    register_module("fc", fc);
  }

  template <typename Block>
  nn::Sequential Layer(const Shape& shape, int i, int64_t* channels) {
    nn::Sequential layer;
    const int64_t planes = int64_t{64} << i;
    for (int block = 0; block < shape.blocks[i]; ++block) {
      const int64_t stride = block == 0 && i > 0 ? 2 : 1;
      layer->push_back(Block(*channels, planes, stride, shape));
      *channels = planes * Block::Impl::kExpansion;
    }
    return layer;
  }

  Tensor forward(Tensor x) {
    x = bn1(conv1(x)).relu_();
    x = torch::max_pool2d(x, 3, 2, 1);
    for (nn::Sequential& layer : layers) x = layer->forward(x);
    x = torch::adaptive_avg_pool2d(x, {1, 1}).flatten(1);
    return fc(x);
  }

  nn::Conv2d conv1;
  nn::BatchNorm2d bn1;
  std::array<nn::Sequential, 4> layers;
  nn::Linear fc;
};
TORCH_MODULE(ResNet);

Model Make(const std::string& name, int64_t parameters, const Shape& shape) {
  return {name, parameters, [=] { return ClassifyImages(ResNet(shape)); }};
}

}  // namespace

std::vector<Model> ResNets() {
  return {
      Make("resnet18", 11689512, {{2, 2, 2, 2}, false}),
      Make("resnet34", 21797672, {{3, 4, 6, 3}, false}),
      Make("resnet152", 60192808, {{3, 8, 36, 3}, true}),
      Make("resnext101_32x8d", 88791336, {{3, 4, 23, 3}, true, 32, 8}),
      Make("wide_resnet101_2", 126886696, {{3, 4, 23, 3}, true, 1, 128}),
  };
}

}  // namespace zoo
