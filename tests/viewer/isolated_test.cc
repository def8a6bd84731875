#include "source/isolated.h"

#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <vector>

#include "gtest/gtest.h"

namespace torchtape::viewer {
namespace {

// Does what the question says.
std::string Obey(const std::string& question) {
  static int count = 0;
  ++count;
  if (question == "count") return std::to_string(count);
  if (question == "crash") std::_Exit(9);
  if (question == "kill") kill(getpid(), SIGKILL);
  if (question == "throw") throw 1;
  if (question == "hang") sleep(600);
  if (question == "eat") {
    std::vector<std::vector<char>> all;
    while (true) all.emplace_back(size_t{64} << 20, 'x');
  }
  return question + "!";
}

TEST(Isolated, ProcessIsACopyOfTheTimeWhenItWasStarted) {
  std::string told = "before";
  Isolated process([&told](const std::string&) { return told; }, {});
  ASSERT_TRUE(process.Start());
  told = "after";
  EXPECT_EQ(process.Ask(""), "before");
}

TEST(Isolated, AnswersAnyBytes) {
  Isolated isolated(Obey, {});
  EXPECT_EQ(isolated.Ask("a"), "a!");
  EXPECT_EQ(isolated.Ask(""), "!");
  const std::string zeros(1 << 20, '\0');
  EXPECT_EQ(isolated.Ask(zeros), zeros + "!");
}

TEST(Isolated, KeepsWhatItHasLearned) {
  Isolated isolated(Obey, {});
  EXPECT_EQ(isolated.Ask("count"), "1");
  EXPECT_EQ(isolated.Ask("count"), "2");
}

TEST(Isolated, CrashCostsOneAnswer) {
  Isolated isolated(Obey, {});
  for (const char* question : {"crash", "kill", "throw"}) {
    EXPECT_EQ(isolated.Ask(question), std::nullopt) << question;
    EXPECT_EQ(isolated.Ask("count"), "1");
  }
}

TEST(Isolated, EndlessLoopCostsTheTimeThatItMayTake) {
  IsolationLimits limits;
  limits.answer_ms = 200;
  Isolated isolated(Obey, limits);
  EXPECT_EQ(isolated.Ask("hang"), std::nullopt);
  EXPECT_EQ(isolated.Ask("a"), "a!");
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST(Isolated, MemoryIsBounded) {
  IsolationLimits limits;
  limits.memory_bytes = uint64_t{256} << 20;
  Isolated isolated(Obey, limits);
  EXPECT_EQ(isolated.Ask("eat"), std::nullopt);
  EXPECT_EQ(isolated.Ask("a"), "a!");
}
#endif

}  // namespace
}  // namespace torchtape::viewer
