// A detector like YOLO with a feature pyramid: cross stage partial blocks,
// three scales from fine to coarse and back, one head for each.

#include <array>

#include "training.h"

namespace zoo {
namespace {

constexpr int64_t kThings = 20;
constexpr int64_t kBoxes = 3;
constexpr int64_t kOutputs = kBoxes * (5 + kThings);  // for each cell

struct ConvImpl : nn::Module {
  ConvImpl(int64_t in, int64_t out, int64_t kernel, int64_t stride = 1)
      : conv(register_module("conv", Convolution(in, out, kernel, stride))),
        bn(register_module("bn", nn::BatchNorm2d(out))),
        act(register_module("act", nn::SiLU())) {}

  Tensor forward(const Tensor& x) { return act(bn(conv(x))); }

  nn::Conv2d conv;
  nn::BatchNorm2d bn;
  nn::SiLU act;
};
TORCH_MODULE(Conv);

struct ResidualImpl : nn::Module {
  explicit ResidualImpl(int64_t width)
      : cv1(register_module("cv1", Conv(width, width, 1))),
        cv2(register_module("cv2", Conv(width, width, 3))) {}

  Tensor forward(const Tensor& x) { return x + cv2(cv1(x)); }

  Conv cv1, cv2;
};
TORCH_MODULE(Residual);

// One half of the channels passes through `m`, the other by.
struct PartialImpl : nn::Module {
  PartialImpl(int64_t in, int64_t out, int repeats)
      : cv1(register_module("cv1", Conv(in, out / 2, 1))),
        cv2(register_module("cv2", Conv(in, out / 2, 1))),
        cv3(register_module("cv3", Conv(out, out, 1))) {
    for (int i = 0; i < repeats; ++i) m->push_back(Residual(out / 2));
    register_module("m", m);
  }

  Tensor forward(const Tensor& x) {
    return cv3(torch::cat({m->forward(cv1(x)), cv2(x)}, 1));
  }

  Conv cv1, cv2, cv3;
  nn::Sequential m;
};
TORCH_MODULE(Partial);

struct DetectHeadImpl : nn::Module {
  explicit DetectHeadImpl(int64_t in)
      : stem(register_module("stem", Conv(in, in, 3))),
        predict(register_module(
            "predict", nn::Conv2d(nn::Conv2dOptions(in, kOutputs, 1)))) {}

  // [batch, boxes, height, width, 5 + things]: centre and size of a box,
  // whether there is one, and of what.
  Tensor forward(const Tensor& x) {
    const Tensor y = predict(stem(x));
    return y.view({y.size(0), kBoxes, 5 + kThings, y.size(2), y.size(3)})
        .permute({0, 1, 3, 4, 2})
        .contiguous();
  }

  Conv stem;
  nn::Conv2d predict;
};
TORCH_MODULE(DetectHead);

struct BackboneImpl : nn::Module {
  Conv stem = register_module("stem", Conv(3, 32, 3, 2));
  Conv down1 = register_module("down1", Conv(32, 64, 3, 2));
  Partial stage1 = register_module("stage1", Partial(64, 64, 1));
  Conv down2 = register_module("down2", Conv(64, 128, 3, 2));
  Partial stage2 = register_module("stage2", Partial(128, 128, 2));
  Conv down3 = register_module("down3", Conv(128, 256, 3, 2));
  Partial stage3 = register_module("stage3", Partial(256, 256, 3));
  Conv down4 = register_module("down4", Conv(256, 512, 3, 2));
  Partial stage4 = register_module("stage4", Partial(512, 512, 1));

