// HRNet-W18 (Wang et al., 2019): branches of four sizes side by side that
// exchange what they see, with timm's head that tells classes.

#include "training.h"

namespace zoo {
namespace {

nn::Sequential ConvNormRelu(int64_t in, int64_t out, int64_t kernel,
                            int64_t stride) {
  return nn::Sequential(Convolution(in, out, kernel, stride),
                        nn::BatchNorm2d(out), nn::ReLU());
}

struct HrBasicBlockImpl : nn::Module {
  explicit HrBasicBlockImpl(int64_t width)
      : conv1(register_module("conv1", Convolution(width, width, 3))),
        bn1(register_module("bn1", nn::BatchNorm2d(width))),
        conv2(register_module("conv2", Convolution(width, width, 3))),
        bn2(register_module("bn2", nn::BatchNorm2d(width))) {}

  Tensor forward(const Tensor& x) {
    const Tensor y = torch::relu(bn1(conv1(x)));
    return torch::relu(bn2(conv2(y)) + x);
  }

  nn::Conv2d conv1;
  nn::BatchNorm2d bn1;
  nn::Conv2d conv2;
  nn::BatchNorm2d bn2;
};
TORCH_MODULE(HrBasicBlock);

struct HrBottleneckImpl : nn::Module {
  HrBottleneckImpl(int64_t in, int64_t width)
      : conv1(register_module("conv1", Convolution(in, width, 1))),
        bn1(register_module("bn1", nn::BatchNorm2d(width))),
        conv2(register_module("conv2", Convolution(width, width, 3))),
        bn2(register_module("bn2", nn::BatchNorm2d(width))),
        conv3(register_module("conv3", Convolution(width, 4 * width, 1))),
        bn3(register_module("bn3", nn::BatchNorm2d(4 * width))) {
    if (in == 4 * width) return;
    downsample = register_module("downsample",
                                 nn::Sequential(Convolution(in, 4 * width, 1),
                                                nn::BatchNorm2d(4 * width)));
  }

  Tensor forward(const Tensor& x) {
    Tensor y = torch::relu(bn1(conv1(x)));
    y = torch::relu(bn2(conv2(y)));
    y = bn3(conv3(y));
    return torch::relu(y + (downsample ? downsample->forward(x) : x));
  }

  nn::Conv2d conv1;
  nn::BatchNorm2d bn1;
  nn::Conv2d conv2;
  nn::BatchNorm2d bn2;
  nn::Conv2d conv3;
  nn::BatchNorm2d bn3;
  nn::Sequential downsample{nullptr};
};
TORCH_MODULE(HrBottleneck);

constexpr int64_t kWidth = 18;

int64_t WidthOf(int branch) { return kWidth << branch; }

// From one branch to another: up by repetition, down by strides.
nn::Sequential Fuse(int from, int to) {
  nn::Sequential fuse;
  if (from > to) {
    fuse->push_back(Convolution(WidthOf(from), WidthOf(to), 1));
    fuse->push_back(nn::BatchNorm2d(WidthOf(to)));
    const double factor = 1 << (from - to);
    fuse->push_back(nn::Upsample(nn::UpsampleOptions().scale_factor(
        std::vector<double>{factor, factor})));
  }
  for (int i = from; i < to; ++i) {
    const int64_t out = WidthOf(i + 1 == to ? to : from);
    fuse->push_back(Convolution(WidthOf(from), out, 3, 2));
    fuse->push_back(nn::BatchNorm2d(out));
    if (i + 1 < to) fuse->push_back(nn::ReLU());
  }
  return fuse;
}

// Some branches, each of four blocks, and all ways between them.
struct HrModuleImpl : nn::Module {
  explicit HrModuleImpl(int count) {
    for (int i = 0; i < count; ++i) {
      nn::Sequential branch;
      for (int block = 0; block < 4; ++block) {
        branch->push_back(HrBasicBlock(WidthOf(i)));
      }
      branches.push_back(register_module("branch" + std::to_string(i), branch));
    }
    fuses.resize(count);
    for (int to = 0; to < count; ++to) {
      for (int from = 0; from < count; ++from) {
        fuses[to].push_back(
            from == to ? nn::Sequential(nullptr)
                       : register_module("fuse" + std::to_string(from) + "to" +
                                             std::to_string(to),
                                         Fuse(from, to)));
      }
    }
  }

