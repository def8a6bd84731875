// The vision transformer ViT-B/16 (Dosovitskiy et al., 2020), as in
// torchvision.

#include "training.h"

namespace zoo {
namespace {

constexpr int64_t kSide = 224;
constexpr int64_t kPatch = 16;
constexpr int64_t kPatches = (kSide / kPatch) * (kSide / kPatch);
constexpr int64_t kWidth = 768;
constexpr int64_t kHeads = 12;
constexpr int kLayers = 12;

nn::LayerNorm Norm() {
  return nn::LayerNorm(nn::LayerNormOptions({kWidth}).eps(1e-6));
}

struct EncoderBlockImpl : nn::Module {
  nn::LayerNorm ln_1 = register_module("ln_1", Norm());
  nn::MultiheadAttention self_attention =
      register_module("self_attention", nn::MultiheadAttention(kWidth, kHeads));
  nn::LayerNorm ln_2 = register_module("ln_2", Norm());
  nn::Sequential mlp = register_module(
      "mlp", nn::Sequential(nn::Linear(kWidth, 4 * kWidth), nn::GELU(),
                            nn::Dropout(0.1), nn::Linear(4 * kWidth, kWidth),
                            nn::Dropout(0.1)));

  // [patches, batch, width]
  Tensor forward(const Tensor& input) {
    Tensor x = ln_1(input);
    x = std::get<0>(self_attention(x, x, x));
    x = torch::dropout(x, 0.1, is_training());
    x = x + input;
    return x + mlp->forward(ln_2(x));
  }
};
TORCH_MODULE(EncoderBlock);

struct VisionTransformerImpl : nn::Module {
  VisionTransformerImpl() {
    for (int i = 0; i < kLayers; ++i) layers->push_back(EncoderBlock());
    register_module("layers", layers);
  }

  Tensor forward(const Tensor& images) {
    Tensor x = conv_proj(images).flatten(2).permute({2, 0, 1});
    x = torch::cat({class_token.expand({1, x.size(1), kWidth}), x}, 0);
    x = torch::dropout(x + pos_embedding, 0.1, is_training());
    return head(ln(layers->forward(x)).select(0, 0));
  }

  nn::Conv2d conv_proj = register_module(
      "conv_proj",
      nn::Conv2d(nn::Conv2dOptions(3, kWidth, kPatch).stride(kPatch)));
  Tensor class_token =
      register_parameter("class_token", torch::zeros({1, 1, kWidth}));
  Tensor pos_embedding = register_parameter(
      "pos_embedding", 0.02 * torch::randn({kPatches + 1, 1, kWidth}));
  nn::Sequential layers;
  nn::LayerNorm ln = register_module("ln", Norm());
  nn::Linear head = register_module("head", nn::Linear(kWidth, kClasses));
};
TORCH_MODULE(VisionTransformer);

}  // namespace

std::vector<Model> VisionTransformers() {
  return {{"ViT-B/16", 86567656,
           [] { return ClassifyImages(VisionTransformer(), 1, kSide); }}};
}

}  // namespace zoo