  // At an 8th, a 16th and a 32nd of the size.
  std::array<Tensor, 3> forward(const Tensor& images) {
    const Tensor x = stage1(down1(stem(images)));
    const Tensor fine = stage2(down2(x));
    const Tensor middle = stage3(down3(fine));
    return {fine, middle, stage4(down4(middle))};
  }
};
TORCH_MODULE(Backbone);

struct PyramidImpl : nn::Module {
  Conv lateral1 = register_module("lateral1", Conv(512, 256, 1));
  Partial merge1 = register_module("merge1", Partial(512, 256, 1));
  Conv lateral2 = register_module("lateral2", Conv(256, 128, 1));
  Partial merge2 = register_module("merge2", Partial(256, 128, 1));
  Conv down1 = register_module("down1", Conv(128, 128, 3, 2));
  Partial merge3 = register_module("merge3", Partial(256, 256, 1));
  Conv down2 = register_module("down2", Conv(256, 256, 3, 2));
  Partial merge4 = register_module("merge4", Partial(512, 512, 1));

  std::array<Tensor, 3> forward(const std::array<Tensor, 3>& features) {
    const Tensor coarse = lateral1(features[2]);
    const Tensor middle =
        lateral2(merge1(torch::cat({Larger(coarse), features[1]}, 1)));
    const Tensor fine = merge2(torch::cat({Larger(middle), features[0]}, 1));
    const Tensor back = merge3(torch::cat({down1(fine), middle}, 1));
    return {fine, back, merge4(torch::cat({down2(back), coarse}, 1))};
  }

  static Tensor Larger(const Tensor& x) {
    return F::interpolate(x, F::InterpolateFuncOptions()
                                 .scale_factor(std::vector<double>{2, 2})
                                 .mode(torch::kNearest));
  }
};
TORCH_MODULE(Pyramid);

struct DetectorImpl : nn::Module {
  Backbone backbone = register_module("backbone", Backbone());
  Pyramid neck = register_module("neck", Pyramid());
  DetectHead fine = register_module("fine", DetectHead(128));
  DetectHead middle = register_module("middle", DetectHead(256));
  DetectHead coarse = register_module("coarse", DetectHead(512));

  // All boxes of all scales: [batch, boxes, 5 + things]
  Tensor forward(const Tensor& images) {
    const auto maps = neck(backbone(images));
    return torch::cat(
        {fine(maps[0]).flatten(1, 3), middle(maps[1]).flatten(1, 3),
         coarse(maps[2]).flatten(1, 3)},
        1);
  }
};
TORCH_MODULE(Detector);

// Boxes by distance, the rest by cross entropy.
Tensor Loss(const Tensor& guesses, const Tensor& truth) {
  const auto guess = guesses.split_with_sizes({2, 2, 1 + kThings}, -1);
  const auto real = truth.split_with_sizes({2, 2, 1 + kThings}, -1);
  return F::mse_loss(torch::sigmoid(guess[0]), real[0]) +
         F::smooth_l1_loss(guess[1], real[1]) +
         F::binary_cross_entropy_with_logits(guess[2], real[2]);
}

Training MakeDetector() {
  Detector net;
  const Tensor images = torch::randn({kBatch, 3, kImageSize, kImageSize});
  const Tensor truth =
      torch::rand({kBatch, kBoxes * (64 + 16 + 4), 5 + kThings});
  auto optimizer = std::make_shared<torch::optim::SGD>(
      net->parameters(), torch::optim::SGDOptions(1e-3).momentum(0.9));
  return {{{"detector", net.ptr()}}, [=]() mutable {
            optimizer->zero_grad();
            Loss(net(images), truth).backward();
            optimizer->step();
          }};
}

}  // namespace

std::vector<Model> Detectors() {
  // With conv(i, o, k) = i o k^2 + 2 o and partial(i, o, n) = 2 conv(i, o/2, 1)
  // + conv(o, o, 1) + n (conv(o/2, o/2, 1) + conv(o/2, o/2, 3)), from top to
  // bottom: backbone, pyramid, and heads of conv(i, i, 3) + 75 i + 75.
  return {{"YOLO-like", 9512449, MakeDetector}};
}

}  // namespace zoo
