// However a program ends, it ends as it would have without a tracker, and its
// log is whole.

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <sstream>

#include "support/recorded.h"
#include "support/temp_folder.h"

namespace torchtape::testing {
namespace {

class Survival : public ::testing::Test {
 protected:
  // Exit code of the program in `mode`.
  int Run(const std::string& mode) {
    const std::string command = std::string(SURVIVAL_PROGRAM) + " " + mode +
                                " " + log_ + " >" + (folder_ / "out") + " 2>" +
                                (folder_ / "err");
    const int status = std::system(command.c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  std::string Output(const std::string& name) {
    return ReadFile(folder_ / name);
  }

  TempFolder folder_;
  std::string log_ = folder_ / "run.tape";
};

class EndsOrderly : public Survival,
                    public ::testing::WithParamInterface<const char*> {};

TEST_P(EndsOrderly, AndTheLogIsFinished) {
  EXPECT_EQ(Run(GetParam()), 0);
  EXPECT_EQ(Output("err"), "");
  const Recorded recorded = ReadRecorded(log_);
  EXPECT_TRUE(recorded.finished);
  EXPECT_FALSE(recorded.damaged);
  EXPECT_EQ(recorded.steps, 3u);
  EXPECT_EQ(recorded.Named("TanhBackward0").size(), 3u);
}

INSTANTIATE_TEST_SUITE_P(Modes, EndsOrderly,
                         ::testing::Values("static", "never_stopped",
                                           "exit_on_a_thread"),
                         [](const auto& info) {
                           return std::string(info.param);
                         });

TEST_F(Survival, AForkedChildRecordsNothingAndTheParentGoesOn) {
  EXPECT_EQ(Run("fork"), 0);
  const Recorded recorded = ReadRecorded(log_);
  EXPECT_TRUE(recorded.finished);
  EXPECT_EQ(recorded.Named("aten::neg").size(), 1u);
  EXPECT_EQ(recorded.Named("aten::exp").size(), 0u);
  EXPECT_EQ(recorded.Named("aten::sin").size(), 1u);
  EXPECT_FALSE(std::ifstream(log_ + ".child").good());
}

TEST_F(Survival, AForkedChildMayExit) {
  EXPECT_EQ(Run("fork_exit"), 0);
  const Recorded recorded = ReadRecorded(log_);
  EXPECT_TRUE(recorded.finished);
  EXPECT_EQ(recorded.Named("aten::sin").size(), 1u);
}

// The same, with more kills, of records alone: tests/sdk/core/kill_test.cc.
TEST_F(Survival, EveryOpBeforeAKillIsInTheLog) {
  ASSERT_EQ(Run("kill"), 0);
  EXPECT_EQ(Output("err"), "");
  std::istringstream counts(Output("out"));
  uint64_t neg, exp, steps, recorded_ops = 0;
  for (int i = 0; counts >> neg >> exp >> steps; ++i) {
    const std::string log = log_ + std::to_string(i);
    if (neg + exp + steps == 0) continue;  // killed before it began
    const Recorded recorded = ReadRecorded(log);
    EXPECT_TRUE(recorded.finished);
    EXPECT_FALSE(recorded.damaged);
    if (recorded.dropped != 0) continue;  // by a machine that is too busy
    EXPECT_GE(recorded.Named("aten::neg").size(), neg) << i;
    EXPECT_LE(recorded.Named("aten::neg").size(), neg + 1) << i;
    EXPECT_GE(recorded.Named("aten::exp").size(), exp) << i;
    EXPECT_LE(recorded.Named("aten::exp").size(), exp + 1) << i;
    EXPECT_GE(recorded.steps, steps) << i;
    recorded_ops += neg + exp;
  }
  EXPECT_GT(recorded_ops, 100000) << "else the test says little";
}

TEST_F(Survival, AFullDiskIsToldOnceAndTrainingGoesOn) {
  EXPECT_EQ(Run("full_disk"), 0);
  EXPECT_EQ(Output("out").substr(0, 18), "RESOURCE_EXHAUSTED");
  const std::string said = Output("err");
  EXPECT_EQ(said.substr(0, 11), "torchtape: ");
  EXPECT_EQ(said.find('\n'), said.size() - 1);
}

}  // namespace
}  // namespace torchtape::testing
