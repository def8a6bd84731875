// Products of matrices, convolutions, attention, recurrences.
//
// Sources: torch.utils.flop_counter (products, convolutions, attention), whose
// slips are not repeated: groups in the backward pass of a convolution, causal
// masks; the definitions in PyTorch's documentation for recurrences; Cooley and
// Tukey's 5 N log2 N for Fourier transforms; LAPACK Working Note 41 for
// solvers.
//
// A bias is arithmetic, not a product: so the matrix FLOPs of a model are twice
// its published multiply-adds.

#include <algorithm>
#include <cmath>

#include "ops/flops_rows.h"

namespace torchtape::viewer {
namespace {

// [m, k] by [k, n]: the second matrix has one of three names.
Flops MatrixProduct(const OpCall& call, const FlopsRow&) {
  const bool biased = call.Has("mat1");
  const Count result = call.Result();
  return {2 * result * call.Size("mat2", 0), biased ? result : 0};
}

Flops BatchedProduct(const OpCall& call, const FlopsRow&) {
  const bool biased = call.Has("batch2");
  const Count result = call.Result();
  return {2 * result * call.Size(biased ? "batch2" : "mat2", 1),
          biased ? result : 0};
}

// [b, m, k] by [b, k, n], all added up.
Flops AddedProduct(const OpCall& call, const FlopsRow&) {
  return {2 * call.Elements("batch1") * call.Size("batch2", 2), call.Result()};
}

Flops MatrixVector(const OpCall& call, const FlopsRow&) {
  const bool biased = call.Has("mat");
  return {2 * call.Elements(biased ? "mat" : "self"),
          biased ? call.Result() : 0};
}

Flops Dot(const OpCall& call, const FlopsRow&) {
  return {2 * call.Elements("self")};
}

Flops OuterProduct(const OpCall& call, const FlopsRow&) {
  return {call.Result() * (call.Has("vec1") ? 2 : 1)};
}

// The weight is [out, in] or [in].
Count LinearFlops(const OpCall& call, Count inputs) {
  const Shape* weight = call.Tensor("weight");
  if (weight == nullptr || weight->sizes.empty()) return Count::Unknown();
  return 2 * inputs * (weight->sizes.size() == 1 ? 1 : call.Size("weight", 0));
}

Flops Linear(const OpCall& call, const FlopsRow&) {
  return {LinearFlops(call, call.First()),
          call.Has("bias") ? call.Result() : 0};
}

Flops LinearBackward(const OpCall& call, const FlopsRow&) {
  const Count once = LinearFlops(call, call.Elements("self"));
  return {
      once * (call.IsTrue("output_mask", 0) + call.IsTrue("output_mask", 1)),
      call.IsTrue("output_mask", 2) ? call.Elements("grad_output") : 0};
}

// Three tensors, expanded to one space, multiplied, and added up over some of
// its dimensions: over the first of them before the third tensor comes.
Flops Trilinear(const OpCall& call, const FlopsRow&) {
  const char* const names[3][2] = {
      {"i1", "expand1"}, {"i2", "expand2"}, {"i3", "expand3"}};
  std::vector<int64_t> space;
  for (const auto& [name, expand] : names) {
    const Shape* shape = call.Tensor(name);
    const size_t expanded = call.Length(expand).value_or(0);
    if (shape == nullptr) return {Count::Unknown()};
    const size_t rank = shape->sizes.size() + expanded;
    space.resize(std::max(space.size(), rank), 1);
    for (size_t i = 0, from = 0; i < rank; ++i) {
      bool is_new = false;
      for (size_t k = 0; k < expanded; ++k) {
        is_new |= call.Integer(expand, k) == static_cast<int64_t>(i);
      }
      if (is_new || from >= shape->sizes.size()) continue;
      space[i] = std::max(space[i], shape->sizes[from++]);
    }
  }
  Count all = 1;
  for (int64_t size : space) all *= Count::Of(size);
  const int64_t first = call.Integer("sumdim").value_or(-1);
  if (first < 0 || static_cast<size_t>(first) >= space.size()) {
    return {Count::Unknown()};
  }
  return {2 * all + 2 * all / Count::Of(space[static_cast<size_t>(first)])};
}

// 2 N prod(spatial) n(W), spatial of the result, or, transposed, of the input:
// the weight is [Co, Ci / groups, ...] or [Ci, Co / groups, ...], so groups are
// in its size already.
Count ConvolutionFlops(const Shape* spatial, const OpCall& call) {
  if (spatial == nullptr || spatial->sizes.size() < 2) return Count::Unknown();
  return 2 * Count::Of(spatial->sizes[0]) * Product(*spatial, 2) *
         call.Elements("weight");
}

Flops Convolution(const OpCall& call, const FlopsRow&) {
  const bool transposed = call.IsTrue("transposed");
  return {ConvolutionFlops(transposed ? call.FirstShape() : call.ResultShape(),
                           call),
          call.Has("bias") ? call.Result() : 0};
}

Flops TransposedConvolution(const OpCall& call, const FlopsRow&) {
  return {ConvolutionFlops(call.FirstShape(), call),
          call.Has("bias") ? call.Result() : 0};
}

// The gradients of input and weight cost as much as going forward.
Flops ConvolutionBackward(const OpCall& call, const FlopsRow&) {
  if (!call.Integer("transposed") || !call.Integer("output_mask", 2)) {
    return {Count::Unknown()};
  }
  const Count forward = ConvolutionFlops(
      call.Tensor(call.IsTrue("transposed") ? "input" : "grad_output"), call);
  const uint64_t products =
      call.IsTrue("output_mask", 0) + call.IsTrue("output_mask", 1);
  return {forward * products,
          call.IsTrue("output_mask", 2) ? call.Elements("grad_output") : 0};
}

Flops Distances(const OpCall& call, const FlopsRow& row) {
  const bool backward = call.Has("cdist");
  return {row.arithmetic * (backward ? call.Elements("cdist") : call.Result()) *
          call.Size("x1", -1)};
}

// 5 N log2 N for N complex numbers, half of it for real ones.
Flops FourierOf(const Shape* whole, const OpCall& call, double half) {
  const size_t dimensions = call.Length("dim").value_or(0);
  if (whole == nullptr || !whole->elements.known() || dimensions == 0) {
    return {Count::Unknown()};
  }
  const auto rank = static_cast<int64_t>(whole->sizes.size());
  double logs = 0;
  for (size_t i = 0; i < dimensions; ++i) {
    const int64_t at = call.Integer("dim", i).value_or(rank);
    const int64_t index = at < 0 ? at + rank : at;
    if (index < 0 || index >= rank) return {Count::Unknown()};
    const int64_t size = whole->sizes[static_cast<size_t>(index)];
    if (size > 0) logs += std::log2(static_cast<double>(size));
  }
  const double flops =
      5.0 * half * static_cast<double>(whole->elements.value()) * logs;
  return {flops < 1e18 ? Count(static_cast<uint64_t>(std::llround(flops)))
                       : Count::Unknown()};
}

Flops ComplexFourier(const OpCall& call, const FlopsRow&) {
  return FourierOf(call.ResultShape(), call, 1);
}

Flops FourierOfReals(const OpCall& call, const FlopsRow&) {
  return FourierOf(call.FirstShape(), call, 0.5);
}

Flops FourierToReals(const OpCall& call, const FlopsRow&) {
  return FourierOf(call.ResultShape(), call, 0.5);
}

// Square matrices of n by n: `arithmetic` / `transcendental` n^3.
Flops Factorization(const OpCall& call, const FlopsRow& row) {
  const Shape* shape = call.FirstShape();
  if (shape == nullptr || shape->sizes.size() < 2) return {Count::Unknown()};
  const int64_t n = shape->sizes.back();
  if (shape->sizes[shape->sizes.size() - 2] != n) return {Count::Unknown()};
  return {Count(row.arithmetic) * shape->elements * Count::Of(n) /
          row.transcendental};
}

constexpr FlopsRow kMatrixRows[] = {
    {"mm addmm _addmm_activation _int_mm _scaled_mm", MatrixProduct},
    {"bmm baddbmm", BatchedProduct},
    {"addbmm", AddedProduct},
    {"mv addmv", MatrixVector},
    {"dot vdot", Dot},
    {"outer ger addr", OuterProduct},
    {"linear mkldnn_linear", Linear},
    {"linear_backward", LinearBackward},
    {"_trilinear", Trilinear},
    {"convolution _convolution mkldnn_convolution cudnn_convolution "
     "cudnn_convolution_relu cudnn_convolution_add_relu convolution_"
     "overrideable thnn_conv2d _slow_conv2d_forward slow_conv3d "
     "slow_conv3d_forward slow_conv_dilated2d slow_conv_dilated3d "
     "_conv_depthwise2d conv_depthwise3d",
     Convolution},
    {"cudnn_convolution_transpose slow_conv_transpose2d slow_conv_transpose3d",
     TransposedConvolution},
    {"convolution_backward", ConvolutionBackward},
    {"_cdist_forward", Distances, 3},
    {"_cdist_backward", Distances, 12},
    {"_fft_c2c", ComplexFourier, 0, 0, Traffic::kAll, true},
    {"_fft_r2c", FourierOfReals, 0, 0, Traffic::kAll, true},
    {"_fft_c2r", FourierToReals, 0, 0, Traffic::kAll, true},
    {"_linalg_solve_ex", Factorization, 2, 3},
    {"linalg_lu_factor_ex", Factorization, 2, 3},
    {"linalg_inv_ex", Factorization, 2, 1},
    {"linalg_cholesky_ex", Factorization, 1, 3},
    {"linalg_qr", Factorization, 4, 3},
    {"_linalg_svd", Factorization, 21, 1},
};

}  // namespace

absl::Span<const FlopsRow> MatrixRows() { return kMatrixRows; }

}  // namespace torchtape::viewer
