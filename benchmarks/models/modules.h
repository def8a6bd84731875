#ifndef TORCHTAPE_BENCHMARKS_MODELS_MODULES_H_
#define TORCHTAPE_BENCHMARKS_MODELS_MODULES_H_

// What the models are written with: LibTorch alone. Built with ZOO_TOLD, the
// same source says itself which module runs: told_modules.h.

#include <torch/torch.h>

#ifdef ZOO_TOLD
#include "told_modules.h"
#else
namespace zoo {
namespace nn = torch::nn;
}
#endif

namespace zoo {
namespace F = torch::nn::functional;
using torch::Tensor;

inline constexpr int64_t kBatch = 2;
inline constexpr int64_t kImageSize = 64;  // pixels a side
inline constexpr int64_t kClasses = 1000;

// A convolution that keeps the size of the image for stride 1.
inline nn::Conv2d Convolution(int64_t in, int64_t out, int64_t kernel,
                              int64_t stride = 1, int64_t groups = 1) {
  return nn::Conv2d(nn::Conv2dOptions(in, out, kernel)
                        .stride(stride)
                        .padding(kernel / 2)
                        .groups(groups)
                        .bias(false));
}

}  // namespace zoo

#endif  // TORCHTAPE_BENCHMARKS_MODELS_MODULES_H_
