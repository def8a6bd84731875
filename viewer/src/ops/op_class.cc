#include "ops/op_class.h"

#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"

namespace torchtape::viewer {
namespace {

// Overlong lists read best as prose. An entry that ends in `*` is a prefix.
constexpr char kViews[] =
    "view view_as view_as_real view_as_complex reshape reshape_as "
    "_reshape_alias _unsafe_view t transpose permute movedim moveaxis swapaxes "
    "swapdims adjoint mT mH H T select slice narrow squeeze unsqueeze flatten "
    "ravel unflatten expand expand_as broadcast_to as_strided diagonal split "
    "split_with_sizes tensor_split chunk unbind unfold alias detach data "
    "variable_data lift lift_fresh real imag conj _conj resolve_conj "
    "resolve_neg size sym_size stride numel dim item _local_scalar_dense "
    "is_* _is_* result_type promote_types output_nr _version requires_grad "
    "retain_grad set_data values indices _values _indices";
constexpr char kMemory[] =
    "empty empty_like empty_strided new_* zeros zeros_like ones ones_like full "
    "full_like fill zero clone copy _copy_from to _to_copy to_dense contiguous "
    "resize resize_as set arange range linspace eye scalar_tensor tensor "
    "from_file rand rand_like randn randn_like randint randperm normal uniform "
    "bernoulli random exponential pin_memory cpu cuda type_as";
constexpr char kTensors[] =
    "add sub rsub mul div true_divide floor_divide remainder fmod neg abs sign "
    "pow square sqrt rsqrt exp exp2 expm1 log log2 log10 log1p sin cos tan "
    "asin "
    "acos atan atan2 sinh cosh erf erfc erfinv reciprocal floor ceil round "
    "trunc frac clamp clamp_min clamp_max clip maximum minimum fmax fmin lerp "
    "addcmul addcdiv where eq ne lt le gt ge logical_* bitwise_* __*__ isnan "
    "isinf isfinite isclose allclose equal nan_to_num cat concat stack hstack "
    "vstack index index_* _index_put_impl gather scatter scatter_* "
    "masked_* take take_along_dim sort argsort topk sum mean prod std var "
    "var_mean std_mean norm linalg_vector_norm max min amax amin argmax argmin "
    "aminmax any all cumsum cumprod logsumexp nonzero unique* bincount roll "
    "flip repeat repeat_interleave tile tril triu pad constant_pad_nd "
    "one_hot _foreach_* _fused_adam _fused_sgd sgn threshold_backward";
constexpr char kLayers[] =
    "linear addmm _addmm_activation bilinear conv1d conv2d conv3d convolution "
    "_convolution convolution_overrideable conv_transpose* conv_tbc "
    "mkldnn_convolution mkldnn_linear thnn_conv2d _slow_conv2d_forward "
    "slow_conv* batch_norm _batch_norm* native_batch_norm "
    "_native_batch_norm* cudnn_batch_norm layer_norm native_layer_norm "
    "group_norm native_group_norm instance_norm rms_norm local_response_norm "
    "relu relu6 leaky_relu prelu rrelu gelu elu selu celu silu mish softplus "
    "softsign softshrink hardshrink hardtanh hardswish hardsigmoid logsigmoid "
    "log_sigmoid* sigmoid tanh glu threshold max_pool* avg_pool* "
    "adaptive_max_pool* adaptive_avg_pool* _adaptive_avg_pool* lp_pool* "
    "fractional_max_pool* mkldnn_max_pool* lstm lstm_cell gru gru_cell rnn_* "
    "_thnn_fused_* mkldnn_rnn_layer quantized_lstm multi_head_attention* "
    "_native_multi_head_attention scaled_dot_product_attention "
    "_scaled_dot_product_* _transformer_encoder_layer_fwd embedding "
    "embedding_bag _embedding_bag* embedding_renorm dropout alpha_dropout "
    "feature_dropout native_dropout softmax log_softmax _softmax _log_softmax "
    "softmin cross_entropy_loss nll_loss* binary_cross_entropy* mse_loss "
    "l1_loss smooth_l1_loss huber_loss kl_div ctc_loss _ctc_loss hinge_* "
    "margin_ranking_loss multi_margin_loss multilabel_* poisson_nll_loss "
    "soft_margin_loss cosine_embedding_loss triplet_margin_loss "
    "gaussian_nll_loss upsample_* _upsample_* pixel_shuffle pixel_unshuffle "
    "grid_sampler*";

class Classes {
 public:
  Classes() {
    Add(kViews, OpClass::kView);
    Add(kMemory, OpClass::kMemory);
    Add(kTensors, OpClass::kTensor);
    Add(kLayers, OpClass::kLayer);
  }

  OpClass Of(absl::string_view name) const {
    const auto it = names_.find(name);
    if (it != names_.end()) return it->second;
    for (const auto& [prefix, op_class] : prefixes_) {
      if (absl::StartsWith(name, prefix)) return op_class;
    }
    return OpClass::kProduct;
  }

 private:
  void Add(const char* names, OpClass op_class) {
    for (absl::string_view name : absl::StrSplit(names, ' ')) {
      const size_t star = name.find('*');
      if (star == absl::string_view::npos) {
        names_.emplace(name, op_class);
      } else {
        prefixes_.emplace_back(name.substr(0, star), op_class);
      }
    }
  }

  absl::flat_hash_map<absl::string_view, OpClass> names_;
  std::vector<std::pair<absl::string_view, OpClass>> prefixes_;
};

OpClass Lookup(absl::string_view name) {
  static const Classes* const kClasses = new Classes();  // never destroyed
  const OpClass exact = kClasses->Of(name);
  if (exact != OpClass::kProduct || name.size() < 2 || name.back() != '_') {
    return exact;
  }
  return kClasses->Of(name.substr(0, name.size() - 1));
}

// "NativeBatchNorm" becomes "native_batch_norm".
std::string SnakeCase(absl::string_view name) {
  std::string out;
  for (size_t i = 0; i < name.size(); ++i) {
    if (absl::ascii_isupper(name[i]) && i > 0 && name[i - 1] != '_') out += '_';
    out += absl::ascii_tolower(name[i]);
  }
  return out;
}

}  // namespace

OpClass ClassOfOp(absl::string_view name) {
  const size_t colons = name.find("::");
  if (colons == absl::string_view::npos) return OpClass::kCustom;
  const absl::string_view space = name.substr(0, colons);
  if (space != "aten" && space != "prim" && space != "prims") {
    return OpClass::kCustom;
  }
  return Lookup(name.substr(colons + 2));
}

OpClass ClassOfNode(absl::string_view name) {
  const size_t colons = name.rfind("::");
  if (colons != absl::string_view::npos) name = name.substr(colons + 2);
  if (IsAccumulation(name)) return OpClass::kTensor;
  const size_t backward = name.rfind("Backward");
  if (backward == absl::string_view::npos) return OpClass::kProduct;
  return Lookup(SnakeCase(name.substr(0, backward)));
}

bool IsAccumulation(absl::string_view node_name) {
  return absl::EndsWith(node_name, "AccumulateGrad");
}

int LevelOf(OpClass op_class) {
  switch (op_class) {
    case OpClass::kView:
      return 0;
    case OpClass::kMemory:
    case OpClass::kTensor:
      return 1;
    case OpClass::kProduct:
    case OpClass::kCustom:
      return 2;
    case OpClass::kLayer:
      return 3;
  }
  return 2;
}

}  // namespace torchtape::viewer
