// Small things: schemas, classes of ops, units, tables, ranges of steps.

#include <sstream>

#include "gtest/gtest.h"
#include "ops/op_class.h"
#include "ops/schema.h"
#include "output/table.h"
#include "output/units.h"
#include "totals/step_totals.h"

namespace torchtape::viewer {
namespace {

TEST(Schema, ArgumentsHaveTypesAndNames) {
  const std::vector<Argument> arguments = SchemaArguments(
      "aten::f_.out(Tensor(a!) self, int[2] stride=[1, 1], *, str? s=\"a, b\", "
      "(Tensor, Tensor) pair) -> Tensor(a!)");
  ASSERT_EQ(arguments.size(), 4u);
  EXPECT_EQ(arguments[0].name, "self");
  EXPECT_TRUE(arguments[0].written);
  EXPECT_EQ(arguments[1].name, "stride");
  EXPECT_EQ(arguments[1].type, "int[2]");
  EXPECT_FALSE(arguments[1].written);
  EXPECT_EQ(arguments[2].name, "s");
  EXPECT_EQ(arguments[3].name, "pair");
}

TEST(Schema, ReturnsMayHaveNames) {
  EXPECT_EQ(
      SchemaReturns("f(Tensor x) -> (Tensor values, Tensor indices)")[1].name,
      "indices");
  EXPECT_EQ(SchemaReturns("f(Tensor x) -> Tensor")[0].name, "");
  EXPECT_TRUE(SchemaReturns("f() -> ()").empty());
}

TEST(Schema, WhatIsNoSchemaHasNoArguments) {
  for (const char* text : {"", "aten::add", "f(", "f(()", ")(", "->", "-> "}) {
    EXPECT_TRUE(SchemaArguments(text).empty()) << text;
    SchemaReturns(text);
  }
}

TEST(OpClass, InPlaceOpsAreAsTheOthers) {
  EXPECT_EQ(ClassOfOp("aten::add_"), OpClass::kTensor);
  EXPECT_EQ(ClassOfOp("aten::relu_"), OpClass::kLayer);
  EXPECT_EQ(ClassOfOp("aten::copy_"), OpClass::kMemory);
}

TEST(OpClass, NodesAreAsTheirOps) {
  EXPECT_EQ(ClassOfNode("TBackward0"), OpClass::kView);
  EXPECT_EQ(ClassOfNode("ConvolutionBackward0"), OpClass::kLayer);
  EXPECT_EQ(ClassOfNode("NativeBatchNormBackward0"), OpClass::kLayer);
  EXPECT_EQ(ClassOfNode("torch::autograd::AccumulateGrad"), OpClass::kTensor);
}

TEST(OpClass, OpsOfOthersAreCustom) {
  EXPECT_EQ(ClassOfOp("mine::add"), OpClass::kCustom);
  EXPECT_EQ(ClassOfOp("aten::never_heard_of"), OpClass::kProduct);
}

TEST(Units, NumbersHaveUnitsThatFitThem) {
  EXPECT_EQ(TimeText(812), "812 ns");
  EXPECT_EQ(TimeText(999960), "1.0 ms");
  EXPECT_EQ(TimeText(61.2e6), "61.2 ms");
  EXPECT_EQ(BytesText(1536), "1.5 KiB");
  EXPECT_EQ(CountText(99999), "99999");
  EXPECT_EQ(CountText(4300000), "4.3 M");
  EXPECT_EQ(ShareText(1, 3), "33 %");
  EXPECT_EQ(ShareText(1, 0), "-");
  EXPECT_EQ(InstantText(12345678), "12.345678 ms");
}

TEST(Table, NamesGiveWayToNumbers) {
  Table table({"name", "time"}, 1);
  table.AddRow({std::string(200, 'n'), "1.0 ms"});
  std::ostringstream out;
  table.Print(out, /*colour=*/false);
  std::istringstream lines(out.str());
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(line.size(), kScreenColumns);
  }
  EXPECT_NE(out.str().find("..  1.0 ms\n"), std::string::npos);
}

TEST(Quantile, IsAnObservedNumber) {
  EXPECT_EQ(Quantile({3, 1, 2, 4}, 0.5), 2u);
  EXPECT_EQ(Quantile({3, 1, 2, 4}, 1), 4u);
  EXPECT_EQ(Quantile({7}, 0.95), 7u);
}

TEST(StepRange, OnlyNumbersAreAccepted) {
  EXPECT_TRUE(ParseStep("5")->Contains(5));
  EXPECT_FALSE(ParseStep("5")->Contains(6));
  EXPECT_TRUE(ParseSteps("5:8")->Contains(8));
  for (const char* text : {"", "-1", "x", "1.5"}) {
    EXPECT_FALSE(ParseStep(text).ok()) << text;
  }
  for (const char* text : {"5", "5:", ":8", "8:5", "1:2:3"}) {
    EXPECT_FALSE(ParseSteps(text).ok()) << text;
  }
}

}  // namespace
}  // namespace torchtape::viewer
