#include "file_kind.h"

#include "gmock/gmock.h"

namespace torchtape::format::internal {
namespace {

using ::testing::HasSubstr;

std::string Words(absl::string_view bytes) {
  return std::string(LooksLike(bytes));
}

TEST(FileKind, KnowsWhatPeopleOpenByMistake) {
  EXPECT_THAT(Words("PK\x03\x04..."), HasSubstr("PyTorch"));
  EXPECT_THAT(Words("\x1f\x8b\x08"), HasSubstr("gzip"));
  EXPECT_THAT(Words("\x28\xb5\x2f\xfd"), HasSubstr("zstd"));
  EXPECT_THAT(Words("\x7f"
                    "ELF"),
              HasSubstr("program"));
  EXPECT_THAT(Words("\x89PNG\r\n"), HasSubstr("PNG"));
  EXPECT_EQ(Words("  {\"traceEvents\": []}"), "JSON");
  EXPECT_EQ(Words("<!DOCTYPE html>"), "an HTML page");
  EXPECT_EQ(Words("#!/bin/sh\n"), "a script");
}

TEST(FileKind, TellsTextFromOtherBytes) {
  EXPECT_EQ(Words("epoch 1, loss 0.5\n"), "text");
  EXPECT_EQ(Words("Schr\xc3\xb6"
                  "dinger"),
            "text");
  EXPECT_EQ(Words("\x01\x02\x03"), "some other binary file");
  EXPECT_THAT(Words(absl::string_view("\0\0\0", 3)), HasSubstr("zeros"));
}

}  // namespace
}  // namespace torchtape::format::internal
