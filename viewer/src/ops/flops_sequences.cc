// Attention and recurrences.
//
// Sources: torch.utils.flop_counter (attention), but of a causal mask only what
// is seen counts; the definitions in PyTorch's documentation for recurrences.

#include <algorithm>

#include "ops/flops_rows.h"

namespace torchtape::viewer {
namespace {

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

constexpr FlopsRow kSequenceRows[] = {
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
};

}  // namespace

absl::Span<const FlopsRow> SequenceRows() { return kSequenceRows; }

}  // namespace torchtape::viewer
