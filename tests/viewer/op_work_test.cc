#include "gtest/gtest.h"
#include "viewer/op_sample.h"
#include "viewer/owners.h"
#include "viewer/sample_run.h"

namespace torchtape::viewer {
namespace {

using Json = nlohmann::json;

constexpr char kMm[] = "aten::mm(Tensor self, Tensor mat2) -> Tensor";

// A log with products of [3, 4] by [4, 5], 120 FLOPs each.
class Products {
 public:
  uint32_t Op(const std::string& name, const std::string& schema) {
    return log.Op(name, schema, {log.Tensor({3, 4}), log.Tensor({4, 5})});
  }
  void Begin(uint32_t op) {
    log.Begin(1, time_ns_ += 10, op, {{1, 1}, {2, 2}});
  }
  void End() { log.End(1, time_ns_ += 10, result_, {{3, 3}}); }

  Json WorkOf(const std::string& name) {
    return Entry(JsonOf(Summary, log.Finish())["ops"], "name", name)["work"];
  }
  Json All() { return JsonOf(Summary, log.Finish())["work"]["forward"]; }

  LogBuilder log;

 private:
  uint64_t time_ns_ = 0;
  const uint32_t result_ = log.Returns({log.Tensor({3, 5})});
};

TEST(OpWork, OfOpsInsideOfEachOtherTheOutermostCounts) {
  Products log;
  const uint32_t mm = log.Op("aten::mm", kMm);
  log.Begin(log.Op("aten::_scaled_mm",
                   "aten::_scaled_mm(Tensor self, Tensor mat2) -> Tensor"));
  log.Begin(mm);
  log.End();
  log.End();
  const Json all = log.All();
  EXPECT_EQ(all["matrix_flops"], 120);
  EXPECT_EQ(all["counted_ops"], 1);
  EXPECT_EQ(all["timed_ns"], 30);
}

TEST(OpWork, CompositeIsTheSumOfWhatIsInside) {
  Products log;
  const uint32_t mm = log.Op("aten::mm", kMm);
  log.Begin(log.Op("aten::matmul", "aten::matmul(Tensor self, Tensor other)"));
  for (int i = 0; i < 2; ++i) {
    log.Begin(mm);
    log.End();
  }
  log.End();
  const Json all = log.All();
  EXPECT_EQ(all["matrix_flops"], 240);
  EXPECT_EQ(all["unknown_ops"], 0);
}

TEST(OpWork, CompositeWithNothingInsideIsUnknown) {
  Products log;
  log.Begin(log.Op("aten::matmul", "aten::matmul(Tensor self, Tensor other)"));
  log.End();
  const Json all = log.All();
  EXPECT_EQ(all["counted_ops"], 0);
  EXPECT_EQ(all["unknown_ops"], 1);
}

TEST(OpWork, OpWithoutAFormulaIsUnknownForItsOwnTimeAndNeverZero) {
  Products log;
  const uint32_t mm = log.Op("aten::mm", kMm);
  log.Begin(log.Op("mine::attention", ""));
  log.Begin(mm);
  log.End();
  log.End();
  const Json work = log.WorkOf("mine::attention")["forward"];
  EXPECT_EQ(work["counted_ops"], 0);
  EXPECT_EQ(work["unknown_ops"], 1);
  EXPECT_EQ(work["unknown_ns"], 20);
}

TEST(OpWork, WhatAnUnknownOpCallsCounts) {
  Products log;
  const uint32_t mm = log.Op("aten::mm", kMm);
  log.Begin(log.Op("mine::attention", ""));
  log.Begin(mm);
  log.End();
  log.End();
  EXPECT_EQ(log.WorkOf("aten::mm")["forward"]["matrix_flops"], 120);
}

TEST(OpWork, OpThatThrewIsUnknown) {
  Products log;
  log.Begin(log.Op("aten::mm", kMm));
  log.log.Threw(1, 500);
  EXPECT_EQ(log.All()["unknown_ops"], 1);
}

TEST(OpWork, WithoutShapesNothingIsCounted) {
  LogBuilder log;
  log.Begin(1, 100, log.Span(v1::SPAN_KIND_OP, "aten::mm"));
  log.End(1, 200);
  const Json all = JsonOf(Summary, log.Finish())["work"]["forward"];
  EXPECT_EQ(all["counted_ops"], 0);
  EXPECT_EQ(all["unknown_ops"], 1);
  EXPECT_EQ(all["unknown_ns"], 100);
}

TEST(OpWork, ResultThatWasNotRecordedIsNotGuessed) {
  Products log;
  log.Begin(
      log.Op("aten::add", "aten::add(Tensor self, Tensor other) -> Tensor"));
  log.log.End(1, 500);
  EXPECT_EQ(log.All()["unknown_ops"], 1);
}

TEST(OpWork, ViewsComputeAndMoveNothing) {
  OpSample op("transpose(Tensor(a) self, int dim0, int dim1) -> Tensor(a)");
  op.Give({op.Tensor({3, 4}), Integer(0), Integer(1)}).Return({{4, 3}});
  EXPECT_EQ(op.Flops(), Json({0, 0, 0}));
}

TEST(OpWork, ComplexNumbersAreUnknownWhereTheFormulaIsForReals) {
  OpSample op("add(Tensor self, Tensor other) -> Tensor");
  const v1::Value complex = op.Tensor({3});
  op.log.ChangeType(complex, [](v1::TensorType* type) { type->set_dtype(9); });
  op.Give({complex, op.Tensor({3})}).Return({{3}});
  EXPECT_EQ(op.Flops(), nullptr);
}

TEST(OpWork, SizesThatNoMemoryHoldsAreUnknown) {
  constexpr int64_t kHuge = int64_t{1} << 40;
  for (const int64_t size : {kHuge, int64_t{-1}}) {
    OpSample op("mm(Tensor self, Tensor mat2) -> Tensor");
    op.Give({op.Tensor({size, size}), op.Tensor({size, size})})
        .Return({{size, size}});
    EXPECT_EQ(op.Flops(), nullptr) << size;
  }
}

TEST(OpWork, EachTensorMovesOnce) {
  OpSample mm("mm(Tensor self, Tensor mat2) -> Tensor");
  mm.Give({mm.Tensor({3, 4}), mm.Tensor({4, 5})}).Return({{3, 5}});
  EXPECT_EQ(mm.MovedBytes(), 4 * (12 + 20 + 15));
  OpSample twice("mul(Tensor self, Tensor other) -> Tensor");
  twice.Give({twice.Tensor({6}), twice.Tensor({6})}, {{7, 7}, {7, 7}})
      .Return({{6}});
  EXPECT_EQ(twice.MovedBytes(), 4 * (6 + 6));
}

TEST(OpWork, OpInPlaceReadsAndWrites) {
  OpSample op("add_(Tensor(a!) self, Tensor other) -> Tensor(a!)");
  op.Give({op.Tensor({6}), op.Tensor({1})}).Return({{6}});
  EXPECT_EQ(op.MovedBytes(), 4 * (6 + 1 + 6));
}

TEST(OpWork, GivenResultIsWrittenOnly) {
  OpSample op(
      "mul(Tensor self, Tensor other, *, Tensor(a!) out) -> Tensor(a!)");
  op.Give({op.Tensor({6}), op.Tensor({6}), op.Tensor({6})}).Return({{6}});
  EXPECT_EQ(op.MovedBytes(), 4 * 18);
}

TEST(OpWork, CopyDoesNotReadWhatItOverwrites) {
  OpSample copy("copy_(Tensor(a!) self, Tensor src) -> Tensor(a!)");
  copy.Give({copy.Tensor({6}), copy.Tensor({6})}).Return({{6}});
  EXPECT_EQ(copy.MovedBytes(), 4 * 12);
  OpSample zero("zero_(Tensor(a!) self) -> Tensor(a!)");
  zero.Give({zero.Tensor({6})}).Return({{6}});
  EXPECT_EQ(zero.MovedBytes(), 4 * 6);
}

TEST(OpWork, ExpandedDimensionsMoveOnce) {
  OpSample op("mul(Tensor self, Tensor other) -> Tensor");
  const v1::Value expanded = op.Tensor({8, 3});
  op.log.ChangeType(expanded, [](v1::TensorType* type) {
    type->set_strided_explicitly(true);
    type->add_strides(0);
    type->add_strides(1);
  });
  op.Give({expanded, op.Tensor({8, 3})}).Return({{8, 3}});
  EXPECT_EQ(op.MovedBytes(), 4 * (3 + 24 + 24));
}

TEST(OpWork, EmbeddingMovesTheRowsThatItTakes) {
  OpSample op("embedding(Tensor weight, Tensor indices) -> Tensor");
  op.Give({op.Tensor({1000, 8}), op.Tensor({5})}).Return({{5, 8}});
  EXPECT_EQ(op.MovedBytes(), 4 * (5 + 2 * 40));
}

TEST(OpWork, ScatteringReadsAndWritesTheRowsThatItChanges) {
  OpSample op(
      "scatter_add_(Tensor(a!) self, int dim, Tensor index, Tensor src) -> "
      "Tensor(a!)");
  op.Give({op.Tensor({1000}), Integer(0), op.Tensor({5}), op.Tensor({5})})
      .Return({{1000}});
  EXPECT_EQ(op.MovedBytes(), 4 * (5 + 5 + 2 * 5));
}

TEST(OpWork, TimeOnAnotherDeviceSaysNothingOfItsSpeed) {
  OpSample op("mm(Tensor self, Tensor mat2) -> Tensor");
  std::vector<v1::Value> inputs = {op.Tensor({3, 4}), op.Tensor({4, 5})};
  for (const v1::Value& value : inputs) {
    op.log.ChangeType(value,
                      [](v1::TensorType* type) { type->set_device_type(1); });
  }
  op.Give(inputs).Return({{3, 5}});
  const Json work = op.Work()["forward"];
  EXPECT_EQ(work["matrix_flops"], 120);
  EXPECT_EQ(work["timed_flops"], 0);
  EXPECT_EQ(work["timed_ns"], 0);
}

// Adds up one field of what has been counted.
uint64_t SumOf(const Json& rows, const char* key, const char* field) {
  uint64_t sum = 0;
  for (const Json& row : rows) {
    if (row[key].is_null()) continue;
    for (const char* direction : {"forward", "backward"}) {
      sum += row[key][direction][field].get<uint64_t>();
    }
  }
  return sum;
}

class OldLog : public ::testing::TestWithParam<const char*> {};

TEST_P(OldLog, SumsOverOpsStepsAndModulesAreOne) {
  const std::string path = std::string(TORCHTAPE_LOGS "/v1/") + GetParam();
  absl::StatusOr<Log> log = OpenLog(path);
  ASSERT_TRUE(log.ok()) << log.status();
  VerbOptions options;
  options.json = true;
  std::ostringstream text;
  ASSERT_TRUE(Summary(*log, options, text).ok());
  const Json summary = Json::parse(text.str());
  for (const char* field : {"matrix_flops", "arithmetic_flops", "moved_bytes",
                            "counted_ops", "unknown_ops", "unknown_ns"}) {
    const uint64_t all = SumOf({{{"work", summary["work"]}}}, "work", field);
    EXPECT_EQ(SumOf(summary["ops"], "work", field), all) << field;
    EXPECT_EQ(SumOf(summary["steps"], "work", field), all) << field;
    EXPECT_EQ(SumOf(summary["modules"], "self_work", field) +
                  SumOf({summary["optimizer"], summary["unattributed"]}, "work",
                        field),
              all)
        << field;
  }
  EXPECT_GT(SumOf(summary["ops"], "work", "matrix_flops"), 0u);
}

INSTANTIATE_TEST_SUITE_P(OpWork, OldLog,
                         ::testing::Values("taps.tape", "callbacks.tape"),
                         [](const auto& info) {
                           const std::string name = info.param;
                           return name.substr(0, name.find('.'));
                         });

}  // namespace
}  // namespace torchtape::viewer
