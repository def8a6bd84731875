// GPT-mini: a decoder of letters, of the shape of minGPT's "gpt-mini".

#include <cmath>

#include "training.h"

namespace zoo {
namespace {

constexpr int64_t kLetters = 65;
constexpr int64_t kContext = 128;
constexpr int64_t kWidth = 192;
constexpr int64_t kHeads = 6;
constexpr int kBlocks = 6;

struct CausalSelfAttentionImpl : nn::Module {
  nn::Linear c_attn = register_module("c_attn", nn::Linear(kWidth, 3 * kWidth));
  nn::Linear c_proj = register_module("c_proj", nn::Linear(kWidth, kWidth));
  nn::Dropout attn_dropout = register_module("attn_dropout", nn::Dropout(0.1));
  nn::Dropout resid_dropout =
      register_module("resid_dropout", nn::Dropout(0.1));
  Tensor mask = register_buffer(
      "mask", torch::ones({kContext, kContext}, torch::kBool).triu(1));

  Tensor forward(const Tensor& x) {
    const int64_t length = x.size(1);
    const auto parts = c_attn(x).split(kWidth, 2);
    const Tensor q = Heads(parts[0]), k = Heads(parts[1]), v = Heads(parts[2]);
    Tensor scores =
        torch::matmul(q, k.transpose(-2, -1)) / std::sqrt(kWidth / kHeads);
    scores = scores.masked_fill(mask.slice(0, 0, length).slice(1, 0, length),
                                -INFINITY);
    const Tensor weights = attn_dropout(torch::softmax(scores, -1));
    const Tensor y = torch::matmul(weights, v).transpose(1, 2).contiguous();
    return resid_dropout(c_proj(y.view({-1, length, kWidth})));
  }

  // [batch, length, width] -> [batch, heads, length, width of a head]
  static Tensor Heads(const Tensor& x) {
    return x.view({x.size(0), x.size(1), kHeads, kWidth / kHeads})
        .transpose(1, 2);
  }
};
TORCH_MODULE(CausalSelfAttention);

struct BlockImpl : nn::Module {
  nn::LayerNorm ln_1 =
      register_module("ln_1", nn::LayerNorm(nn::LayerNormOptions({kWidth})));
  CausalSelfAttention attn = register_module("attn", CausalSelfAttention());
  nn::LayerNorm ln_2 =
      register_module("ln_2", nn::LayerNorm(nn::LayerNormOptions({kWidth})));
  nn::Linear c_fc = register_module("c_fc", nn::Linear(kWidth, 4 * kWidth));
  nn::Linear c_proj = register_module("c_proj", nn::Linear(4 * kWidth, kWidth));

  Tensor forward(Tensor x) {
    x = x + attn(ln_1(x));
    return x + c_proj(F::gelu(c_fc(ln_2(x))));
  }
};
TORCH_MODULE(Block);

struct GptImpl : nn::Module {
  GptImpl() {
    for (int i = 0; i < kBlocks; ++i) h->push_back(Block());
    register_module("h", h);
  }

  // [batch, length] -> [batch * length, letters]
  Tensor forward(const Tensor& letters) {
    const Tensor positions = torch::arange(letters.size(1));
    Tensor x = wte(letters) + wpe(positions);
    for (const auto& block : *h) x = block->as<Block>()->forward(x);
    return lm_head(ln_f(x)).view({-1, kLetters});
  }

  nn::Embedding wte = register_module("wte", nn::Embedding(kLetters, kWidth));
  nn::Embedding wpe = register_module("wpe", nn::Embedding(kContext, kWidth));
  nn::ModuleList h;
  nn::LayerNorm ln_f =
      register_module("ln_f", nn::LayerNorm(nn::LayerNormOptions({kWidth})));
  nn::Linear lm_head = register_module(
      "lm_head", nn::Linear(nn::LinearOptions(kWidth, kLetters).bias(false)));
};
TORCH_MODULE(Gpt);

Training MakeGpt() {
  Gpt net;
  const Tensor text = torch::randint(0, kLetters, {kBatch, kContext + 1});
  const Tensor letters = text.slice(1, 0, kContext).contiguous();
  const Tensor next = text.slice(1, 1).reshape({-1});
  auto optimizer = std::make_shared<torch::optim::AdamW>(net->parameters());
  return {{{"gpt", net.ptr()}}, [=]() mutable {
            optimizer->zero_grad();
            F::cross_entropy(net(letters), next).backward();
            optimizer->step();
          }};
}

}  // namespace

std::vector<Model> Gpts() {
  // 65 x 192 letters twice, 128 x 192 positions, 6 blocks of 12 x 192^2 +
  // 13 x 192, and 2 x 192 for the last norm.
  return {{"GPT-mini", 2719104, MakeGpt}};
}

}  // namespace zoo
