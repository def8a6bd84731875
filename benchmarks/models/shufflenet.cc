// ShuffleNet V2 (Ma et al., 2018), as in torchvision.

#include <array>

#include "training.h"

namespace zoo {
namespace {

void AddPointwise(nn::Sequential* branch, int64_t in, int64_t out) {
  (*branch)->push_back(Convolution(in, out, 1));
  (*branch)->push_back(nn::BatchNorm2d(out));
  (*branch)->push_back(nn::ReLU(/*inplace=*/true));
}

void AddDepthwise(nn::Sequential* branch, int64_t channels, int64_t stride) {
  (*branch)->push_back(Convolution(channels, channels, 3, stride, channels));
  (*branch)->push_back(nn::BatchNorm2d(channels));
}

// Mixes the channels of two groups.
Tensor Shuffle(const Tensor& x) {
  const auto size = x.sizes();
  return x.view({size[0], 2, size[1] / 2, size[2], size[3]})
      .transpose(1, 2)
      .contiguous()
      .view(size);
}

struct InvertedResidualImpl : nn::Module {
  InvertedResidualImpl(int64_t in, int64_t out, int64_t stride)
      : halves(stride == 1) {
    const int64_t width = out / 2;
    if (!halves) {
      AddDepthwise(&branch1, in, stride);
      AddPointwise(&branch1, in, width);
    }
    AddPointwise(&branch2, halves ? width : in, width);
    AddDepthwise(&branch2, width, stride);
    AddPointwise(&branch2, width, width);
    register_module("branch1", branch1);
    register_module("branch2", branch2);
  }

  Tensor forward(const Tensor& x) {
    if (halves) {
      const auto parts = x.chunk(2, 1);
      return Shuffle(torch::cat({parts[0], branch2->forward(parts[1])}, 1));
    }
    return Shuffle(torch::cat({branch1->forward(x), branch2->forward(x)}, 1));
  }

  bool halves;
  nn::Sequential branch1, branch2;
};
TORCH_MODULE(InvertedResidual);

struct ShuffleNetImpl : nn::Module {
  ShuffleNetImpl(const std::array<int, 3>& repeats,
                 const std::array<int64_t, 5>& widths)
      : fc(widths[4], kClasses) {
    conv1->push_back(Convolution(3, widths[0], 3, 2));
    conv1->push_back(nn::BatchNorm2d(widths[0]));
    conv1->push_back(nn::ReLU(/*inplace=*/true));
    register_module("conv1", conv1);
    register_module("maxpool", maxpool);
    for (int i = 0; i < 3; ++i) {
      for (int block = 0; block < repeats[i]; ++block) {
        stages[i]->push_back(InvertedResidual(
            widths[block == 0 ? i : i + 1], widths[i + 1], block == 0 ? 2 : 1));
      }
      register_module("stage" + std::to_string(i + 2), stages[i]);
    }
    AddPointwise(&conv5, widths[3], widths[4]);
    register_module("conv5", conv5);
    register_module("fc", fc);
  }

  Tensor forward(Tensor x) {
    x = maxpool(conv1->forward(x));
    for (nn::Sequential& stage : stages) x = stage->forward(x);
    return fc(conv5->forward(x).mean({2, 3}));
  }

  nn::Sequential conv1;
  nn::MaxPool2d maxpool{nn::MaxPool2dOptions(3).stride(2).padding(1)};
  std::array<nn::Sequential, 3> stages;
  nn::Sequential conv5;
  nn::Linear fc;
};
TORCH_MODULE(ShuffleNet);

}  // namespace

std::vector<Model> ShuffleNets() {
  return {{"shufflenet_v2_x2_0", 7393996, [] {
             return ClassifyImages(
                 ShuffleNet(std::array<int, 3>{4, 8, 4},
                            std::array<int64_t, 5>{24, 244, 488, 976, 2048}));
           }}};
}

}  // namespace zoo
