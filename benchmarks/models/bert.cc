// Encoders of text: BERT-mini (Turc et al., 2019: 4 layers, 256 wide) and one
// like ModernBERT (Warner et al., 2024): rotary positions, local and global
// attention in turn, gated feed-forward, no biases.

#include <cmath>

#include "training.h"

namespace zoo {
namespace {

constexpr int64_t kWords = 30522;
constexpr int64_t kLength = 64;
constexpr int64_t kWidth = 256;
constexpr int64_t kHeads = 4;
constexpr int kLayers = 4;

nn::LayerNorm Norm(bool affine_bias = true) {
  return nn::LayerNorm(
      nn::LayerNormOptions({kWidth}).eps(affine_bias ? 1e-12 : 1e-5));
}

// [batch, length, width] -> [batch, heads, length, width of a head]
Tensor Heads(const Tensor& x) {
  return x.view({x.size(0), x.size(1), kHeads, kWidth / kHeads})
      .permute({0, 2, 1, 3});
}

Tensor Joined(const Tensor& heads) {
  return heads.permute({0, 2, 1, 3}).contiguous().flatten(2);
}

struct BertAttentionImpl : nn::Module {
  nn::Linear query = register_module("query", nn::Linear(kWidth, kWidth));
  nn::Linear key = register_module("key", nn::Linear(kWidth, kWidth));
  nn::Linear value = register_module("value", nn::Linear(kWidth, kWidth));
  nn::Linear output = register_module("output", nn::Linear(kWidth, kWidth));
  nn::LayerNorm norm = register_module("norm", Norm());
  nn::Dropout dropout = register_module("dropout", nn::Dropout(0.1));

  Tensor forward(const Tensor& x, const Tensor& mask) {
    const Tensor q = Heads(query(x)), k = Heads(key(x)), v = Heads(value(x));
    Tensor scores = torch::matmul(q, k.transpose(-1, -2));
    scores = scores / std::sqrt(kWidth / kHeads) + mask;
    const Tensor weights =
        F::dropout(F::softmax(scores, -1), F::DropoutFuncOptions().p(0.1));
    return norm(x + dropout(output(Joined(torch::matmul(weights, v)))));
  }
};
TORCH_MODULE(BertAttention);

struct BertLayerImpl : nn::Module {
  BertAttention attention = register_module("attention", BertAttention());
  nn::Linear intermediate =
      register_module("intermediate", nn::Linear(kWidth, 4 * kWidth));
  nn::Linear output = register_module("output", nn::Linear(4 * kWidth, kWidth));
  nn::LayerNorm norm = register_module("norm", Norm());
  nn::Dropout dropout = register_module("dropout", nn::Dropout(0.1));

  Tensor forward(Tensor x, const Tensor& mask) {
    x = attention(x, mask);
    const Tensor y = output(torch::gelu(intermediate(x)));
    return norm(x + dropout(y));
  }
};
TORCH_MODULE(BertLayer);

struct BertEmbeddingsImpl : nn::Module {
  nn::Embedding word = register_module("word", nn::Embedding(kWords, kWidth));
  nn::Embedding position =
      register_module("position", nn::Embedding(512, kWidth));
  nn::Embedding type = register_module("type", nn::Embedding(2, kWidth));
  nn::LayerNorm norm = register_module("norm", Norm());
  nn::Dropout dropout = register_module("dropout", nn::Dropout(0.1));

  Tensor forward(const Tensor& words) {
    const Tensor positions = torch::arange(words.size(1)).unsqueeze(0);
    Tensor x = word(words) + type(torch::zeros_like(words));
    x += position(positions);
    return dropout(norm(x));
  }
};
TORCH_MODULE(BertEmbeddings);

struct BertImpl : nn::Module {
  BertImpl() {
    for (int i = 0; i < kLayers; ++i) encoder->push_back(BertLayer());
    register_module("encoder", encoder);
  }

  // [batch, length] -> [batch, width]
  Tensor forward(const Tensor& words) {
    const Tensor mask =
        (1 - words.ne(0).to(torch::kFloat)).unsqueeze(1).unsqueeze(1) * -1e4;
    Tensor x = embeddings(words);
    for (const auto& layer : *encoder) {
      x = layer->as<BertLayer>()->forward(x, mask);
    }
    return torch::tanh(pooler(x.select(1, 0)));
  }

  BertEmbeddings embeddings = register_module("embeddings", BertEmbeddings());
  nn::ModuleList encoder;
  nn::Linear pooler = register_module("pooler", nn::Linear(kWidth, kWidth));
};
TORCH_MODULE(Bert);

// Turns pairs of elements by an angle that grows with the position.
Tensor Rotated(const Tensor& x, const Tensor& cos, const Tensor& sin) {
  const auto halves = x.chunk(2, -1);
  return x * cos + torch::cat({-halves[1], halves[0]}, -1) * sin;
}

struct RotaryAttentionImpl : nn::Module {
  explicit RotaryAttentionImpl(bool is_local) : local(is_local) {}

