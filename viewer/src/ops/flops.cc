#include "ops/flops.h"

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "ops/flops_rows.h"
#include "ops/op_class.h"

namespace torchtape::viewer {
namespace {

// Operators whose code only calls others that are recorded by themselves.
constexpr char kComposites[] =
    "matmul einsum tensordot inner kron chain_matmul linalg_multi_dot "
    "linalg_solve linalg_inv inverse linalg_cholesky cholesky svd "
    "conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d "
    "_convolution_mode bilinear scaled_dot_product_attention "
    "_scaled_dot_product_attention_math multi_head_attention_forward "
    "lstm gru rnn_tanh rnn_relu lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell "
    "cdist batch_norm _batch_norm_impl_index _batch_norm_impl_index_backward "
    "layer_norm group_norm instance_norm rms_norm _fused_rms_norm "
    "softmax log_softmax softmin relu6 selu celu mish glu logsigmoid "
    "log_sigmoid prelu "
    "max_pool2d max_pool3d adaptive_avg_pool1d adaptive_avg_pool2d "
    "adaptive_avg_pool3d adaptive_max_pool1d "
    "cross_entropy_loss nll_loss nll_loss_nd nll_loss2d l1_loss kl_div "
    "binary_cross_entropy_with_logits embedding_bag embedding_backward "
    "select_backward slice_backward index_select_backward "
    "value_selecting_reduction_backward repeat_interleave pad "
    "rand rand_like randn randn_like randint fft_fft fft_ifft fft_rfft "
    "fft_irfft fft_fft2 fft_ifft2 fft_rfft2 fft_irfft2 fft_fftn fft_ifftn "
    "fft_rfftn fft_irfftn stft istft clip one_hot vstack hstack column_stack "
    "dstack "
    "linalg_norm linalg_matrix_norm cosine_similarity pairwise_distance";

class Rules {
 public:
  Rules() {
    for (absl::Span<const FlopsRow> rows :
         {MatrixRows(), SequenceRows(), ElementwiseRows()}) {
      for (const FlopsRow& row : rows) {
        for (absl::string_view name : absl::StrSplit(row.names, ' ')) {
          rules_[name] = {WorkKind::kFormula, &row};
        }
      }
    }
    for (absl::string_view name : absl::StrSplit(kComposites, ' ')) {
      rules_.try_emplace(name, OpWorkRule{WorkKind::kComposite, nullptr});
    }
    // They are the tensor itself, or call others.
    for (const char* name : {"to", "contiguous", "type_as", "cpu", "cuda",
                             "dropout", "feature_dropout", "alpha_dropout"}) {
      rules_[name] = {WorkKind::kView, nullptr};
    }
  }

  const OpWorkRule* Find(absl::string_view name) const {
    const auto it = rules_.find(name);
    return it == rules_.end() ? nullptr : &it->second;
  }

 private:
  absl::flat_hash_map<absl::string_view, OpWorkRule> rules_;
};

// With the underscore of in-place operators and the prefix of those that work
// on lists, or without.
const OpWorkRule* Lookup(absl::string_view name) {
  static const Rules* const kRules = new Rules();  // never destroyed
  if (const OpWorkRule* rule = kRules->Find(name)) return rule;
  if (absl::ConsumeSuffix(&name, "_")) return Lookup(name);
  if (absl::ConsumePrefix(&name, "_foreach_")) return Lookup(name);
  return nullptr;
}

}  // namespace

OpWorkRule RuleOf(absl::string_view name) {
  absl::string_view bare = name;
  if (!absl::ConsumePrefix(&bare, "aten::")) return {};
  if (const OpWorkRule* rule = Lookup(bare)) return *rule;
  if (ClassOfOp(name) == OpClass::kView) return {WorkKind::kView, nullptr};
  return {};
}

}  // namespace torchtape::viewer
