#include "torchtape/format/byte_source.h"

#include <sys/stat.h>

#include "gmock/gmock.h"
#include "support/status_matchers.h"
#include "support/temp_folder.h"

namespace torchtape::format {
namespace {

using ::testing::HasSubstr;
using testing::IsOk;
using testing::StatusIs;
using testing::TempFolder;
using testing::WriteFile;

TEST(ByteSource, ReadsTheAskedBytes) {
  TempFolder folder;
  WriteFile(folder / "log", "0123456789");
  auto source = OpenFile(folder / "log");
  ASSERT_THAT(source, IsOk());
  EXPECT_EQ((*source)->size(), 10);
  EXPECT_EQ((*source)->Read(2, 3).value(), "234");
}

TEST(ByteSource, ReadsFewerBytesOnlyAtTheEnd) {
  TempFolder folder;
  WriteFile(folder / "log", "0123456789");
  auto file = OpenFile(folder / "log").value();
  auto memory = FromString("0123456789");
  for (const ByteSource* source : {file.get(), memory.get()}) {
    EXPECT_EQ(source->Read(8, 1000).value(), "89");
    EXPECT_EQ(source->Read(10, 1).value(), "");
    EXPECT_EQ(source->Read(~uint64_t{0}, 1).value(), "");
  }
}

TEST(ByteSource, FileThatBecomesShorterEndsEarly) {
  TempFolder folder;
  WriteFile(folder / "log", "0123456789");
  auto source = OpenFile(folder / "log").value();
  WriteFile(folder / "log", "0123");
  EXPECT_EQ(source->Read(2, 8).value(), "23");
}

TEST(ByteSource, MissingFileIsNotFoundByName) {
  EXPECT_THAT(OpenFile("no/such/log"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("no/such/log")));
}

TEST(ByteSource, FolderIsRefused) {
  EXPECT_THAT(OpenFile("/"), StatusIs(absl::StatusCode::kUnavailable,
                                      HasSubstr("is a folder")));
}

TEST(ByteSource, PipeIsRefusedWithoutWaiting) {
  TempFolder folder;
  ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(OpenFile(folder / "pipe"),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("pipe")));
}

}  // namespace
}  // namespace torchtape::format
