#include "core/call_paths.h"

#include <cstdint>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "unwound_stack.h"

// Of a library whose name is LibTorch's.
extern "C" void CallBack(void (*call)(void*), void* argument);

namespace torchtape_call_paths_test {

using torchtape::internal::CallFrame;
using torchtape::internal::CallPath;
using torchtape::internal::CallPaths;

CallPaths* paths = nullptr;

struct Told {
  bool followed;
  uint64_t hash = 0;
  std::vector<uint64_t> path, stack;
};

// As a wrapper that a call reaches.
__attribute__((noinline)) Told Callee() {
  Told told;
  told.stack = torchtape::testing::UnwoundStack();
  const CallPaths::Followed* const followed =
      paths->Follow(CallFrame::At(__builtin_frame_address(0)));
  told.followed = followed != nullptr;
  if (followed == nullptr) return told;
  told.path.assign(followed->path.addresses,
                   followed->path.addresses + followed->path.count);
  told.hash = followed->hash;
  return told;
}

void Use(const volatile void*) {}

}  // namespace torchtape_call_paths_test

// As if from a header of LibTorch.
namespace torch::call_paths_test {

using torchtape_call_paths_test::Callee;
using torchtape_call_paths_test::Told;
using torchtape_call_paths_test::Use;

// Every other one has a frame pointer.
template <int depth>
Told Through();

template <int depth>
__attribute__((noinline)) Told WithFramePointer() {
  return Through<depth>();
}

template <int depth>
__attribute__((noinline, optimize("O2"))) Told Through() {
  volatile char locals[16 * (depth + 1)] = {};
  Use(locals);
  Told told;
  if constexpr (depth <= 1) {
    told = Callee();
  } else {
    told = WithFramePointer<depth - 1>();
  }
  Use(locals);
  return told;
}

void CallTo(void* told) { *static_cast<Told*>(told) = Callee(); }

}  // namespace torch::call_paths_test

namespace torchtape_call_paths_test {

__attribute__((noinline)) Told ThroughLibrary() {
  Told told;
  CallBack(&torch::call_paths_test::CallTo, &told);
  Use(&told);
  return told;
}

__attribute__((noinline)) Told Directly() {
  Told told = Callee();
  Use(&told);
  return told;
}
// From one of two lines, with all frames where the other's are.
__attribute__((noinline)) Told FromOneOfTwo(bool first) {
  Told told;
  if (first) {
    told = torch::call_paths_test::Through<2>();
  } else {
    told = torch::call_paths_test::Through<2>();
  }
  Use(&told);
  return told;
}
template <int depth>
__attribute__((noinline)) Told ThroughHeaders() {
  Told told = torch::call_paths_test::Through<depth>();
  Use(&told);
  return told;
}

}  // namespace torchtape_call_paths_test

namespace torchtape::internal {
namespace {

using ::testing::ElementsAreArray;
using torchtape_call_paths_test::Directly;
using torchtape_call_paths_test::FromOneOfTwo;
using torchtape_call_paths_test::ThroughHeaders;
using torchtape_call_paths_test::ThroughLibrary;
using torchtape_call_paths_test::Told;

class CallPathsTest : public ::testing::Test {
 protected:
  CallPathsTest() { torchtape_call_paths_test::paths = &paths_; }
  static std::vector<uint64_t> Inner(const Told& told, size_t count) {
    return {told.stack.begin(), told.stack.begin() + count};
  }

  CallPaths paths_;
};

TEST_F(CallPathsTest, CallOfTheProgramsIsItsOwnPath) {
  const Told told = Directly();
  ASSERT_TRUE(told.followed);
  EXPECT_THAT(told.path, ElementsAreArray(Inner(told, 1)));
  EXPECT_EQ(paths_.KindOf(told.path[0]), CodeKind::kPrograms);
}

#if defined(__x86_64__)

TEST_F(CallPathsTest, PathEndsWhereTheProgramsOwnCodeIs) {
  const Told told = ThroughHeaders<3>();
  ASSERT_TRUE(told.followed);
  EXPECT_THAT(told.path, ElementsAreArray(Inner(told, 6)));
  EXPECT_EQ(paths_.KindOf(told.path[0]), CodeKind::kHeader);
}

TEST_F(CallPathsTest, PathLeadsOutOfLibTorchsOwnLibraries) {
  const Told told = ThroughLibrary();
  ASSERT_TRUE(told.followed);
  EXPECT_THAT(told.path, ElementsAreArray(Inner(told, 3)));
  EXPECT_EQ(paths_.KindOf(told.path[0]), CodeKind::kHeader);
  EXPECT_EQ(paths_.KindOf(told.path[1]), CodeKind::kLibTorch);
  EXPECT_EQ(paths_.KindOf(told.path[2]), CodeKind::kPrograms);
}

TEST_F(CallPathsTest, TwoLinesThatCallTheSameHaveTwoPaths) {
  const Told first = ThroughHeaders<2>();
  const Told second = ThroughHeaders<2>();
  const Told other = torch::call_paths_test::Through<2>();
  EXPECT_EQ(first.path, second.path);
  ASSERT_TRUE(other.followed);
  EXPECT_EQ(other.path[1], first.path[1]);
  EXPECT_EQ(other.path[2], first.path[2]);
  EXPECT_NE(other.path[3], first.path[3]);
}

TEST_F(CallPathsTest, PathThatWasFollowedBeforeIsTheSame) {
  for (int i = 0; i < 3; ++i) {
    const Told told = ThroughHeaders<5>();
    ASSERT_TRUE(told.followed);
    EXPECT_THAT(told.path, ElementsAreArray(Inner(told, 10)));
  }
}

TEST_F(CallPathsTest, FramesInTheSamePlaceMayBeOfAnotherPath) {
  std::vector<Told> told;
  for (int i = 0; i < 4; ++i) told.push_back(FromOneOfTwo(i % 2 == 0));
  for (const Told& each : told) {
    ASSERT_TRUE(each.followed);
    EXPECT_THAT(each.path, ElementsAreArray(Inner(each, 4)));
  }
  EXPECT_EQ(told[0].hash, told[2].hash);
  EXPECT_EQ(told[1].hash, told[3].hash);
  EXPECT_NE(told[0].hash, told[1].hash);
}

TEST_F(CallPathsTest, PathThatIsTooLongIsNotTold) {
  EXPECT_TRUE(ThroughHeaders<CallPath::kMost / 2>().followed);
  EXPECT_FALSE(ThroughHeaders<CallPath::kMost / 2 + 1>().followed);
}

TEST_F(CallPathsTest, AfterAnUnloadingAllIsFoundOutAnew) {
  const Told before = ThroughHeaders<3>();
  CallPaths::CodeWasUnloaded();
  const Told after = ThroughHeaders<3>();
  EXPECT_EQ(after.path[0], before.path[0]);
  EXPECT_EQ(after.path.size(), before.path.size());
}

#endif

}  // namespace
}  // namespace torchtape::internal
