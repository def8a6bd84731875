// GoogLeNet (Szegedy et al., 2014) with batch norm and without the auxiliary
// heads, as in torchvision.

#include "training.h"

namespace zoo {
namespace {

struct BasicConv2dImpl : nn::Module {
  BasicConv2dImpl(int64_t in, int64_t out, int64_t kernel, int64_t stride = 1)
      : conv(Convolution(in, out, kernel, stride)),
        bn(nn::BatchNorm2dOptions(out).eps(1e-3)) {
    register_module("conv", conv);
    register_module("bn", bn);
  }

  Tensor forward(const Tensor& x) {
    return F::relu(bn(conv(x)), F::ReLUFuncOptions(/*inplace=*/true));
  }

  nn::Conv2d conv;
  nn::BatchNorm2d bn;
};
TORCH_MODULE(BasicConv2d);

// Channels of the branches; `3` and `5` are first reduced.
struct Widths {
  int64_t one, reduce3, three, reduce5, five, pool;
};

struct InceptionImpl : nn::Module {
  InceptionImpl(int64_t in, const Widths& w)
      : branch1(in, w.one, 1),
        branch2(BasicConv2d(in, w.reduce3, 1),
                BasicConv2d(w.reduce3, w.three, 3)),
        branch3(BasicConv2d(in, w.reduce5, 1),
                BasicConv2d(w.reduce5, w.five, 3)),
        branch4(
            nn::MaxPool2d(
                nn::MaxPool2dOptions(3).stride(1).padding(1).ceil_mode(true)),
            BasicConv2d(in, w.pool, 1)) {
    register_module("branch1", branch1);
    register_module("branch2", branch2);
    register_module("branch3", branch3);
    register_module("branch4", branch4);
  }

  Tensor forward(const Tensor& x) {
    return torch::cat({branch1(x), branch2->forward(x), branch3->forward(x),
                       branch4->forward(x)},
                      1);
  }

  BasicConv2d branch1;
  nn::Sequential branch2, branch3, branch4;
};
TORCH_MODULE(Inception);

nn::MaxPool2d Halve(int64_t kernel) {
  return nn::MaxPool2d(nn::MaxPool2dOptions(kernel).stride(2).ceil_mode(true));
}

struct GoogLeNetImpl : nn::Module {
  GoogLeNetImpl() {
    register_module("conv1", conv1);
    register_module("maxpool1", maxpool1);
    register_module("conv2", conv2);
    register_module("conv3", conv3);
    register_module("maxpool2", maxpool2);
    register_module("inception3", inception3);
    register_module("maxpool3", maxpool3);
    register_module("inception4", inception4);
    register_module("maxpool4", maxpool4);
    register_module("inception5", inception5);
    register_module("dropout", dropout);
    register_module("fc", fc);
  }

  Tensor forward(Tensor x) {
    x = maxpool1(conv1(x));
    x = maxpool2(conv3(conv2(x)));
    x = maxpool3(inception3->forward(x));
    x = maxpool4(inception4->forward(x));
    x = inception5->forward(x);
    x = torch::adaptive_avg_pool2d(x, {1, 1}).flatten(1);
    return fc(dropout(x));
  }

  BasicConv2d conv1{3, 64, 7, 2};
  nn::MaxPool2d maxpool1 = Halve(3);
  BasicConv2d conv2{64, 64, 1};
  BasicConv2d conv3{64, 192, 3};
  nn::MaxPool2d maxpool2 = Halve(3);
  nn::Sequential inception3{Inception(192, Widths{64, 96, 128, 16, 32, 32}),
                            Inception(256, Widths{128, 128, 192, 32, 96, 64})};
  nn::MaxPool2d maxpool3 = Halve(3);
  nn::Sequential inception4{
      Inception(480, Widths{192, 96, 208, 16, 48, 64}),
      Inception(512, Widths{160, 112, 224, 24, 64, 64}),
      Inception(512, Widths{128, 128, 256, 24, 64, 64}),
      Inception(512, Widths{112, 144, 288, 32, 64, 64}),
      Inception(528, Widths{256, 160, 320, 32, 128, 128})};
  nn::MaxPool2d maxpool4 = Halve(2);
  nn::Sequential inception5{
      Inception(832, Widths{256, 160, 320, 32, 128, 128}),
      Inception(832, Widths{384, 192, 384, 48, 128, 128})};
  nn::Dropout dropout{0.2};
  nn::Linear fc{1024, kClasses};
};
TORCH_MODULE(GoogLeNet);

}  // namespace

std::vector<Model> GoogLeNets() {
  return {{"googlenet", 6624904, [] { return ClassifyImages(GoogLeNet()); }}};
}

}  // namespace zoo
