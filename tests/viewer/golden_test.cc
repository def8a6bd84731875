// What the verbs print for one log, as a whole. A human reads the difference
// when it changes; to take the new text, run
//   TORCHTAPE_REFRESH_GOLDEN=1 viewer_test --gtest_filter='Golden.*'

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "gtest/gtest.h"
#include "viewer/sample_run.h"

namespace torchtape::viewer {
namespace {

void ExpectGolden(const std::string& text, const std::string& file) {
  const std::string path = std::string(TORCHTAPE_GOLDEN) + "/" + file;
  if (std::getenv("TORCHTAPE_REFRESH_GOLDEN") != nullptr) {
    std::ofstream(path, std::ios::binary) << text;
  }
  std::ifstream in(path, std::ios::binary);
  std::ostringstream expected;
  expected << in.rdbuf();
  EXPECT_EQ(text, expected.str()) << path;
}

// The size of a compressed log depends on the version of zstd.
std::string WithoutSizes(std::string text) {
  std::istringstream in(text);
  std::ostringstream out;
  for (std::string line; std::getline(in, line);) {
    const size_t size = line.find(" events   ");
    if (size != std::string::npos) line = line.substr(0, size + 7);
    if (line.rfind("size", 0) == 0) line = "size";
    out << line << '\n';
  }
  return out.str();
}

TEST(Golden, Summary) {
  ExpectGolden(WithoutSizes(TextOf(Summary, SampleRun().Finish())),
               "viewer_summary.txt");
}

TEST(Golden, Info) {
  ExpectGolden(WithoutSizes(TextOf(Info, SampleRun().Finish())),
               "viewer_info.txt");
}

}  // namespace
}  // namespace torchtape::viewer
