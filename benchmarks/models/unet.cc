// U-Net (Ronneberger et al., 2015) with batch norm, as in the much used
// milesial/Pytorch-UNet: tells for each pixel which of two things it shows.

#include "training.h"

namespace zoo {
namespace {

struct DoubleConvImpl : nn::Module {
  DoubleConvImpl(int64_t in, int64_t out)
      : double_conv(Convolution(in, out, 3), nn::BatchNorm2d(out),
                    nn::ReLU(/*inplace=*/true), Convolution(out, out, 3),
                    nn::BatchNorm2d(out), nn::ReLU(/*inplace=*/true)) {
    register_module("double_conv", double_conv);
  }

  Tensor forward(const Tensor& x) { return double_conv->forward(x); }

  nn::Sequential double_conv;
};
TORCH_MODULE(DoubleConv);

struct DownImpl : nn::Module {
  DownImpl(int64_t in, int64_t out)
      : maxpool_conv(nn::MaxPool2d(2), DoubleConv(in, out)) {
    register_module("maxpool_conv", maxpool_conv);
  }

  Tensor forward(const Tensor& x) { return maxpool_conv->forward(x); }

  nn::Sequential maxpool_conv;
};
TORCH_MODULE(Down);

struct UpImpl : nn::Module {
  UpImpl(int64_t in, int64_t out)
      : up(nn::ConvTranspose2dOptions(in, in / 2, 2).stride(2)), conv(in, out) {
    register_module("up", up);
    register_module("conv", conv);
  }

  // `skipped` comes from the way down, at twice the size.
  Tensor forward(const Tensor& x, const Tensor& skipped) {
    const Tensor larger = up(x);
    const int64_t dy = skipped.size(2) - larger.size(2);
    const int64_t dx = skipped.size(3) - larger.size(3);
    const Tensor padded = F::pad(
        larger, F::PadFuncOptions({dx / 2, dx - dx / 2, dy / 2, dy - dy / 2}));
    return conv(torch::cat({skipped, padded}, 1));
  }

  nn::ConvTranspose2d up;
  DoubleConv conv;
};
TORCH_MODULE(Up);

struct UNetImpl : nn::Module {
  DoubleConv inc = register_module("inc", DoubleConv(3, 64));
  Down down1 = register_module("down1", Down(64, 128));
  Down down2 = register_module("down2", Down(128, 256));
  Down down3 = register_module("down3", Down(256, 512));
  Down down4 = register_module("down4", Down(512, 1024));
  Up up1 = register_module("up1", Up(1024, 512));
  Up up2 = register_module("up2", Up(512, 256));
  Up up3 = register_module("up3", Up(256, 128));
  Up up4 = register_module("up4", Up(128, 64));
  nn::Conv2d outc =
      register_module("outc", nn::Conv2d(nn::Conv2dOptions(64, 2, 1)));

  Tensor forward(const Tensor& image) {
    const Tensor x1 = inc(image);
    const Tensor x2 = down1(x1);
    const Tensor x3 = down2(x2);
    const Tensor x4 = down3(x3);
    Tensor x = down4(x4);
    x = up1(x, x4);
    x = up2(x, x3);
    x = up3(x, x2);
    x = up4(x, x1);
    return outc(x);
  }
};
TORCH_MODULE(UNet);

Training MakeUNet() {
  UNet net;
  const Tensor images = torch::randn({kBatch, 3, kImageSize, kImageSize});
  const Tensor masks =
      torch::randint(0, 2, {kBatch, kImageSize, kImageSize}, torch::kLong);
  auto optimizer = std::make_shared<torch::optim::RMSprop>(
      net->parameters(), torch::optim::RMSpropOptions(1e-5));
  return {{{"unet", net.ptr()}}, [=]() mutable {
            optimizer->zero_grad();
            F::cross_entropy(net(images), masks).backward();
            optimizer->step();
          }};
}

}  // namespace

std::vector<Model> UNets() { return {{"UNet", 31037698, MakeUNet}}; }

}  // namespace zoo
