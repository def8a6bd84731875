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

#include "flops_rows.h"

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

// How many of queries by keys are looked at. Causal: row i sees keys 0 to i.
Count AttendedPairs(Count queries, Count keys, bool causal) {
  if (!causal || !queries.known() || !keys.known()) return queries * keys;
  const Count below = std::min(queries.value(), keys.value());
  const Count rest = queries.value() - below.value();
  return below * (below + 1) / 2 + rest * keys;
}

// q [b, h, s, d], k [b, hk, t, d], v [.., t, dv]: heads of keys that are shared
// count for each head of q.
Flops AttentionFlops(const OpCall& call, uint64_t times_d, uint64_t times_dv) {
  if (!call.Integer("is_causal")) return {Count::Unknown()};
  const Count pairs = AttendedPairs(
      call.Size("query", -2), call.Size("key", -2), call.IsTrue("is_causal"));
  return {
      2 * call.Size("query", 0) * call.Size("query", 1) * pairs *
      (times_d * call.Size("query", -1) + times_dv * call.Size("value", -1))};
}

Flops Attention(const OpCall& call, const FlopsRow&) {
  return AttentionFlops(call, 1, 1);
}

// It computes the products of queries and keys once more.
Flops AttentionBackward(const OpCall& call, const FlopsRow&) {
  return AttentionFlops(call, 3, 2);
}

// What one gate, cell and step of a recurrence needs beside the products.
struct Cell {
  uint64_t gates, arithmetic, transcendental;
};

// PyTorch's numbers for kinds of recurrences, in oneDNN and cuDNN alike.
std::optional<Cell> CellOf(std::optional<int64_t> mode) {
  switch (mode.value_or(-1)) {
    case 0:
      return Cell{1, 1, 0};
    case 1:
      return Cell{1, 0, 1};
    case 2:
      return Cell{4, 9, 5};
    case 3:
      return Cell{3, 8, 3};
    default:
      return std::nullopt;
  }
}

// `rows` is steps by batch.
Flops LayerFlops(const Cell& cell, Count rows, Count inputs, Count hidden,
                 Count projected) {
  const Count recurrent = projected.value() == 0 ? hidden : projected;
  return {2 * rows * cell.gates * hidden * (inputs + recurrent) +
              2 * rows * hidden * projected,
          cell.arithmetic * rows * hidden, cell.transcendental * rows * hidden};
}

Flops Times(uint64_t factor, const Flops& flops) {
  return {factor * flops.matrix, factor * flops.arithmetic,
          factor * flops.transcendental};
}

// One layer in one direction. The input is [steps, batch, inputs].
Flops MkldnnRnnLayer(const OpCall& call, const FlopsRow& row) {
  const std::optional<Cell> cell = CellOf(call.Integer("mode"));
  const Count hidden = call.Number("hidden_size");
  if (!cell || !hidden.known()) return {Count::Unknown()};
  return Times(row.arithmetic,
               LayerFlops(*cell, call.Size("input", 0) * call.Size("input", 1),
                          call.Size("input", 2), hidden, 0));
}

// All layers and directions. The input is [steps, batch, inputs], either way
// round, or [rows, inputs] if it is packed.
Flops CudnnRnn(const OpCall& call, const FlopsRow& row) {
  const std::optional<Cell> cell = CellOf(call.Integer("mode"));
  const Shape* input = call.Tensor("input");
  const Count hidden = call.Number("hidden_size");
  const Count projected = call.Number("proj_size");
  const std::optional<int64_t> layers = call.Integer("num_layers");
  if (!cell || input == nullptr || !hidden.known() || !projected.known() ||
      layers.value_or(0) < 1 || layers.value_or(0) > 10000) {
    return {Count::Unknown()};
  }
  const uint64_t directions = call.IsTrue("bidirectional") ? 2 : 1;
  const Count between =
      directions * (projected.value() == 0 ? hidden : projected);
  Flops sum;
  for (int64_t layer = 0; layer < *layers; ++layer) {
    const Flops one = LayerFlops(*cell, Product(*input, 0, 1),
                                 layer == 0 ? call.Size("input", -1) : between,
                                 hidden, projected);
    sum.matrix += directions * one.matrix;
    sum.arithmetic += directions * one.arithmetic;
    sum.transcendental += directions * one.transcendental;
  }
  return Times(row.arithmetic, sum);
}

// The products with the weights are calls of their own. Gates and state are
// [batch, hidden]; the first result is the state.
Flops FusedCell(const OpCall& call, const FlopsRow&) {
  return {0, 9 * call.Result(), 5 * call.Result()};
}

Flops FusedCellBackward(const OpCall& call, const FlopsRow&) {
  return {0, 18 * call.First(), 10 * call.First()};
}

// The fast path of evaluation: [b, s, e].
Count SelfAttentionFlops(const OpCall& call, const char* input) {
  const Count batch = call.Size(input, 0), steps = call.Size(input, 1),
              embedded = call.Size(input, 2);
  const Count rows = batch * steps;
  return 2 * rows * embedded * 3 * embedded + 4 * rows * steps * embedded +
         2 * rows * embedded * embedded;
}

Flops MultiHeadAttention(const OpCall& call, const FlopsRow&) {
  return {SelfAttentionFlops(call, "query")};
}

Flops EncoderLayer(const OpCall& call, const FlopsRow&) {
  const Count rows = call.Size("src", 0) * call.Size("src", 1);
  return {SelfAttentionFlops(call, "src") +
          4 * rows * call.Size("src", 2) * call.Size("ffn_weight_1", 0)};
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

constexpr FlopsRow kRows[] = {
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
    {"_scaled_dot_product_flash_attention_for_cpu "
     "_scaled_dot_product_flash_attention "
     "_scaled_dot_product_efficient_attention "
     "_scaled_dot_product_cudnn_attention",
     Attention},
    {"_scaled_dot_product_flash_attention_for_cpu_backward "
     "_scaled_dot_product_flash_attention_backward "
     "_scaled_dot_product_efficient_attention_backward "
     "_scaled_dot_product_cudnn_attention_backward",
     AttentionBackward},
    {"mkldnn_rnn_layer", MkldnnRnnLayer, 1},
    {"mkldnn_rnn_layer_backward", MkldnnRnnLayer, 2},
    {"_cudnn_rnn", CudnnRnn, 1},
    {"_cudnn_rnn_backward", CudnnRnn, 2},
    {"_thnn_fused_lstm_cell _thnn_fused_gru_cell", FusedCell},
    {"_thnn_fused_lstm_cell_backward _thnn_fused_lstm_cell_backward_impl "
     "_thnn_fused_gru_cell_backward",
     FusedCellBackward},
    {"_native_multi_head_attention", MultiHeadAttention},
    {"_transformer_encoder_layer_fwd", EncoderLayer},
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

absl::Span<const FlopsRow> MatrixRows() { return kRows; }

}  // namespace torchtape::viewer
