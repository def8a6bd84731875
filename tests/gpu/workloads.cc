#include "workloads.h"

#include <ATen/autocast_mode.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <torch/torch.h>

#include <memory>

#if __has_include(<cuda_runtime_api.h>) && __has_include(<ATen/cuda/CUDAGraph.h>)
#define TORCHTAPE_HAS_CUDA_HEADERS 1
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAStream.h>
#endif

namespace torchtape::gpu {
namespace {

using Step = std::function<void()>;
const torch::Device kGpu(torch::kCUDA, 0);

Step MakeCnn() {
  torch::manual_seed(1);
  torch::nn::Sequential net(
      torch::nn::Conv2d(torch::nn::Conv2dOptions(3, 32, 3).padding(1)),
      torch::nn::ReLU(),
      torch::nn::Conv2d(torch::nn::Conv2dOptions(32, 64, 3).stride(2)),
      torch::nn::ReLU(), torch::nn::AdaptiveAvgPool2d(4), torch::nn::Flatten(),
      torch::nn::Linear(1024, 10));
  net->to(kGpu);
  auto optimizer = std::make_shared<torch::optim::Adam>(net->parameters());
  const auto images = torch::randn({64, 3, 64, 64});
  const auto labels = torch::randint(10, {64}, kGpu);
  return [=]() mutable {
    optimizer->zero_grad();
    const auto loss =
        torch::cross_entropy_loss(net->forward(images.to(kGpu)), labels);
    loss.backward();
    optimizer->step();
  };
}

struct GptImpl : torch::nn::Module {
  GptImpl() {
    embed = register_module("embed", torch::nn::Embedding(256, 256));
    const auto layer = torch::nn::TransformerEncoderLayer(
        torch::nn::TransformerEncoderLayerOptions(256, 8)
            .dim_feedforward(1024)
            .dropout(0));
    layers = register_module("layers", torch::nn::TransformerEncoder(layer, 4));
    head = register_module("head", torch::nn::Linear(256, 256));
  }
  torch::Tensor forward(const torch::Tensor& text) {
    return head(layers(embed(text)));
  }
  torch::nn::Embedding embed{nullptr};
  torch::nn::TransformerEncoder layers{nullptr};
  torch::nn::Linear head{nullptr};
};
TORCH_MODULE(Gpt);

Step MakeGpt(bool autocast) {
  torch::manual_seed(1);
  Gpt net;
  net->to(kGpu);
  auto optimizer = std::make_shared<torch::optim::AdamW>(net->parameters());
  const auto text = torch::randint(256, {128, 16}, kGpu);
  return [=]() mutable {
    optimizer->zero_grad();
    if (autocast) {
      at::autocast::set_autocast_dtype(at::kCUDA, at::kBFloat16);
      at::autocast::set_autocast_enabled(at::kCUDA, true);
    }
    const auto loss = torch::cross_entropy_loss(
        net->forward(text).flatten(0, 1).to(torch::kFloat), text.flatten());
    if (autocast) {
      at::autocast::set_autocast_enabled(at::kCUDA, false);
      at::autocast::clear_cache();
    }
    loss.backward();
    optimizer->step();
  };
}

Step MakeTwoStreams() {
  const c10::impl::VirtualGuardImpl device(c10::DeviceType::CUDA);
  const c10::Stream one = device.getStreamFromGlobalPool(kGpu);
  const c10::Stream other = device.getStreamFromGlobalPool(kGpu);
  const auto a = torch::randn({1024, 1024}, kGpu);
  const auto b = torch::randn({1024, 1024}, kGpu);
  return [=] {
    for (int i = 0; i < 8; ++i) {
      {
        const c10::StreamGuard guard(one);
        a.mm(a);
      }
      const c10::StreamGuard guard(other);
      b.mm(b);
    }
  };
}

// Takes more and more, and gives all of it back.
Step MakeOutOfMemory() {
  return [] {
    std::vector<torch::Tensor> taken;
    try {
      while (true) {
        taken.push_back(torch::empty({int64_t{1} << 28}, kGpu));
      }
    } catch (const c10::OutOfMemoryError&) {
      return;
    }
  };
}

#ifdef TORCHTAPE_HAS_CUDA_HEADERS

// The forward pass, captured once and launched in each step.
Step MakeGptGraph() {
  torch::manual_seed(1);
  const torch::NoGradGuard no_grad;
  Gpt net;
  net->to(kGpu);
  net->eval();
  const auto text = torch::randint(256, {128, 16}, kGpu);
  const auto stream = c10::cuda::getStreamFromPool();
  auto graph = std::make_shared<at::cuda::CUDAGraph>();
  {
    const c10::StreamGuard guard(stream.unwrap());
    for (int i = 0; i < 3; ++i) net->forward(text);
    torch::cuda::synchronize();
    graph->capture_begin();
    const auto output = net->forward(text);
    graph->capture_end();
  }
  return [=] {
    const c10::StreamGuard guard(stream.unwrap());
    graph->replay();
  };
}

#endif

}  // namespace

const std::vector<Workload>& Workloads() {
  static const std::vector<Workload> workloads = {
      {"cnn", MakeCnn},
      {"gpt", [] { return MakeGpt(false); }},
      {"gpt_autocast", [] { return MakeGpt(true); }},
#ifdef TORCHTAPE_HAS_CUDA_HEADERS
      {"gpt_graph", MakeGptGraph},
#endif
      {"two_streams", MakeTwoStreams},
      {"out_of_memory", MakeOutOfMemory},
  };
  return workloads;
}

std::optional<AllocatorBytes> ReadAllocator() {
#ifdef TORCHTAPE_HAS_CUDA_HEADERS
  const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(0);
  return AllocatorBytes{stats.allocated_bytes[0].current,
                        stats.reserved_bytes[0].current};
#else
  return std::nullopt;
#endif
}

}  // namespace torchtape::gpu
