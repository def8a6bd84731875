// DCGAN (Radford et al., 2015) as in PyTorch's examples: two networks, each
// with an optimizer of its own.

#include "training.h"

namespace zoo {
namespace {

constexpr int64_t kNoise = 100;

// Makes pictures of 64 x 64 of noise. 3,576,704 parameters.
struct GeneratorImpl : nn::Module {
  GeneratorImpl() {
    Add(kNoise, 512, 1, 0);
    Add(512, 256, 2, 1);
    Add(256, 128, 2, 1);
    Add(128, 64, 2, 1);
    main->push_back(nn::ConvTranspose2d(
        nn::ConvTranspose2dOptions(64, 3, 4).stride(2).padding(1).bias(false)));
    main->push_back(nn::Tanh());
    register_module("main", main);
  }

  void Add(int64_t in, int64_t out, int64_t stride, int64_t padding) {
    main->push_back(nn::ConvTranspose2d(nn::ConvTranspose2dOptions(in, out, 4)
                                            .stride(stride)
                                            .padding(padding)
                                            .bias(false)));
    main->push_back(nn::BatchNorm2d(out));
    main->push_back(nn::ReLU(/*inplace=*/true));
  }

  Tensor forward(const Tensor& noise) { return main->forward(noise); }

  nn::Sequential main;
};
TORCH_MODULE(Generator);

// Tells how real a picture looks. 2,765,568 parameters.
struct DiscriminatorImpl : nn::Module {
  nn::Conv2d conv1 = Conv(3, 64);
  nn::Conv2d conv2 = Conv(64, 128);
  nn::BatchNorm2d norm2{128};
  nn::Conv2d conv3 = Conv(128, 256);
  nn::BatchNorm2d norm3{256};
  nn::Conv2d conv4 = Conv(256, 512);
  nn::BatchNorm2d norm4{512};
  nn::Conv2d conv5{nn::Conv2dOptions(512, 1, 4).bias(false)};

  DiscriminatorImpl() {
    register_module("conv1", conv1);
    register_module("conv2", conv2);
    register_module("norm2", norm2);
    register_module("conv3", conv3);
    register_module("norm3", norm3);
    register_module("conv4", conv4);
    register_module("norm4", norm4);
    register_module("conv5", conv5);
  }

  static nn::Conv2d Conv(int64_t in, int64_t out) {
    return nn::Conv2d(
        nn::Conv2dOptions(in, out, 4).stride(2).padding(1).bias(false));
  }

  Tensor forward(Tensor x) {
    x = torch::leaky_relu(conv1(x), 0.2);
    x = torch::leaky_relu(norm2(conv2(x)), 0.2);
    x = torch::leaky_relu(norm3(conv3(x)), 0.2);
    x = torch::leaky_relu(norm4(conv4(x)), 0.2);
    return torch::sigmoid(conv5(x)).view({-1});
  }
};
TORCH_MODULE(Discriminator);

Training MakeDcgan() {
  Generator generator;
  Discriminator discriminator;
  const auto options =
      torch::optim::AdamOptions(2e-4).betas(std::make_tuple(0.5, 0.999));
  auto generator_optimizer =
      std::make_shared<torch::optim::Adam>(generator->parameters(), options);
  auto discriminator_optimizer = std::make_shared<torch::optim::Adam>(
      discriminator->parameters(), options);
  const Tensor real = torch::randn({kBatch, 3, kImageSize, kImageSize});
  const Tensor ones = torch::ones({kBatch}), zeros = torch::zeros({kBatch});
  const auto step = [=]() mutable {
    discriminator->zero_grad();
    torch::binary_cross_entropy(discriminator(real), ones).backward();
    const Tensor fake = generator(torch::randn({kBatch, kNoise, 1, 1}));
    torch::binary_cross_entropy(discriminator(fake.detach()), zeros).backward();
    discriminator_optimizer->step();
    generator->zero_grad();
    torch::binary_cross_entropy(discriminator(fake), ones).backward();
    generator_optimizer->step();
  };
  return {
      {{"generator", generator.ptr()}, {"discriminator", discriminator.ptr()}},
      step};
}

}  // namespace

std::vector<Model> Gans() { return {{"DCGAN", 3576704 + 2765568, MakeDcgan}}; }

}  // namespace zoo
