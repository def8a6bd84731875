#ifndef TORCHTAPE_TESTS_SDK_TORCH_CALL_MODULES_H_
#define TORCHTAPE_TESTS_SDK_TORCH_CALL_MODULES_H_

// Calls of LibTorch's modules in all the ways that there are. In a header, so
// that it is compiled with optimization and without.

#include <torch/torch.h>

namespace {

struct AllWaysImpl : torch::nn::Module {
  AllWaysImpl()
      : holder(register_module("holder", torch::nn::Linear(2, 2))),
        sequential(register_module(
            "sequential",
            torch::nn::Sequential(torch::nn::Linear(2, 2), torch::nn::ReLU()))),
        list(register_module("list", torch::nn::ModuleList(torch::nn::Tanh()))),
        any(torch::nn::Softmax(1)),
        pad(register_module("pad", torch::nn::ReflectionPad1d(1))) {
    register_module("any", any.ptr());
  }

  torch::Tensor forward(torch::Tensor x) {
    x = holder(x);
    x = holder->forward(x);
    // As a table of functions holds it.
    static torch::Tensor (torch::nn::LinearImpl::*volatile function)(
        const torch::Tensor&) = &torch::nn::LinearImpl::forward;
    x = ((*holder).*function)(x);
    x = sequential->forward(x);
    x = list[0]->as<torch::nn::Tanh>()->forward(x);
    x = any.forward(x);
    return pad(x);
  }

  torch::nn::Linear holder;
  torch::nn::Sequential sequential;
  torch::nn::ModuleList list;
  torch::nn::AnyModule any;
  torch::nn::ReflectionPad1d pad;
};

}  // namespace

#endif  // TORCHTAPE_TESTS_SDK_TORCH_CALL_MODULES_H_
