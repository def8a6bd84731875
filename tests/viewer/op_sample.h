#ifndef TORCHTAPE_TESTS_VIEWER_OP_SAMPLE_H_
#define TORCHTAPE_TESTS_VIEWER_OP_SAMPLE_H_

// A log of one op, of which a test asks what it computes and moves.
//
//   OpSample relu("relu(Tensor self) -> Tensor");
//   relu.Give({relu.Tensor({4, 5})}).Return({{4, 5}});
//   EXPECT_EQ(relu.Flops(), ...);

#include <cstdint>
#include <string>
#include <vector>

#include "nlohmann/json.hpp"
#include "viewer/log_builder.h"

namespace torchtape::viewer {

v1::Value Integer(int64_t number);
v1::Value Boolean(bool truth);
v1::Value Integers(std::vector<int64_t> numbers);
v1::Value Booleans(std::vector<bool> truths);

class OpSample {
 public:
  // As PyTorch writes it, without "aten::".
  explicit OpSample(const std::string& schema);

  v1::Value Tensor(std::vector<int64_t> sizes) { return log.Tensor(sizes); }

  // Ids: those of the tensors, in order.
  OpSample& Give(std::vector<v1::Value> inputs, LogBuilder::Ids ids = {});
  OpSample& Return(std::vector<std::vector<int64_t>> shapes);

  // Of the op: 100 ns of the forward pass.
  nlohmann::json Work();
  // [matrix, arithmetic, transcendental]; null if nobody knows.
  nlohmann::json Flops();
  nlohmann::json MovedBytes();  // null if nobody knows

  LogBuilder log;

 private:
  const std::string schema_;
  std::vector<v1::Value> inputs_;
  LogBuilder::Ids ids_;
  uint32_t result_ = 0;
  size_t result_count_ = 0;
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_TESTS_VIEWER_OP_SAMPLE_H_
