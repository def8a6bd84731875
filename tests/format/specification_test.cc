// FORMAT.md must say what the code does.

#include "gmock/gmock.h"
#include "support/small_log.h"
#include "support/temp_folder.h"
#include "torchtape/format/names.h"

namespace torchtape::format {
namespace {

using ::testing::HasSubstr;
using testing::ReadFile;

// As `xxd -g 1`, without the text on the right.
std::string HexDump(const std::string& bytes) {
  std::string dump;
  char text[24];
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i % 16 == 0) {
      snprintf(text, sizeof text, "%s%08zx:", i == 0 ? "" : "\n", i);
      dump += text;
    }
    snprintf(text, sizeof text, " %02x", static_cast<unsigned char>(bytes[i]));
    dump += text;
  }
  return dump + "\n";
}

TEST(Specification, HexDumpIsTheSmallestLog) {
  std::string bytes;
  v1::Run run;
  run.set_pid(7);
  LogWriter writer(ToString(&bytes), run);
  ASSERT_TRUE(writer.Close(v1::Statistics()).ok());
  EXPECT_THAT(ReadFile(FORMAT_MD), HasSubstr("```\n" + HexDump(bytes) + "```"));
}

TEST(Specification, TablesHaveTheNamesOfTheCode) {
  const std::string specification = ReadFile(FORMAT_MD);
  for (uint32_t dtype = 0; dtype <= 45; ++dtype) {
    const std::string number = std::to_string(dtype);
    EXPECT_THAT(specification,
                HasSubstr("| " + number + " | `" + DtypeName(dtype) + "` | " +
                          std::to_string(DtypeBytes(dtype)) + " |"));
  }
  for (uint32_t type = 0; type <= 20; ++type) {
    EXPECT_THAT(specification, HasSubstr(std::to_string(type) + " `" +
                                         DeviceName(type, -1) + "`"));
  }
}

}  // namespace
}  // namespace torchtape::format
