// Call sites of real libraries. What is expected is in fixture/model.cc.

#include "source/symbolizer.h"

#include <sys/stat.h>

#include <filesystem>
#include <map>
#include <random>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "support/temp_folder.h"
#include "viewer/fixture_run.h"

namespace torchtape::viewer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using torchtape::testing::ReadFile;
using torchtape::testing::TempFolder;
using torchtape::testing::WriteFile;

// "model.cc:14 BlockImpl::forward inlined" of each frame, innermost first.
std::vector<std::string> Texts(const Site& site) {
  std::vector<std::string> texts;
  for (const SourceFrame& frame : site.frames) {
    const std::string name =
        std::filesystem::path(frame.file).filename().string();
    texts.push_back(absl::StrCat(name, ":", frame.line, " ", frame.function,
                                 frame.inlined ? " inlined" : ""));
  }
  return texts;
}

std::string At(const char* mark, const std::string& function) {
  return absl::StrCat("model.cc:", FixtureLine(mark), " ", function);
}

Site Find(const FixtureCall& call, const SearchPlaces& places = {}) {
  return Symbolizer(places).Find(call.object, call.address);
}

void ExpectLines(const std::vector<FixtureCall>& calls) {
  ASSERT_EQ(calls.size(), 7u);
  Symbolizer symbolizer(SearchPlaces{});
  const auto texts = [&](size_t i) {
    return Texts(symbolizer.Find(calls[i].object, calls[i].address));
  };
  EXPECT_THAT(texts(0),
              ElementsAre(StartsWith("ops.h:"),
                          At("block add", "BlockImpl::forward inlined"),
                          At("net block", "NetImpl::forward")));
  EXPECT_THAT(texts(0)[0], HasSubstr(" at::operator+ inlined"));
  EXPECT_THAT(texts(3), ElementsAre(HasSubstr(" at::relu inlined"),
                                    At("net relu", "NetImpl::forward")));
  EXPECT_THAT(texts(4),
              ElementsAre(HasSubstr(" at::operator+ inlined"),
                          At("lambda", "Train::{lambda}::operator()")));
  for (size_t i : {5, 6}) {
    EXPECT_THAT(
        texts(i),
        ElementsAre(HasSubstr(" at::operator+ inlined"),
                    StartsWith("stl_numeric.h:"),
                    At("sum", "(anonymous namespace)::Sum<at::Tensor>")));
  }
}

TEST(Symbolizer, CallsAreFoundWithWhatWasInlined) {
  ExpectLines(RunFixture("debug"));
}

TEST(Symbolizer, DebugInformationMayLieInAFileBeside) {
  ExpectLines(RunFixture("stripped"));
}

TEST(Symbolizer, DebugInformationMayBeSplitOff) {
  ExpectLines(RunFixture("split"));
}

TEST(Symbolizer, FilesHaveTheirFullPath) {
  const Site site = Find(RunFixture("debug")[3]);
  EXPECT_THAT(site.frames[1].file, StartsWith("/"));
  EXPECT_THAT(site.frames[1].file, HasSubstr("/tests/viewer/fixture/model.cc"));
  EXPECT_EQ(site.problem, "");
}

TEST(Symbolizer, WithoutDebugInformationTheFunctionIsKnown) {
  const std::vector<FixtureCall> calls = RunFixture("plain");
  EXPECT_THAT(Texts(Find(calls[0])), ElementsAre(":0 NetImpl::forward"));
  EXPECT_THAT(Texts(Find(calls[5])),
              ElementsAre(":0 (anonymous namespace)::Sum<at::Tensor>"));
  EXPECT_EQ(Find(calls[0]).problem, "it has no debug information");
}

TEST(Symbolizer, CallInsideALibraryHasTheLibrarysFunction) {
  EXPECT_THAT(Texts(Find(RunFixture("debug")[2])),
              ElementsAre(":0 torch::nn::LinearImpl::forward"));
}

TEST(Symbolizer, FileOfAnotherBuildIsNotUsed) {
  FixtureCall call = RunFixture("debug")[0];
  call.object.build_id.back() ^= 1;
  EXPECT_THAT(Find(call).frames, ElementsAre());
  EXPECT_EQ(Find(call).problem, "the file there is another build");
  call.object.build_id = "";
  EXPECT_THAT(Find(call).frames, ElementsAre());
  EXPECT_THAT(Find(call).problem, StartsWith("it has no build id"));
  const CallSite site = {0, &call.object, 0x123};
  EXPECT_EQ(PlaceOf(site), "libmodel_debug.so+0x123");
}

