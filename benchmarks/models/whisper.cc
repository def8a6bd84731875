// Whisper-tiny (Radford et al., 2022): an encoder of sound and a decoder of
// text that attends to it.

#include <cmath>
#include <optional>

#include "training.h"

namespace zoo {
namespace {

constexpr int64_t kMels = 80;
constexpr int64_t kSoundContext = 1500;
constexpr int64_t kTextContext = 448;
constexpr int64_t kWords = 51865;
constexpr int64_t kWidth = 384;
constexpr int64_t kHeads = 6;
constexpr int kLayers = 4;

nn::LayerNorm Norm() { return nn::LayerNorm(nn::LayerNormOptions({kWidth})); }

nn::Conv1d SoundConvolution(int64_t in, int64_t stride) {
  return nn::Conv1d(nn::Conv1dOptions(in, kWidth, 3).stride(stride).padding(1));
}

struct AttentionImpl : nn::Module {
  nn::Linear query = register_module("query", nn::Linear(kWidth, kWidth));
  nn::Linear key = register_module(
      "key", nn::Linear(nn::LinearOptions(kWidth, kWidth).bias(false)));
  nn::Linear value = register_module("value", nn::Linear(kWidth, kWidth));
  nn::Linear out = register_module("out", nn::Linear(kWidth, kWidth));

  // Attends to `source`, and only to what is not later if there is a `mask`.
  Tensor forward(const Tensor& x, const Tensor& source, const Tensor& mask) {
    const double scale = std::pow(kWidth / kHeads, -0.25);
    const Tensor q = Heads(query(x)) * scale;
    const Tensor k = Heads(key(source)).transpose(-1, -2) * scale;
    Tensor scores = q.matmul(k);
    if (mask.defined()) {
      scores = scores + mask.slice(0, 0, x.size(1)).slice(1, 0, x.size(1));
    }
    const Tensor weights = F::softmax(scores, -1);
    const Tensor y = weights.matmul(Heads(value(source)));
    return out(y.permute({0, 2, 1, 3}).flatten(2));
  }

  static Tensor Heads(const Tensor& x) {
    return x.view({x.size(0), x.size(1), kHeads, -1}).permute({0, 2, 1, 3});
  }
};
TORCH_MODULE(Attention);

struct ResidualBlockImpl : nn::Module {
  explicit ResidualBlockImpl(bool reads_sound) {
    if (!reads_sound) return;
    cross_attn = register_module("cross_attn", Attention());
    cross_attn_ln = register_module("cross_attn_ln", Norm());
  }

  Tensor forward(Tensor x, const Tensor& sound, const Tensor& mask) {
    const Tensor y = attn_ln(x);
    x = x + attn(y, y, mask);
    if (cross_attn) x = x + cross_attn(cross_attn_ln(x), sound, Tensor());
    return x + mlp->forward(mlp_ln(x));
  }

  Attention attn = register_module("attn", Attention());
  nn::LayerNorm attn_ln = register_module("attn_ln", Norm());
  Attention cross_attn{nullptr};
  nn::LayerNorm cross_attn_ln{nullptr};
  nn::Sequential mlp = register_module(
      "mlp", nn::Sequential(nn::Linear(kWidth, 4 * kWidth), nn::GELU(),
                            nn::Linear(4 * kWidth, kWidth)));
  nn::LayerNorm mlp_ln = register_module("mlp_ln", Norm());
};
TORCH_MODULE(ResidualBlock);

// Waves of different lengths that tell positions apart. [length, width]
Tensor Sinusoids() {
  const double step = std::log(1e4) / (kWidth / 2 - 1);
  const Tensor rates =
      torch::exp(-step * torch::arange(kWidth / 2, torch::kFloat));
  const Tensor angles =
      torch::outer(torch::arange(kSoundContext, torch::kFloat), rates);
  return torch::cat({angles.sin(), angles.cos()}, 1);
}

struct AudioEncoderImpl : nn::Module {
  AudioEncoderImpl() {
    for (int i = 0; i < kLayers; ++i) blocks->push_back(ResidualBlock(false));
    register_module("blocks", blocks);
  }

  // [batch, mels, time] -> [batch, time / 2, width]
  Tensor forward(const Tensor& sound) {
    Tensor x = F::gelu(conv1(sound));
    x = F::gelu(conv2(x)).permute({0, 2, 1});
    x = x + positional_embedding.slice(0, 0, x.size(1));
    for (const auto& block : *blocks) {
      x = block->as<ResidualBlock>()->forward(x, Tensor(), Tensor());
    }
    return ln_post(x);
  }

  nn::Conv1d conv1 = register_module("conv1", SoundConvolution(kMels, 1));
  nn::Conv1d conv2 = register_module("conv2", SoundConvolution(kWidth, 2));
  Tensor positional_embedding =
      register_buffer("positional_embedding", Sinusoids());
  nn::ModuleList blocks;
  nn::LayerNorm ln_post = register_module("ln_post", Norm());
};
TORCH_MODULE(AudioEncoder);

struct TextDecoderImpl : nn::Module {
  TextDecoderImpl() {
    for (int i = 0; i < kLayers; ++i) blocks->push_back(ResidualBlock(true));
    register_module("blocks", blocks);
  }

  // [batch, length] -> [batch, length, words]
  Tensor forward(const Tensor& words, const Tensor& sound) {
    Tensor x = token_embedding(words) +
               positional_embedding.slice(0, 0, words.size(1));
    for (const auto& block : *blocks) {
      x = block->as<ResidualBlock>()->forward(x, sound, mask);
    }
    x = ln(x);
    return x.matmul(token_embedding->weight.transpose(0, 1));
  }

  nn::Embedding token_embedding =
      register_module("token_embedding", nn::Embedding(kWords, kWidth));
  Tensor positional_embedding = register_parameter(
      "positional_embedding", 0.01 * torch::randn({kTextContext, kWidth}));
  nn::ModuleList blocks;
  nn::LayerNorm ln = register_module("ln", Norm());
  Tensor mask = register_buffer(
      "mask", torch::full({kTextContext, kTextContext}, -INFINITY).triu(1));
};
TORCH_MODULE(TextDecoder);

struct WhisperImpl : nn::Module {
  AudioEncoder encoder = register_module("encoder", AudioEncoder());
  TextDecoder decoder = register_module("decoder", TextDecoder());

  Tensor forward(const Tensor& sound, const Tensor& words) {
    return decoder(words, encoder(sound));
  }
};
TORCH_MODULE(Whisper);

Training MakeWhisper() {
  Whisper net;
  const Tensor sound = torch::randn({kBatch, kMels, 300});
  const Tensor text = torch::randint(0, kWords, {kBatch, 17});
  const Tensor words = text.slice(1, 0, 16), next = text.slice(1, 1);
  auto optimizer = std::make_shared<torch::optim::AdamW>(net->parameters());
  return {{{"whisper", net.ptr()}}, [=]() mutable {
            optimizer->zero_grad();
            const Tensor guesses = net(sound, words);
            F::cross_entropy(guesses.transpose(1, 2), next).backward();
            optimizer->step();
          }};
}

}  // namespace

std::vector<Model> Whispers() {
  return {{"Whisper-tiny", 37184640, MakeWhisper}};
}

}  // namespace zoo
