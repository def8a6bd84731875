// ConvNeXt-S (Liu et al., 2022), as in torchvision.

#include "training.h"

namespace zoo {
namespace {

// Norm over the channels of [batch, channels, height, width].
struct LayerNorm2dImpl : nn::Module {
  explicit LayerNorm2dImpl(int64_t channels)
      : weight(register_parameter("weight", torch::ones({channels}))),
        bias(register_parameter("bias", torch::zeros({channels}))) {}

  Tensor forward(Tensor x) {
    x = x.permute({0, 2, 3, 1});
    x = torch::layer_norm(x, {weight.size(0)}, weight, bias, 1e-6);
    return x.permute({0, 3, 1, 2});
  }

  Tensor weight, bias;
};
TORCH_MODULE(LayerNorm2d);

struct CnBlockImpl : nn::Module {
  CnBlockImpl(int64_t width, double drop)
      : dwconv(register_module(
            "dwconv",
            nn::Conv2d(
                nn::Conv2dOptions(width, width, 7).padding(3).groups(width)))),
        norm(register_module(
            "norm", nn::LayerNorm(nn::LayerNormOptions({width}).eps(1e-6)))),
        pwconv1(register_module("pwconv1", nn::Linear(width, 4 * width))),
        pwconv2(register_module("pwconv2", nn::Linear(4 * width, width))),
        layer_scale(register_parameter("layer_scale",
                                       torch::full({width, 1, 1}, 1e-6))),
        drop_rate(drop) {}

  Tensor forward(const Tensor& x) {
    Tensor y = dwconv(x).permute({0, 2, 3, 1});
    y = pwconv2(torch::gelu(pwconv1(norm(y))));
    y = layer_scale * y.permute({0, 3, 1, 2});
    return x + StochasticDepth(y);
  }

  // Leaves the whole block out for some of the images.
  Tensor StochasticDepth(const Tensor& y) const {
    if (!is_training() || drop_rate == 0) return y;
    const Tensor kept =
        torch::empty({y.size(0), 1, 1, 1}).bernoulli_(1 - drop_rate);
    return y * kept.div_(1 - drop_rate);
  }

  nn::Conv2d dwconv;
  nn::LayerNorm norm;
  nn::Linear pwconv1, pwconv2;
  Tensor layer_scale;
  double drop_rate;
};
TORCH_MODULE(CnBlock);

struct ConvNextImpl : nn::Module {
  ConvNextImpl() {
    const int64_t widths[] = {96, 192, 384, 768};
    const int depths[] = {3, 3, 27, 3};
    features->push_back(
        nn::Conv2d(nn::Conv2dOptions(3, widths[0], 4).stride(4)));
    features->push_back(LayerNorm2d(widths[0]));
    int block = 0;
    for (int i = 0; i < 4; ++i) {
      for (int j = 0; j < depths[i]; ++j) {
        features->push_back(CnBlock(widths[i], 0.4 * block++ / 35));
      }
      if (i == 3) break;
      features->push_back(LayerNorm2d(widths[i]));
      features->push_back(
          nn::Conv2d(nn::Conv2dOptions(widths[i], widths[i + 1], 2).stride(2)));
    }
    register_module("features", features);
    classifier = register_module("classifier",
                                 nn::Sequential(LayerNorm2d(768), nn::Flatten(),
                                                nn::Linear(768, kClasses)));
  }

  Tensor forward(Tensor x) {
    x = features->forward(x);
    return classifier->forward(torch::adaptive_avg_pool2d(x, {1, 1}));
  }

  nn::Sequential features, classifier{nullptr};
};
TORCH_MODULE(ConvNext);

}  // namespace

std::vector<Model> ConvNeXts() {
  return {{"ConvNeXt-S", 50223688, [] { return ClassifyImages(ConvNext()); }}};
}

}  // namespace zoo
