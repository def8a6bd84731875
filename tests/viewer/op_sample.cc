#include "viewer/op_sample.h"

#include <utility>

#include "viewer/sample_run.h"

namespace torchtape::viewer {
namespace {

void CountTensors(const v1::Value& value, size_t* count) {
  *count += value.kind_case() == v1::Value::kTensor;
  for (const v1::Value& each : value.list().values()) CountTensors(each, count);
}

}  // namespace

v1::Value Integer(int64_t number) {
  v1::Value value;
  value.set_integer(number);
  return value;
}

v1::Value Boolean(bool truth) {
  v1::Value value;
  value.set_boolean(truth);
  return value;
}

v1::Value Integers(std::vector<int64_t> numbers) {
  v1::Value value;
  for (int64_t number : numbers) value.mutable_integers()->add_values(number);
  return value;
}

v1::Value Booleans(std::vector<bool> truths) {
  v1::Value value;
  for (bool truth : truths) value.mutable_booleans()->add_values(truth);
  return value;
}

OpSample::OpSample(const std::string& schema) : schema_(schema) {}

OpSample& OpSample::Give(std::vector<v1::Value> inputs, LogBuilder::Ids ids) {
  size_t tensors = 0;
  for (const v1::Value& value : inputs) CountTensors(value, &tensors);
  inputs_ = std::move(inputs);
  ids_ = std::move(ids);
  for (uint64_t id = 100 + ids_.size(); ids_.size() < tensors; ++id) {
    ids_.push_back({id, id});
  }
  return *this;
}

OpSample& OpSample::Return(std::vector<std::vector<int64_t>> shapes) {
  std::vector<v1::Value> outputs;
  for (std::vector<int64_t>& shape : shapes) {
    outputs.push_back(log.Tensor(std::move(shape)));
  }
  result_count_ = outputs.size();
  result_ = log.Returns(std::move(outputs));
  return *this;
}

nlohmann::json OpSample::Work() {
  const std::string name = "aten::" + schema_.substr(0, schema_.find('('));
  const uint32_t op = log.Op(name, "aten::" + schema_, inputs_);
  log.Begin(1, 100, op, ids_);
  LogBuilder::Ids results;
  for (size_t i = 0; i < result_count_; ++i) {
    results.push_back({900 + i, 900 + i});
  }
  log.End(1, 200, result_, results);
  return Entry(JsonOf(Summary, log.Finish())["ops"], "name", name)["work"];
}

nlohmann::json OpSample::Flops() {
  const nlohmann::json work = Work()["forward"];
  if (work["counted_ops"] == 0) return nullptr;
  return {work["matrix_flops"], work["arithmetic_flops"],
          work["transcendental_calls"]};
}

nlohmann::json OpSample::MovedBytes() {
  const nlohmann::json work = Work()["forward"];
  return work["counted_ops"] == 0 ? nlohmann::json() : work["moved_bytes"];
}

}  // namespace torchtape::viewer
