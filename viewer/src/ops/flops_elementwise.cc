// What works element by element, reduces, samples, or only moves.
//
// Sources: the definitions in PyTorch's documentation, with one FLOP for each
// +, -, *, / or comparison and one call for each function of a library; fvcore
// and DeepSpeed's profiler for normalizations and interpolation, whose numbers
// are customary rather than exact. Integers count like reals.

#include <cmath>

#include "ops/flops_rows.h"

namespace torchtape::viewer {
namespace {

Flops Scaled(Count elements, const FlopsRow& row) {
  return {0, row.arithmetic * elements, row.transcendental * elements};
}

Flops ByResult(const OpCall& call, const FlopsRow& row) {
  return Scaled(call.Result(), row);
}

// Also by the gradient that comes in, which is the first of a backward op.
Flops ByFirst(const OpCall& call, const FlopsRow& row) {
  return Scaled(call.First(), row);
}

Flops BySelf(const OpCall& call, const FlopsRow& row) {
  return Scaled(call.Elements("self"), row);
}

Flops ByTarget(const OpCall& call, const FlopsRow& row) {
  return Scaled(call.Elements("target"), row);
}

Flops ByIndices(const OpCall& call, const FlopsRow& row) {
  return Scaled(call.Elements("indices") * call.Size("weight", 1), row);
}

Flops BySource(const OpCall& call, const FlopsRow& row) {
  return Scaled(call.Elements(call.Has("src") ? "src" : "source"), row);
}

// max() of two tensors, or of one.
Flops ExtremeOf(const OpCall& call, const FlopsRow& row) {
  return Scaled(call.Has("other") ? call.Result() : call.First(), row);
}

// y = (x - mean) / deviation * weight + bias, or without the last two.
Flops Normalized(const OpCall& call, uint64_t whole, uint64_t times) {
  const uint64_t each = call.Has("weight") ? whole : whole - 1;
  return {0, times * each * call.Elements("input")};
}

// With the mean and deviation of the batch, or of those before.
constexpr uint64_t kOwnMean = 5, kGivenMean = 2;

Flops Normalization(const OpCall& call, const FlopsRow&) {
  const bool is_given = call.Integer("training").value_or(1) == 0;
  return Normalized(call, is_given ? kGivenMean : kOwnMean, 1);
}

Flops NormalizationWithMean(const OpCall& call, const FlopsRow&) {
  return Normalized(call, kGivenMean, 1);
}

Flops NormalizationBackward(const OpCall& call, const FlopsRow&) {
  const bool is_given = call.Integer("train").value_or(1) == 0;
  return Normalized(call, is_given ? kGivenMean : kOwnMean, 2);
}

// One number in a list stands for all dimensions.
Flops Window(const OpCall& call, Count elements, size_t dimensions) {
  const size_t given = call.Length("kernel_size").value_or(0);
  if (given == 0) return {0, Count::Unknown()};
  Count window = 1;
  for (size_t i = 0; i < dimensions; ++i) {
    window *= call.Number("kernel_size", given == 1 ? 0 : i);
  }
  return {0, elements * window};
}

// `arithmetic` dimensions.
Flops Pooling(const OpCall& call, const FlopsRow& row) {
  return Window(call, call.Result(), row.arithmetic);
}

Flops PoolingBackward(const OpCall& call, const FlopsRow& row) {
  return Window(call, call.First(), row.arithmetic);
}

Flops Sorting(const OpCall& call, const FlopsRow&) {
  const int64_t dimension = call.Integer("dim").value_or(-1);
  const Count size = call.Size("self", static_cast<int>(dimension));
  const Count all = call.Elements("self");
  if (!size.known() || !all.known()) return {0, Count::Unknown()};
  const double depth = size.value() < 2 ? 0 : std::log2(size.value());
  const double comparisons = static_cast<double>(all.value()) * depth;
  if (comparisons > 1e18) return {0, Count::Unknown()};
  return {0, static_cast<uint64_t>(std::llround(comparisons))};
}

// index_put adds only if it is told to.
Flops IndexPut(const OpCall& call, const FlopsRow&) {
  return {0, call.IsTrue("accumulate") ? call.Elements("values") : 0};
}

// Bilinear; other ways are not known.
Flops GridSampler(const OpCall& call, const FlopsRow& row) {
  if (call.Integer("interpolation_mode") != 0) return {0, Count::Unknown()};
  return {0, row.arithmetic *
                 (call.Has("grad_output") ? call.First() : call.Result())};
}

Flops Nothing(const OpCall&, const FlopsRow&) { return {}; }

constexpr FlopsRow kElementwiseRows[] = {
    // Arithmetic.
    {"add sub rsub mul div true_divide floor_divide remainder fmod maximum "
     "minimum fmax fmin where eq ne lt le gt ge logical_and logical_or "
     "logical_not logical_xor bitwise_and bitwise_or bitwise_not bitwise_xor "
     "__and__ __or__ __xor__ square reciprocal neg abs sign sgn floor ceil "
     "round trunc relu threshold clamp clamp_min clamp_max hardtanh leaky_relu "
     "isnan isinf isfinite nan_to_num",
     ByResult, 1},
    {"lerp addcmul addcdiv", ByResult, 3},
    {"hardsigmoid", ByResult, 3},
    {"hardswish", ByResult, 4},
    {"threshold_backward hardtanh_backward leaky_relu_backward", ByFirst, 1},
    {"hardsigmoid_backward", ByFirst, 2},
    {"hardswish_backward", ByFirst, 4},
    // Functions of a library.
    {"tanh exp exp2 expm1 log log2 log10 log1p sin cos tan asin acos atan "
     "atan2 sinh cosh erf erfc erfinv sqrt pow",
     ByResult, 0, 1},
    {"rsqrt", ByResult, 1, 1},
    {"sigmoid elu", ByResult, 2, 1},
    {"silu", ByResult, 3, 1},
    {"gelu", ByResult, 4, 1},
    {"softplus", ByResult, 2, 2},
    {"log_sigmoid_forward", ByResult, 3, 2},
    {"sigmoid_backward tanh_backward", ByFirst, 3},
    {"elu_backward", ByFirst, 2, 1},
    {"silu_backward", ByFirst, 4, 1},
    {"gelu_backward", ByFirst, 4, 2},
    {"_softmax _log_softmax", ByFirst, 3, 1},
    {"_softmax_backward_data", ByFirst, 3},
    {"_log_softmax_backward_data", ByFirst, 3, 1},
    // Normalizations.
    {"native_batch_norm _native_batch_norm_legit cudnn_batch_norm "
     "_batch_norm_with_update native_layer_norm native_group_norm",
     Normalization},
    {"_native_batch_norm_legit_no_training _batch_norm_no_update",
     NormalizationWithMean},
    {"native_batch_norm_backward cudnn_batch_norm_backward "
     "batch_norm_backward native_layer_norm_backward "
     "native_group_norm_backward",
     NormalizationBackward},
    // Reductions.
    {"sum mean prod nansum argmax argmin amax amin all any cumsum cumprod "
     "topk bernoulli native_dropout native_dropout_backward",
     ByFirst, 1},
    {"max min", ExtremeOf, 1},
    {"aminmax norm linalg_vector_norm", ByFirst, 2},
    {"var std var_mean std_mean", ByFirst, 4},
    {"logsumexp", ByFirst, 3, 1},
    {"sort argsort", Sorting},
    // Pooling and interpolation.
    {"max_pool1d max_pool1d_with_indices avg_pool1d", Pooling, 1},
    {"max_pool2d_with_indices mkldnn_max_pool2d avg_pool2d", Pooling, 2},
    {"max_pool3d_with_indices mkldnn_max_pool3d avg_pool3d", Pooling, 3},
    {"avg_pool2d_backward", PoolingBackward, 2},
    {"avg_pool3d_backward", PoolingBackward, 3},
    {"max_pool2d_with_indices_backward max_pool3d_with_indices_backward "
     "mkldnn_max_pool2d_backward mkldnn_max_pool3d_backward",
     ByFirst, 1},
    {"_adaptive_avg_pool2d _adaptive_avg_pool3d adaptive_max_pool2d "
     "adaptive_max_pool3d mkldnn_adaptive_avg_pool2d",
     BySelf, 1},
    {"_adaptive_avg_pool2d_backward _adaptive_avg_pool3d_backward "
     "mkldnn_adaptive_avg_pool2d_backward",
     BySelf, 1},
    {"adaptive_max_pool2d_backward adaptive_max_pool3d_backward", ByFirst, 1},
    {"upsample_bilinear2d", ByResult, 7},
    {"upsample_bicubic2d", ByResult, 32},
    {"upsample_bilinear2d_backward", ByFirst, 7},
    {"upsample_bicubic2d_backward", ByFirst, 32},
    {"grid_sampler_2d", GridSampler, 11},
    {"grid_sampler_2d_backward", GridSampler, 22},
    // Losses.
    {"nll_loss_forward nll_loss2d_forward nll_loss_backward "
     "nll_loss2d_backward",
     ByTarget, 1},
    {"mse_loss", BySelf, 3},
    {"smooth_l1_loss huber_loss", BySelf, 4},
    {"binary_cross_entropy", BySelf, 4, 2},
    {"mse_loss_backward smooth_l1_loss_backward huber_loss_backward "
     "binary_cross_entropy_backward",
     BySelf, 2},
    // Rows of tables.
    {"embedding index_select gather index", Nothing, 0, 0, Traffic::kTouched,
     true},
    {"embedding_dense_backward", ByFirst, 1},
    {"_embedding_bag _embedding_bag_forward_only", ByIndices, 1, 0,
     Traffic::kBags},
    {"scatter_add index_add scatter_reduce", BySource, 1, 0,
     Traffic::kScattered},
    {"index_put _index_put_impl", IndexPut, 0, 0, Traffic::kScattered},
    {"scatter index_copy", Nothing, 0, 0, Traffic::kScattered, true},
    // Optimizers of one call for all parameters.
    {"_fused_adam _fused_adamw", BySelf, 13, 1},
    {"_fused_adagrad", BySelf, 6, 1},
    // Only move.
    {"copy", Nothing, 0, 0, Traffic::kOverwrites, true},
    {"fill zero", Nothing, 0, 0, Traffic::kOverwrites, true},
    {"zeros ones full zeros_like ones_like full_like new_zeros new_ones "
     "new_full arange linspace eye scalar_tensor",
     Nothing, 0, 0, Traffic::kOverwrites, true},
    {"clone _to_copy cat concat stack masked_fill triu tril flip roll repeat "
     "constant_pad_nd pixel_shuffle pixel_unshuffle upsample_nearest1d "
     "upsample_nearest2d upsample_nearest3d upsample_nearest2d_backward "
     "_conj_physical real_copy",
     Nothing, 0, 0, Traffic::kAll, true},
    {"empty empty_like empty_strided new_empty new_empty_strided resize set",
     Nothing, 0, 0, Traffic::kNone, true},
};

}  // namespace

absl::Span<const FlopsRow> ElementwiseRows() { return kElementwiseRows; }

}  // namespace torchtape::viewer