  Tensor forward(const Tensor& x) {
    const auto parts = qkv(x).chunk(3, -1);
    const int64_t length = x.size(1), head = kWidth / kHeads;
    const Tensor position = torch::arange(length, torch::kFloat);
    const Tensor rates =
        torch::pow(1e4, -torch::arange(0, head, 2, torch::kFloat) / head);
    const Tensor angles = torch::outer(position, rates).repeat({1, 2});
    const Tensor cos = angles.cos(), sin = angles.sin();
    const Tensor q = Rotated(Heads(parts[0]), cos, sin);
    const Tensor k = Rotated(Heads(parts[1]), cos, sin);
    std::optional<Tensor> mask;
    if (local) {
      mask = (position.unsqueeze(0) - position.unsqueeze(1)).abs() <= 16;
    }
    const Tensor y =
        torch::scaled_dot_product_attention(q, k, Heads(parts[2]), mask);
    return out(Joined(y));
  }

  bool local;
  nn::Linear qkv = register_module(
      "qkv", nn::Linear(nn::LinearOptions(kWidth, 3 * kWidth).bias(false)));
  nn::Linear out = register_module(
      "out", nn::Linear(nn::LinearOptions(kWidth, kWidth).bias(false)));
};
TORCH_MODULE(RotaryAttention);

struct GatedMlpImpl : nn::Module {
  nn::Linear in = register_module(
      "in", nn::Linear(nn::LinearOptions(kWidth, 4 * kWidth).bias(false)));
  nn::Linear out = register_module(
      "out", nn::Linear(nn::LinearOptions(2 * kWidth, kWidth).bias(false)));

  Tensor forward(const Tensor& x) {
    const auto parts = in(x).chunk(2, -1);
    return out(torch::gelu(parts[0]) * parts[1]);
  }
};
TORCH_MODULE(GatedMlp);

struct ModernLayerImpl : nn::Module {
  explicit ModernLayerImpl(bool local)
      : attention(register_module("attention", RotaryAttention(local))) {}

  Tensor forward(Tensor x) {
    x = x + attention(attention_norm(x));
    return x + mlp(mlp_norm(x));
  }

  nn::LayerNorm attention_norm = register_module("attention_norm", Norm(false));
  RotaryAttention attention;
  nn::LayerNorm mlp_norm = register_module("mlp_norm", Norm(false));
  GatedMlp mlp = register_module("mlp", GatedMlp());
};
TORCH_MODULE(ModernLayer);

// Tells each word; its table of words reads them and tells them.
struct ModernBertImpl : nn::Module {
  ModernBertImpl() {
    // Every third layer sees the whole text.
    for (int i = 0; i < kLayers; ++i)
      layers->push_back(ModernLayer(i % 3 != 0));
    register_module("layers", layers);
  }

  // [batch, length] -> [batch * length, words]
  Tensor forward(const Tensor& words) {
    Tensor x = norm(embeddings(words));
    x = final_norm(layers->forward(x));
    return F::linear(x, embeddings->weight).flatten(0, 1);
  }

  nn::Embedding embeddings =
      register_module("embeddings", nn::Embedding(kWords, kWidth));
  nn::LayerNorm norm = register_module("norm", Norm(false));
  nn::Sequential layers;
  nn::LayerNorm final_norm = register_module("final_norm", Norm(false));
};
TORCH_MODULE(ModernBert);

Training MakeModernBert() {
  ModernBert net;
  const Tensor words = torch::randint(1, kWords, {kBatch, kLength});
  auto optimizer = std::make_shared<torch::optim::AdamW>(net->parameters());
  return {{{"bert", net.ptr()}}, [=]() mutable {
            optimizer->zero_grad();
            F::cross_entropy(net(words), words.view({-1})).backward();
            optimizer->step();
          }};
}

Training MakeBert() {
  const Tensor words = torch::randint(1, kWords, {kBatch, kLength});
  return Classify(Bert(), words, kWidth);
}

}  // namespace

std::vector<Model> Berts() {
  return {
      {"BERT-mini", 11170560, MakeBert},
      // 30522 x 256 words, 4 layers of 4 x 256^2 for attention, 6 x 256^2 for
      // the gated part and 4 x 256 for norms, and 4 x 256 for norms around.
      {"ModernBERT-like", 10440192, MakeModernBert},
  };
}

}  // namespace zoo
