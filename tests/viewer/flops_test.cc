// Each formula against a number that was worked out by hand.

#include "gtest/gtest.h"
#include "viewer/op_sample.h"
#include "viewer/sample_run.h"

namespace torchtape::viewer {
namespace {

using Json = nlohmann::json;

// {matrix, arithmetic, transcendental}
Json Flops(uint64_t matrix, uint64_t arithmetic, uint64_t transcendental = 0) {
  return {matrix, arithmetic, transcendental};
}

TEST(Flops, ProductOfMatricesIsAMultiplyAddForEachPair) {
  OpSample mm("mm(Tensor self, Tensor mat2) -> Tensor");
  mm.Give({mm.Tensor({3, 4}), mm.Tensor({4, 5})}).Return({{3, 5}});
  EXPECT_EQ(mm.Flops(), Flops(2 * 3 * 4 * 5, 0));
}

TEST(Flops, BiasOfAProductIsArithmetic) {
  OpSample addmm("addmm(Tensor self, Tensor mat1, Tensor mat2) -> Tensor");
  addmm.Give({addmm.Tensor({5}), addmm.Tensor({3, 4}), addmm.Tensor({4, 5})})
      .Return({{3, 5}});
  EXPECT_EQ(addmm.Flops(), Flops(120, 15));
}

TEST(Flops, BatchOfProductsIsTheirSum) {
  OpSample bmm("bmm(Tensor self, Tensor mat2) -> Tensor");
  bmm.Give({bmm.Tensor({2, 3, 4}), bmm.Tensor({2, 4, 5})}).Return({{2, 3, 5}});
  EXPECT_EQ(bmm.Flops(), Flops(240, 0));
}

TEST(Flops, SumOfABatchOfProductsIsThatBatch) {
  OpSample op("addbmm(Tensor self, Tensor batch1, Tensor batch2) -> Tensor");
  op.Give({op.Tensor({3, 5}), op.Tensor({2, 3, 4}), op.Tensor({2, 4, 5})})
      .Return({{3, 5}});
  EXPECT_EQ(op.Flops(), Flops(240, 15));
}

TEST(Flops, MatrixByVector) {
  OpSample op("mv(Tensor self, Tensor vec) -> Tensor");
  op.Give({op.Tensor({3, 4}), op.Tensor({4})}).Return({{3}});
  EXPECT_EQ(op.Flops(), Flops(24, 0));
}

TEST(Flops, LinearHasOutputsByItsWeight) {
  OpSample op("linear(Tensor input, Tensor weight, Tensor? bias) -> Tensor");
  op.Give({op.Tensor({2, 3, 4}), op.Tensor({5, 4}), op.Tensor({5})})
      .Return({{2, 3, 5}});
  EXPECT_EQ(op.Flops(), Flops(2 * 6 * 4 * 5, 30));
}

TEST(Flops, BilinearContractsOneInputAfterTheOther) {
  // N 7, I1 2, I2 3, O 5
  OpSample op(
      "_trilinear(Tensor i1, Tensor i2, Tensor i3, int[] expand1, int[] "
      "expand2, int[] expand3, int[] sumdim, int unroll_dim=1) -> Tensor");
  op.Give({op.Tensor({7, 2}), op.Tensor({5, 2, 3}), op.Tensor({7, 3}),
           Integers({1, 3}), Integers({0}), Integers({1, 2}), Integers({2, 3}),
           Integer(1)})
      .Return({{7, 5}});
  EXPECT_EQ(op.Flops(), Flops(2 * 7 * 2 * 3 * 5 + 2 * 7 * 3 * 5, 0));
}

constexpr char kConvolution[] =
    "convolution(Tensor input, Tensor weight, Tensor? bias, int[] stride, "
    "int[] padding, int[] dilation, bool transposed, int[] output_padding, int "
    "groups) -> Tensor";

OpSample ConvolutionOf(std::vector<int64_t> input, std::vector<int64_t> weight,
                       bool transposed, int64_t groups,
                       std::vector<int64_t> result) {
  OpSample op(kConvolution);
  const int64_t bias = result[1];
  op.Give({op.Tensor(std::move(input)), op.Tensor(std::move(weight)),
           op.Tensor({bias}), Integers({1, 1}), Integers({0, 0}),
           Integers({1, 1}), Boolean(transposed), Integers({0, 0}),
           Integer(groups)})
      .Return({std::move(result)});
  return op;
}

TEST(Flops, ConvolutionInGroupsHasTheirSmallerWeight) {
  OpSample op =
      ConvolutionOf({2, 4, 5, 5}, {6, 2, 3, 3}, false, 2, {2, 6, 3, 3});
  EXPECT_EQ(op.Flops(), Flops(2 * 2 * 9 * (6 * 2 * 9), 108));
}

TEST(Flops, TransposedConvolutionGoesByItsInput) {
  OpSample op =
      ConvolutionOf({2, 4, 5, 5}, {4, 3, 2, 2}, true, 1, {2, 3, 10, 10});
  EXPECT_EQ(op.Flops(), Flops(2 * 2 * 25 * (4 * 3 * 4), 600));
}

OpSample ConvolutionBackwardOf(bool input, bool weight, bool bias) {
  OpSample op(
      "convolution_backward(Tensor grad_output, Tensor input, Tensor weight, "
      "int[]? bias_sizes, int[] stride, int[] padding, int[] dilation, bool "
      "transposed, int[] output_padding, int groups, bool[3] output_mask) -> "
      "(Tensor, Tensor, Tensor)");
  op.Give({op.Tensor({2, 6, 3, 3}), op.Tensor({2, 4, 5, 5}),
           op.Tensor({6, 2, 3, 3}), Integers({6}), Integers({1, 1}),
           Integers({0, 0}), Integers({1, 1}), Boolean(false), Integers({0, 0}),
           Integer(2), Booleans({input, weight, bias})})
      .Return({{2, 4, 5, 5}, {6, 2, 3, 3}, {6}});
  return op;
}

TEST(Flops, ConvolutionBackwardIsOnceForwardForEachGradientAlsoInGroups) {
  constexpr uint64_t kForward = 3888;
  EXPECT_EQ(ConvolutionBackwardOf(true, true, true).Flops(),
            Flops(2 * kForward, 108));
  EXPECT_EQ(ConvolutionBackwardOf(false, true, false).Flops(),
            Flops(kForward, 0));
  EXPECT_EQ(ConvolutionBackwardOf(false, false, true).Flops(), Flops(0, 108));
}

OpSample AttentionOf(int64_t queries, int64_t keys, bool causal,
                     const char* name = "") {
  OpSample op(std::string("_scaled_dot_product_flash_attention_for_cpu") +
              name +
              "(Tensor query, Tensor key, Tensor value, float dropout_p, bool "
              "is_causal) -> (Tensor, Tensor)");
  op.Give({op.Tensor({2, 4, queries, 8}), op.Tensor({2, 2, keys, 8}),
           op.Tensor({2, 2, keys, 16}), Integer(0), Boolean(causal)})
      .Return({{2, 4, queries, 16}, {2, 4, queries}});
  return op;
}

TEST(Flops, AttentionCountsSharedHeadsForEachHeadOfTheQueries) {
  EXPECT_EQ(AttentionOf(3, 5, false).Flops(),
            Flops(2 * 2 * 4 * (3 * 5) * (8 + 16), 0));
}

TEST(Flops, CausalAttentionCountsWhatIsVisible) {
  EXPECT_EQ(AttentionOf(5, 5, true).Flops(),
            Flops(2 * 2 * 4 * 15 * (8 + 16), 0));
  EXPECT_EQ(AttentionOf(3, 5, true).Flops(),
            Flops(2 * 2 * 4 * (1 + 2 + 3) * (8 + 16), 0));
  EXPECT_EQ(AttentionOf(5, 3, true).Flops(),
            Flops(2 * 2 * 4 * (1 + 2 + 3 + 3 + 3) * (8 + 16), 0));
}

TEST(Flops, AttentionBackwardComputesTheScoresAgain) {
  EXPECT_EQ(AttentionOf(3, 5, false, "_backward").Flops(),
            Flops(2 * 2 * 4 * 15 * (3 * 8 + 2 * 16), 0));
}

OpSample LstmLayer(const char* name) {
  OpSample op(std::string(name) +
              "(Tensor input, int mode, int hidden_size) -> Tensor");
  op.Give({op.Tensor({3, 2, 4}), Integer(2), Integer(5)}).Return({{3, 2, 5}});
  return op;
}

TEST(Flops, LstmLayerHasFourGates) {
  EXPECT_EQ(LstmLayer("mkldnn_rnn_layer").Flops(),
            Flops(2 * 6 * 20 * (4 + 5), 9 * 30, 5 * 30));
  EXPECT_EQ(LstmLayer("mkldnn_rnn_layer_backward").Flops(),
            Flops(2 * 2160, 2 * 270, 2 * 150));
}

TEST(Flops, LayersOfARecurrenceAreAddedUp) {
  OpSample op(
      "_cudnn_rnn(Tensor input, int mode, int hidden_size, int proj_size, int "
      "num_layers, bool bidirectional) -> Tensor");
  op.Give({op.Tensor({3, 2, 4}), Integer(3), Integer(5), Integer(0), Integer(2),
           Boolean(true)})
      .Return({{3, 2, 10}});
  EXPECT_EQ(op.Flops(), Flops(2 * (2 * 6 * 15 * 9 + 2 * 6 * 15 * 15),
                              2 * 2 * 8 * 30, 2 * 2 * 3 * 30));
}

TEST(Flops, FastPathOfAnEncoderLayerIsItsProducts) {
  OpSample op(
      "_transformer_encoder_layer_fwd(Tensor src, Tensor ffn_weight_1) -> "
      "Tensor");
  op.Give({op.Tensor({2, 3, 4}), op.Tensor({8, 4})}).Return({{2, 3, 4}});
  EXPECT_EQ(
      op.Flops(),
      Flops(2 * 6 * 4 * 12 + 4 * 2 * 9 * 4 + 2 * 6 * 16 + 4 * 6 * 4 * 8, 0));
}

TEST(Flops, FourierTransformOfRealsIsHalfOfThatOfComplexNumbers) {
  OpSample complex("_fft_c2c(Tensor self, int[] dim) -> Tensor");
  complex.Give({complex.Tensor({3, 16}), Integers({-1})}).Return({{3, 16}});
  EXPECT_EQ(complex.Flops(), Flops(3 * 5 * 16 * 4, 0));
  OpSample real("_fft_r2c(Tensor self, int[] dim) -> Tensor");
  real.Give({real.Tensor({3, 16}), Integers({1})}).Return({{3, 9}});
  EXPECT_EQ(real.Flops(), Flops(3 * 5 * 16 * 4 / 2, 0));
}

TEST(Flops, FactorizationsAreCubic) {
  OpSample op("linalg_inv_ex(Tensor A) -> (Tensor, Tensor)");
  op.Give({op.Tensor({2, 6, 6})}).Return({{2, 6, 6}, {2}});
  EXPECT_EQ(op.Flops(), Flops(2 * 2 * 216, 0));
}

TEST(Flops, ArithmeticCountsWhatComesOut) {
  OpSample op("add(Tensor self, Tensor other) -> Tensor");
  op.Give({op.Tensor({4, 1}), op.Tensor({5})}).Return({{4, 5}});
  EXPECT_EQ(op.Flops(), Flops(0, 20));
}

TEST(Flops, ReductionCountsWhatGoesIn) {
  OpSample op("sum(Tensor self) -> Tensor");
  op.Give({op.Tensor({4, 5})}).Return({{}});
  EXPECT_EQ(op.Flops(), Flops(0, 20));
}

TEST(Flops, FunctionsOfALibraryAreApart) {
  OpSample op("gelu(Tensor self) -> Tensor");
  op.Give({op.Tensor({4, 5})}).Return({{4, 5}});
  EXPECT_EQ(op.Flops(), Flops(0, 80, 20));
}

OpSample BatchNorm(bool training) {
  OpSample op(
      "native_batch_norm(Tensor input, Tensor? weight, Tensor? bias, bool "
      "training) -> Tensor");
  op.Give({op.Tensor({2, 3, 4}), op.Tensor({3}), op.Tensor({3}),
           Boolean(training)})
      .Return({{2, 3, 4}});
  return op;
}

TEST(Flops, BatchNormIsCheaperWithGivenMeans) {
  EXPECT_EQ(BatchNorm(true).Flops(), Flops(0, 5 * 24));
  EXPECT_EQ(BatchNorm(false).Flops(), Flops(0, 2 * 24));
}

TEST(Flops, PoolingLooksAtItsWindow) {
  OpSample op(
      "max_pool2d_with_indices(Tensor self, int[2] kernel_size) -> (Tensor, "
      "Tensor)");
  op.Give({op.Tensor({2, 3, 8, 8}), Integers({2})}).Return({{2, 3, 4, 4}, {}});
  EXPECT_EQ(op.Flops(), Flops(0, 96 * 4));
}

TEST(Flops, ListsCountAllTheirTensors) {
  OpSample op("_foreach_mul_(Tensor(a!)[] self) -> ()");
  v1::Value list;
  *list.mutable_list()->add_values() = op.Tensor({3});
  *list.mutable_list()->add_values() = op.Tensor({4, 2});
  op.Give({list});
  EXPECT_EQ(op.Flops(), Flops(0, 11));
}

}  // namespace
}  // namespace torchtape::viewer