TEST(Symbolizer, AddressThatNoFunctionHoldsIsNothing) {
  FixtureCall call = RunFixture("debug")[0];
  for (uint64_t address : {uint64_t{0}, uint64_t{1}, ~uint64_t{0}}) {
    call.address = address;
    EXPECT_THAT(Find(call).frames, ElementsAre());
  }
  EXPECT_EQ(PlaceOf({0, nullptr, 0x42}), "0x42");
}

TEST(Symbolizer, FolderOfTheUserIsSearchedByIdAndByName) {
  FixtureCall call = RunFixture("debug")[0];
  const std::string bytes = ReadFile(call.object.path);
  call.object.path = "/cluster/libmodel_debug.so";
  EXPECT_EQ(Find(call).problem, "there is no such file");
  for (const char* name :
       {"libmodel_debug.so", "libmodel_debug.so.debug",
        "00112233445566778899aabbccddeeff00000002",
        ".build-id/00/112233445566778899aabbccddeeff00000002.debug"}) {
    TempFolder folder;
    std::filesystem::create_directories(folder / ".build-id/00");
    WriteFile(folder / name, bytes);
    SearchPlaces places;
    places.folders = {"/nowhere", folder.path()};
    EXPECT_EQ(Find(call, places).frames.size(), 3u) << name;
    call.object.build_id.back() ^= 1;
    EXPECT_EQ(Find(call, places).frames.size(), 0u) << name;
    call.object.build_id.back() ^= 1;
  }
}

TEST(Symbolizer, SystemsDebugFolderIsSearchedById) {
  FixtureCall call = RunFixture("stripped")[0];
  TempFolder folder, program;
  WriteFile(program / "a.so", ReadFile(call.object.path));
  std::filesystem::create_directories(folder / ".build-id/00");
  WriteFile(
      folder / ".build-id/00/112233445566778899aabbccddeeff00000004.debug",
      ReadFile(call.object.path + ".debug"));
  call.object.path = program / "a.so";
  EXPECT_EQ(Find(call).problem, "it has no debug information");
  SearchPlaces places;
  places.debug_folder = folder.path();
  EXPECT_EQ(Find(call, places).frames.size(), 3u);
}

TEST(Symbolizer, WhatIsNoPlainFileIsNotOpened) {
  FixtureCall call = RunFixture("debug")[0];
  TempFolder folder;
  ASSERT_EQ(mkfifo((folder / "fifo").c_str(), 0600), 0);
  for (const std::string& path :
       {folder / "fifo", folder.path(), std::string("/dev/zero"),
        std::string("/proc/self/mem"), std::string("")}) {
    call.object.path = path;
    EXPECT_THAT(Find(call).frames, ElementsAre()) << path;
    EXPECT_NE(Find(call).problem, "") << path;
  }
}

// What a damaged file may answer: the same, less, or nothing.
class DamagedObject : public ::testing::Test {
 protected:
  void Ask(const std::string& bytes) {
    WriteFile(folder_ / "a.so", bytes);
    IsolationLimits limits;
    limits.answer_ms = 10000;
    Symbolizer symbolizer(SearchPlaces{}, limits);
    for (FixtureCall call : calls_) {
      call.object.path = folder_ / "a.so";
      const Site& site = symbolizer.Find(call.object, call.address);
      found_ += !site.frames.empty();
    }
  }

  const TempFolder folder_;
  const std::vector<FixtureCall> calls_ = RunFixture("debug");
  const std::string bytes_ = ReadFile(FixturePath("debug"));
  int found_ = 0;
};

TEST_F(DamagedObject, CutAnywhereIsSurvived) {
  for (size_t size = 0; size < bytes_.size(); size += bytes_.size() / 199) {
    Ask(bytes_.substr(0, size));
  }
}

TEST_F(DamagedObject, RandomBytesAnywhereAreSurvived) {
  std::mt19937 random(1);
  for (int i = 0; i < 300; ++i) {
    std::string bytes = bytes_;
    for (uint32_t k = 1 + random() % 64; k > 0; --k) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    Ask(bytes);
  }
  EXPECT_GT(found_, 0);
}

TEST_F(DamagedObject, RandomBytesAfterTheBuildIdAreSurvived) {
  std::mt19937 random(1);
  std::string bytes = bytes_;
  for (size_t i = 4096; i < bytes.size(); ++i) {
    bytes[i] = static_cast<char>(random());
  }
  Ask(bytes);
}

}  // namespace
}  // namespace torchtape::viewer
