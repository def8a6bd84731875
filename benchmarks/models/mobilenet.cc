// Networks for phones: MobileNetV2 (Sandler et al., 2018) and MNASNet 1.3 (Tan
// et al., 2018), as in torchvision.

#include <algorithm>

#include "training.h"

namespace zoo {
namespace {

// Convolution and batch norm, then `Activation` unless it is Identity.
template <typename Activation>
void AddUnit(nn::Sequential* layers, int64_t in, int64_t out, int64_t kernel,
             int64_t stride, int64_t groups) {
  (*layers)->push_back(Convolution(in, out, kernel, stride, groups));
  (*layers)->push_back(nn::BatchNorm2d(out));
  if constexpr (!std::is_same_v<Activation, nn::Identity>) {
    (*layers)->push_back(Activation());
  }
}

// Widens, convolves each channel alone, narrows.
template <typename Activation>
struct InvertedResidualImpl : nn::Module {
  InvertedResidualImpl(int64_t in, int64_t out, int64_t kernel, int64_t stride,
                       int64_t expansion)
      : keeps_shape(stride == 1 && in == out) {
    const int64_t wide = in * expansion;
    if (expansion != 1) AddUnit<Activation>(&layers, in, wide, 1, 1, 1);
    AddUnit<Activation>(&layers, wide, wide, kernel, stride, wide);
    AddUnit<nn::Identity>(&layers, wide, out, 1, 1, 1);
    register_module("layers", layers);
  }

  Tensor forward(const Tensor& x) {
    const Tensor y = layers->forward(x);
    return keeps_shape ? x + y : y;
  }

  bool keeps_shape;
  nn::Sequential layers;
};

using MobileBlockImpl = InvertedResidualImpl<nn::ReLU6>;
TORCH_MODULE(MobileBlock);
using MnasBlockImpl = InvertedResidualImpl<nn::ReLU>;
TORCH_MODULE(MnasBlock);

nn::Sequential Classifier() {
  return nn::Sequential(nn::Dropout(0.2), nn::Linear(1280, kClasses));
}

struct MobileNetImpl : nn::Module {
  MobileNetImpl() {
    AddUnit<nn::ReLU6>(&features, 3, 32, 3, 2, 1);
    Add(32, 16, 1, 1, 1);
    Add(16, 24, 2, 2, 6);
    Add(24, 32, 3, 2, 6);
    Add(32, 64, 4, 2, 6);
    Add(64, 96, 3, 1, 6);
    Add(96, 160, 3, 2, 6);
    Add(160, 320, 1, 1, 6);
    AddUnit<nn::ReLU6>(&features, 320, 1280, 1, 1, 1);
    register_module("features", features);
    register_module("classifier", classifier);
  }

  void Add(int64_t in, int64_t out, int repeats, int64_t stride,
           int64_t expansion) {
    for (int i = 0; i < repeats; ++i) {
      features->push_back(MobileBlock(i == 0 ? in : out, out, 3,
                                      i == 0 ? stride : 1, expansion));
    }
  }

  Tensor forward(Tensor x) {
    x = features->forward(x);
    x = torch::adaptive_avg_pool2d(x, {1, 1}).flatten(1);
    return classifier->forward(x);
  }

  nn::Sequential features;
  nn::Sequential classifier = Classifier();
};
TORCH_MODULE(MobileNet);

// The nearest multiple of 8, but no more than a tenth less.
int64_t Rounded(double width) {
  const auto down = static_cast<int64_t>(width + 4) / 8 * 8;
  return down >= 0.9 * width ? std::max<int64_t>(down, 8) : down + 8;
}

struct MnasNetImpl : nn::Module {
  explicit MnasNetImpl(double width_factor) {
    const auto width = [=](int64_t of_one) {
      return Rounded(static_cast<double>(of_one) * width_factor);
    };
    const int64_t stem = width(32), first = width(16);
    AddUnit<nn::ReLU>(&layers, 3, stem, 3, 2, 1);
    AddUnit<nn::ReLU>(&layers, stem, stem, 3, 1, stem);
    AddUnit<nn::Identity>(&layers, stem, first, 1, 1, 1);
    AddStack(first, width(24), 3, 2, 3, 3);
    AddStack(width(24), width(40), 5, 2, 3, 3);
    AddStack(width(40), width(80), 5, 2, 6, 3);
    AddStack(width(80), width(96), 3, 1, 6, 2);
    AddStack(width(96), width(192), 5, 2, 6, 4);
    AddStack(width(192), width(320), 3, 1, 6, 1);
    AddUnit<nn::ReLU>(&layers, width(320), 1280, 1, 1, 1);
    register_module("layers", layers);
    register_module("classifier", classifier);
  }

  void AddStack(int64_t in, int64_t out, int64_t kernel, int64_t stride,
                int64_t expansion, int repeats) {
    for (int i = 0; i < repeats; ++i) {
      layers->push_back(MnasBlock(i == 0 ? in : out, out, kernel,
                                  i == 0 ? stride : 1, expansion));
    }
  }

  Tensor forward(const Tensor& x) {
    return classifier->forward(layers->forward(x).mean({2, 3}));
  }

  nn::Sequential layers;
  nn::Sequential classifier = Classifier();
};
TORCH_MODULE(MnasNet);

}  // namespace

std::vector<Model> MobileNets() {
  return {{"mobilenet_v2", 3504872, [] { return ClassifyImages(MobileNet()); }},
          {"mnasnet1_3", 6282256, [] { return ClassifyImages(MnasNet(1.3)); }}};
}

}  // namespace zoo