  std::vector<Tensor> forward(std::vector<Tensor> maps) {
    for (size_t i = 0; i < maps.size(); ++i) {
      maps[i] = branches[i]->forward(maps[i]);
    }
    std::vector<Tensor> fused;
    for (size_t to = 0; to < maps.size(); ++to) {
      Tensor sum;
      for (size_t from = 0; from < maps.size(); ++from) {
        const Tensor part =
            from == to ? maps[to] : fuses[to][from]->forward(maps[from]);
        sum = sum.defined() ? sum + part : part;
      }
      fused.push_back(torch::relu(sum));
    }
    return fused;
  }

  std::vector<nn::Sequential> branches;
  std::vector<std::vector<nn::Sequential>> fuses;  // by to, then from
};
TORCH_MODULE(HrModule);

struct HrNetImpl : nn::Module {
  HrNetImpl() {
    layer1->push_back(HrBottleneck(64, 64));
    for (int i = 1; i < 4; ++i) layer1->push_back(HrBottleneck(256, 64));
    register_module("layer1", layer1);
    transition1a =
        register_module("transition1a", ConvNormRelu(256, WidthOf(0), 3, 1));
    transition1b =
        register_module("transition1b", ConvNormRelu(256, WidthOf(1), 3, 2));
    AddStage("stage2", 2, 1);
    transition2 = register_module("transition2",
                                  ConvNormRelu(WidthOf(1), WidthOf(2), 3, 2));
    AddStage("stage3", 3, 4);
    transition3 = register_module("transition3",
                                  ConvNormRelu(WidthOf(2), WidthOf(3), 3, 2));
    AddStage("stage4", 4, 3);
    AddHead();
  }

  void AddStage(const std::string& name, int branches, int count) {
    nn::ModuleList stage;
    for (int i = 0; i < count; ++i) stage->push_back(HrModule(branches));
    stages.push_back(register_module(name, stage));
  }

  void AddHead() {
    const auto with_bias = [](int64_t in, int64_t out, int64_t kernel) {
      return nn::Sequential(nn::Conv2d(nn::Conv2dOptions(in, out, kernel)
                                           .stride(kernel == 3 ? 2 : 1)
                                           .padding(kernel / 2)),
                            nn::BatchNorm2d(out), nn::ReLU());
    };
    for (int i = 0; i < 4; ++i) {
      incre->push_back(HrBottleneck(WidthOf(i), int64_t{32} << i));
      if (i < 3) {
        downsamp->push_back(with_bias(int64_t{128} << i, int64_t{256} << i, 3));
      }
    }
    register_module("incre_modules", incre);
    register_module("downsamp_modules", downsamp);
    final_layer = register_module("final_layer", with_bias(1024, 2048, 1));
    classifier = register_module("classifier", nn::Linear(2048, kClasses));
  }

  Tensor forward(Tensor x) {
    x = torch::relu(bn1(conv1(x)));
    x = layer1->forward(torch::relu(bn2(conv2(x))));
    std::vector<Tensor> maps = {transition1a->forward(x),
                                transition1b->forward(x)};
    maps = Run(0, maps);
    maps.push_back(transition2->forward(maps.back()));
    maps = Run(1, maps);
    maps.push_back(transition3->forward(maps.back()));
    maps = Run(2, maps);
    Tensor y = incre[0]->as<HrBottleneck>()->forward(maps[0]);
    for (int i = 0; i < 3; ++i) {
      y = incre[i + 1]->as<HrBottleneck>()->forward(maps[i + 1]) +
          downsamp[i]->as<nn::Sequential>()->forward(y);
    }
    y = torch::adaptive_avg_pool2d(final_layer->forward(y), {1, 1});
    return classifier(y.flatten(1));
  }

  std::vector<Tensor> Run(int stage, std::vector<Tensor> maps) {
    for (const auto& module : *stages[stage]) {
      maps = module->as<HrModule>()->forward(maps);
    }
    return maps;
  }

  nn::Conv2d conv1 = register_module("conv1", Convolution(3, 64, 3, 2));
  nn::BatchNorm2d bn1 = register_module("bn1", nn::BatchNorm2d(64));
  nn::Conv2d conv2 = register_module("conv2", Convolution(64, 64, 3, 2));
  nn::BatchNorm2d bn2 = register_module("bn2", nn::BatchNorm2d(64));
  nn::Sequential layer1;
  nn::Sequential transition1a{nullptr}, transition1b{nullptr},
      transition2{nullptr}, transition3{nullptr};
  std::vector<nn::ModuleList> stages;
  nn::ModuleList incre, downsamp;
  nn::Sequential final_layer{nullptr};
  nn::Linear classifier{nullptr};
};
TORCH_MODULE(HrNet);

}  // namespace

std::vector<Model> HrNets() {
  return {{"HRNet-W18", 21299004, [] { return ClassifyImages(HrNet()); }}};
}

}  // namespace zoo
