#ifndef TORCHTAPE_BENCHMARKS_MODELS_TOLD_MODULES_H_
#define TORCHTAPE_BENCHMARKS_MODELS_TOLD_MODULES_H_

// The same models with the truth told: around each call of a module's forward,
// however it is called, there is a range named by the module's path. Modules of
// the models' own have a scope too, as a user of torchtape/module.h gives them.
//
// forward is not virtual, so a module that tells is of a class derived from the
// one that the models write; holders hold these. What attribution makes of the
// log without these is compared with the ranges: ../attribution.py.

#include <torch/torch.h>
#include <torchtape/module.h>
#include <torchtape/range.h>

#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace zoo {

// The paths of the modules that are trained, "net.layer1.0". Filled before the
// training and then only read.
std::unordered_map<const torch::nn::Module*, std::string>& Paths();

inline torchtape::Range RangeOf(const torch::nn::Module& module) {
  const auto it = Paths().find(&module);
  return torchtape::Range(it == Paths().end() ? "?" : "in " + it->second);
}

// A module of LibTorch's.
template <typename Impl, typename Forward = decltype(&Impl::forward)>
struct Told;
template <typename Impl, typename Result, typename Class, typename... Arguments>
struct Told<Impl, Result (Class::*)(Arguments...)> : Impl {
  using Impl::Impl;
  Result forward(Arguments... arguments) {
    const torchtape::Range range = RangeOf(*this);
    return Impl::forward(std::forward<Arguments>(arguments)...);
  }
};

// Those whose forward has default arguments, which a pointer to it does not
// tell: as the models call them.
struct ToldConvTranspose2dImpl : torch::nn::ConvTranspose2dImpl {
  using torch::nn::ConvTranspose2dImpl::ConvTranspose2dImpl;
  torch::Tensor forward(
      const torch::Tensor& input,
      const std::optional<at::IntArrayRef>& output_size = std::nullopt) {
    const torchtape::Range range = RangeOf(*this);
    return ConvTranspose2dImpl::forward(input, output_size);
  }
};

struct ToldLSTMImpl : torch::nn::LSTMImpl {
  using torch::nn::LSTMImpl::LSTMImpl;
  using State = std::tuple<torch::Tensor, torch::Tensor>;
  std::tuple<torch::Tensor, State> forward(const torch::Tensor& input,
                                           const State& state) {
    const torchtape::Range range = RangeOf(*this);
    return LSTMImpl::forward(input, state);
  }
};

struct ToldMultiheadAttentionImpl : torch::nn::MultiheadAttentionImpl {
  using torch::nn::MultiheadAttentionImpl::MultiheadAttentionImpl;
  std::tuple<torch::Tensor, torch::Tensor> forward(const torch::Tensor& query,
                                                   const torch::Tensor& key,
                                                   const torch::Tensor& value) {
    const torchtape::Range range = RangeOf(*this);
    return MultiheadAttentionImpl::forward(query, key, value);
  }
};

// A module of the models' own.
template <typename Impl, typename Forward = decltype(&Impl::forward)>
struct Scoped;
template <typename Impl, typename Result, typename Class, typename... Arguments>
struct Scoped<Impl, Result (Class::*)(Arguments...)> : Impl {
  using Impl::Impl;
  Result forward(Arguments... arguments) {
    TORCHTAPE_SCOPE(*this);
    const torchtape::Range range = RangeOf(*this);
    return Impl::forward(std::forward<Arguments>(arguments)...);
  }
};

// torch::nn, with modules that tell.
namespace nn {
using namespace torch::nn;

#define ZOO_TELL(Name) TORCH_MODULE_IMPL(Name, Told<torch::nn::Name##Impl>)
ZOO_TELL(AvgPool2d);
ZOO_TELL(BatchNorm2d);
ZOO_TELL(Conv1d);
ZOO_TELL(Conv2d);
ZOO_TELL(Dropout);
ZOO_TELL(Embedding);
ZOO_TELL(Flatten);
ZOO_TELL(GELU);
ZOO_TELL(LayerNorm);
ZOO_TELL(Linear);
ZOO_TELL(MaxPool2d);
ZOO_TELL(ReLU);
ZOO_TELL(ReLU6);
ZOO_TELL(SiLU);
ZOO_TELL(Tanh);
ZOO_TELL(Upsample);
#undef ZOO_TELL
TORCH_MODULE_IMPL(ConvTranspose2d, ToldConvTranspose2dImpl);
TORCH_MODULE_IMPL(LSTM, ToldLSTMImpl);
TORCH_MODULE_IMPL(MultiheadAttention, ToldMultiheadAttentionImpl);
}  // namespace nn
}  // namespace zoo

#undef TORCH_MODULE
#define TORCH_MODULE(Name) TORCH_MODULE_IMPL(Name, Scoped<Name##Impl>)

#endif  // TORCHTAPE_BENCHMARKS_MODELS_TOLD_MODULES_H_
