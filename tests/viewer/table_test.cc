#include "output/table.h"

#include <sstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace torchtape::viewer {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Printed(const Table& table) {
  std::ostringstream out;
  table.Print(out, /*colour=*/false);
  return out.str();
}

TEST(Table, NamesAreAlignedLeftAndNumbersRight) {
  Table table({"op", "calls"}, 1);
  table.AddRow({"add", "5"});
  table.AddRow({"relu", "1000"});
  EXPECT_EQ(Printed(table), "op    calls\nadd       5\nrelu   1000\n");
}

TEST(Table, TheWidestNameGivesWayAndNumbersDoNot) {
  Table table({"op", "calls"}, 1);
  table.AddRow({std::string(200, 'x'), "123456789"});
  std::istringstream lines(Printed(table));
  std::string line;
  while (std::getline(lines, line)) EXPECT_LE(line.size(), kScreenColumns);
  EXPECT_THAT(Printed(table), HasSubstr("x..  123456789"));
}

TEST(Table, PlaceThatIsCutKeepsItsLine) {
  Table table({"source", "function", "calls"}, 2);
  table.AddRow({std::string(80, 'x') + ".cc:4711", std::string(80, 'f'), "1"});
  table.AddRow({std::string(80, 'y') + ".cc:1x", std::string(80, 'f'), "1"});
  EXPECT_THAT(Printed(table), HasSubstr("x..:4711  "));
  EXPECT_THAT(Printed(table), HasSubstr("y..  "));
  EXPECT_THAT(Printed(table), Not(HasSubstr(":1x")));
}

}  // namespace
}  // namespace torchtape::viewer
