#include "torchtape/format/byte_sink.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <set>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "new_file.h"
#include "support/status_matchers.h"
#include "support/temp_folder.h"

namespace torchtape::format {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::ReadFile;
using testing::StatusIs;
using testing::TempFolder;
using testing::WriteFile;

TEST(ByteSink, AppendsInOrder) {
  TempFolder folder;
  auto sink = CreateFile(folder / "run.tape");
  ASSERT_THAT(sink, IsOk());
  EXPECT_THAT((*sink)->Append("one "), IsOk());
  EXPECT_THAT((*sink)->Append("two"), IsOk());
  EXPECT_THAT((*sink)->Sync(), IsOk());
  EXPECT_THAT((*sink)->Close(), IsOk());
  EXPECT_EQ(ReadFile(folder / "run.tape"), "one two");
}

TEST(ByteSink, SecondCloseDoesNothing) {
  TempFolder folder;
  auto sink = CreateFile(folder / "run.tape");
  EXPECT_THAT((*sink)->Close(), IsOk());
  EXPECT_THAT((*sink)->Close(), IsOk());
}

TEST(ByteSink, OlderFilesAreKeptUnderNumbers) {
  TempFolder folder;
  WriteFile(folder / "run.tape", "second");
  WriteFile(folder / "run.1.tape", "first");
  ASSERT_THAT(CreateFile(folder / "run.tape"), IsOk());
  EXPECT_EQ(ReadFile(folder / "run.1.tape"), "first");
  EXPECT_EQ(ReadFile(folder / "run.2.tape"), "second");
  EXPECT_EQ(ReadFile(folder / "run.tape"), "");
}

TEST(ByteSink, NumbersStandBeforeTheExtension) {
  EXPECT_EQ(internal::NumberedPath("a.b/run.tape", 1), "a.b/run.1.tape");
  EXPECT_EQ(internal::NumberedPath("a.b/run", 2), "a.b/run.2");
  EXPECT_EQ(internal::NumberedPath("a/.tape", 3), "a/.tape.3");
}

TEST(ByteSink, NothingIsOverwrittenWhenManyCreateTheSameFile) {
  TempFolder folder;
  const auto create = [&](int who) {
    auto sink = CreateFile(folder / "run.tape");
    ASSERT_THAT(sink, IsOk());
    ASSERT_THAT((*sink)->Append(std::to_string(who)), IsOk());
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) threads.emplace_back(create, i);
  for (std::thread& thread : threads) thread.join();

  std::set<std::string> contents;
  for (const auto& file : std::filesystem::directory_iterator(folder.path())) {
    contents.insert(ReadFile(file.path().string()));
  }
  EXPECT_EQ(contents.size(), 8);
}

TEST(ByteSink, FullDiskIsResourceExhausted) {
  auto sink = CreateFile("/dev/full");
  ASSERT_THAT(sink, IsOk());
  EXPECT_THAT(
      (*sink)->Append("x"),
      StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("/dev/full")));
}

TEST(ByteSink, DevicesAreNeverRenamed) {
  ASSERT_THAT(CreateFile("/dev/full"), IsOk());
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/full"));
}

TEST(ByteSink, MissingFolderIsNotFoundAndNotMade) {
  TempFolder folder;
  EXPECT_THAT(CreateFile(folder / "gone/run.tape"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("gone")));
  EXPECT_FALSE(std::filesystem::exists(folder / "gone"));
}

TEST(ByteSink, ReadOnlyFolderIsPermissionDenied) {
  TempFolder folder;
  chmod(folder.path().c_str(), 0555);
  const std::string path = folder / "run.tape";
  const pid_t child = fork();
  if (child == 0) {
    // Root may write anywhere.
    if (geteuid() == 0 && setuid(65534) != 0) _exit(2);
    const absl::Status status = CreateFile(path).status();
    _exit(status.code() == absl::StatusCode::kPermissionDenied &&
                  absl::StrContains(status.message(), path)
              ? 0
              : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(ByteSink, FoldersAndLinksAreRefusedAndStay) {
  TempFolder folder;
  std::filesystem::create_symlink(folder / "target", folder / "link");
  EXPECT_FALSE(CreateFile(folder / "link").ok());
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
  EXPECT_THAT(CreateFile(folder.path()),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("folder")));
}

TEST(ByteSink, StringSinkAppendsToItsString) {
  std::string bytes = "a";
  EXPECT_THAT(ToString(&bytes)->Append("bc"), IsOk());
  EXPECT_EQ(bytes, "abc");
}

}  // namespace
}  // namespace torchtape::format
