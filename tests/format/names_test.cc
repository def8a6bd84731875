#include "torchtape/format/names.h"

#include "gmock/gmock.h"

namespace torchtape::format {
namespace {

// The numbers are c10's; some from each end of each table.
TEST(Names, DtypesAreNamedAsInPyTorch) {
  EXPECT_EQ(DtypeName(0), "uint8");
  EXPECT_EQ(DtypeName(4), "int64");
  EXPECT_EQ(DtypeName(6), "float32");
  EXPECT_EQ(DtypeName(11), "bool");
  EXPECT_EQ(DtypeName(15), "bfloat16");
  EXPECT_EQ(DtypeName(23), "float8_e5m2");
  EXPECT_EQ(DtypeName(29), "uint64");
  EXPECT_EQ(DtypeName(37), "int1");
  EXPECT_EQ(DtypeName(45), "float4_e2m1fn_x2");
}

TEST(Names, DtypesHaveTheirSizes) {
  EXPECT_EQ(DtypeBytes(4), 8);
  EXPECT_EQ(DtypeBytes(5), 2);
  EXPECT_EQ(DtypeBytes(10), 16);
  EXPECT_EQ(DtypeBytes(22), 2);
  EXPECT_EQ(DtypeBytes(28), 4);
}

TEST(Names, DevicesHaveAnIndexOnlyIfTheyHaveOne) {
  EXPECT_EQ(DeviceName(0, -1), "cpu");
  EXPECT_EQ(DeviceName(1, 0), "cuda:0");
  EXPECT_EQ(DeviceName(14, -1), "meta");
  EXPECT_EQ(DeviceName(20, 3), "privateuseone:3");
}

TEST(Names, LayoutsAndMemoryFormats) {
  EXPECT_EQ(LayoutName(0), "strided");
  EXPECT_EQ(LayoutName(7), "jagged");
  EXPECT_EQ(MemoryFormatName(0), "contiguous");
  EXPECT_EQ(MemoryFormatName(3), "channels_last_3d");
}

TEST(Names, NumbersFromTheFutureAreShownAsNumbers) {
  EXPECT_EQ(DtypeName(46), "dtype 46");
  EXPECT_EQ(DtypeBytes(46), 0);
  EXPECT_EQ(DeviceName(21, 1), "device 21:1");
  EXPECT_EQ(LayoutName(8), "layout 8");
  EXPECT_EQ(MemoryFormatName(4), "memory format 4");
}

}  // namespace
}  // namespace torchtape::format
