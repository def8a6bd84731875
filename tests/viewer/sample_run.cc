#include "viewer/sample_run.h"

#include "torchtape/format/byte_source.h"
#include "viewer/model_parts.h"

namespace torchtape::viewer {
namespace {

constexpr uint64_t kUs = 1000;

// Storages of the parameters.
constexpr uint64_t kWeight = 1, kBias = 2;

v1::Model SampleModel() {
  v1::Model model;
  model.set_name("model");
  *model.add_modules() = NewModule("model", "Net", 0);
  *model.add_modules() = NewModule("model.fc", "torch::nn::LinearImpl", 1);
  *model.add_modules() = NewModule("model.act", "torch::nn::ReLUImpl", 1);
  *model.add_parameters() = NewParameter("model.fc.weight", 2, kWeight, {3, 4});
  *model.add_parameters() = NewParameter("model.fc.bias", 2, kBias, {3});
  return model;
}

// The signatures of the run.
struct Names {
  uint32_t batch, linear, t, addmm, relu, node, mm, out;
};

Names Define(LogBuilder* log) {
  const v1::Value x = log->Tensor({2, 4}), weight = log->Tensor({3, 4}),
                  bias = log->Tensor({3}), y = log->Tensor({2, 3});
  Names names;
  names.batch = log->Span(v1::SPAN_KIND_RANGE, "batch");
  names.linear = log->Op(
      "aten::linear",
      "aten::linear(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor",
      {x, weight, bias});
  names.t =
      log->Op("aten::t", "aten::t(Tensor(a) self) -> Tensor(a)", {weight});
  names.addmm = log->Op("aten::addmm",
                        "aten::addmm(Tensor self, Tensor mat1, Tensor mat2, *, "
                        "Scalar beta=1, Scalar alpha=1) -> Tensor",
                        {bias, x, weight});
  names.relu = log->Op("aten::relu", "aten::relu(Tensor self) -> Tensor", {y});
  names.node = log->Span(v1::SPAN_KIND_BACKWARD, "AddmmBackward0");
  names.mm = log->Op("aten::mm", "aten::mm(Tensor self, Tensor mat2) -> Tensor",
                     {y, weight});
  names.out = log->Returns({y});
  return names;
}

// Ids of one step's tensors start behind `base`.
void AddForward(const Names& names, uint64_t start, uint64_t base,
                int64_t sequence, LogBuilder* log) {
  const format::TensorId x = {base + 1, base + 1}, y = {base + 2, base + 2},
                         z = {base + 3, base + 3}, wt = {base + 4, kWeight},
                         w = {1, kWeight}, b = {2, kBias};
  log->Begin(1, start + 10 * kUs, names.batch);
  log->Begin(1, start + 20 * kUs, names.linear, {x, w, b}, sequence);
  log->Begin(1, start + 25 * kUs, names.t, {w}, sequence);
  log->End(1, start + 35 * kUs, names.out, {wt});
  log->Begin(1, start + 40 * kUs, names.addmm, {b, x, wt}, sequence + 1);
  log->Allocate(1, start + 45 * kUs, base + 2, 1000);
  log->End(1, start + 100 * kUs, names.out, {y});
  log->End(1, start + 120 * kUs, names.out, {y});
  log->Begin(1, start + 130 * kUs, names.relu, {y}, sequence + 2);
  log->End(1, start + 150 * kUs, names.out, {z});
  log->End(1, start + 160 * kUs);
}

void AddBackward(const Names& names, uint64_t start, uint64_t base,
                 int64_t sequence, LogBuilder* log) {
  const format::TensorId z = {base + 3, base + 3}, w = {1, kWeight},
                         g = {base + 5, base + 5};
  log->BeginBackward(2, start + 300 * kUs, names.node, sequence + 1, 1);
  log->Allocate(2, start + 305 * kUs, base + 5, 500);
  log->Begin(2, start + 310 * kUs, names.mm, {z, w});
  log->End(2, start + 460 * kUs, names.out, {g});
  log->End(2, start + 500 * kUs);
  log->Free(1, start + 600 * kUs, base + 2);
  log->Free(1, start + 610 * kUs, base + 5);
}

}  // namespace

LogBuilder SampleRun() {
  LogBuilder log;
  log.Thread(2, "autograd", 7);
  log.Model(SampleModel());
  const Names names = Define(&log);
  for (uint64_t step = 0; step < 3; ++step) {
    const uint64_t start = step * 1000 * kUs;
    const int64_t sequence = static_cast<int64_t>(10 * step);
    AddForward(names, start, 100 * (step + 1), sequence, &log);
    AddBackward(names, start, 100 * (step + 1), sequence, &log);
    log.Value("loss", 3.0 - static_cast<double>(step), start + 900 * kUs);
    log.Step(step + 1, start + 1000 * kUs);
  }
  return log;
}

Log FromBytes(const std::string& bytes) {
  return Log{"run.tape", format::FromString(bytes), false, {}, {}};
}

std::string TextOf(VerbFunction verb, const std::string& bytes,
                   const VerbOptions& options) {
  std::ostringstream out;
  return verb(FromBytes(bytes), options, out).ok() ? out.str() : "";
}

nlohmann::json JsonOf(VerbFunction verb, const std::string& bytes,
                      VerbOptions options) {
  options.json = true;
  return nlohmann::json::parse(TextOf(verb, bytes, options), nullptr, false);
}

nlohmann::json Entry(const nlohmann::json& array, const std::string& key,
                     const nlohmann::json& value) {
  for (const nlohmann::json& entry : array) {
    if (entry.at(key) == value) return entry;
  }
  return nullptr;
}

}  // namespace torchtape::viewer
