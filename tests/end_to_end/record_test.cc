// `torchtape record`: programs that know nothing of torchtape behave as without
// it, and what they did is in the log.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "support/recorded.h"
#include "support/temp_folder.h"

namespace torchtape::testing {
namespace {

const std::string kTool = TOOL;
const std::string kProgram = PLAIN_TRAINING;

class RecordTest : public ::testing::Test {
 protected:
  // Exit code of a shell's command, or minus the signal that ended it.
  int Run(const std::string& command) {
    const int status = std::system(
        (command + " >" + (folder_ / "out") + " 2>" + (folder_ / "err"))
            .c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  int Record(const std::string& command) {
    return Run("exec " + kTool + " record -o " + log_ + " " + command);
  }
  std::string Out() { return ReadFile(folder_ / "out"); }
  std::string Err() { return ReadFile(folder_ / "err"); }
  size_t Logs() {
    size_t logs = 0;
    for (const auto& file :
         std::filesystem::directory_iterator(folder_.path())) {
      logs += file.path().extension() == ".tape";
    }
    return logs;
  }

  // The line of the unchanged program in which this text is first.
  static int64_t LineOf(const std::string& text) {
    const std::string source = ReadFile(PLAIN_TRAINING_CC);
    const size_t at = source.find(text);
    return at == std::string::npos
               ? 0
               : 1 + std::count(source.begin(),
                                source.begin() + static_cast<ptrdiff_t>(at),
                                '\n');
  }
  // The lines that called each op of the log; 0 if not known.
  std::map<std::string, std::set<int64_t>> LinesOfOps() {
    EXPECT_EQ(Run(kTool + " summary --by=source --json " + log_), 0) << Err();
    const auto summary = nlohmann::json::parse(Out());
    std::map<std::string, std::set<int64_t>> lines;
    for (const auto& source : summary.at("sources")) {
      const auto& line = source.at("line");
      for (const auto& op : source.at("ops")) {
        lines[op.at("name")].insert(line.is_null() ? 0 : line.get<int64_t>());
      }
    }
    return lines;
  }

  TempFolder folder_;
  const std::string log_ = folder_ / "run.tape";
};

TEST_F(RecordTest, AnUnchangedProgramIsRecordedWithItsSteps) {
  ASSERT_EQ(Record("-- " + kProgram + " train 3"), 0) << Err();
  EXPECT_EQ(Err(), "");
  const Recorded recorded = ReadRecorded(log_);
  EXPECT_TRUE(recorded.finished);
  EXPECT_FALSE(recorded.damaged);
  EXPECT_EQ(recorded.dropped, 0u);
  EXPECT_EQ(recorded.run.at("op_source"), "taps");
  const auto steps = recorded.Named("Optimizer.step#SGD.step");
  ASSERT_EQ(steps.size(), 3u);
  for (size_t i = 0; i < steps.size(); ++i) EXPECT_EQ(steps[i].step, i);
  EXPECT_EQ(recorded.steps, 3u);
  const auto backward = recorded.Named("MseLossBackward0");
  ASSERT_EQ(backward.size(), 3u);
  for (size_t i = 0; i < backward.size(); ++i) EXPECT_EQ(backward[i].step, i);
  EXPECT_FALSE(recorded.memory.empty());
}

// Built without optimization: each of these calls goes through functions of
// LibTorch's headers, those of a Sequential through many.
TEST_F(RecordTest, WhatHeaderCodeCallsHasTheLineOfTheProgram) {
  ASSERT_EQ(Record("-- " + kProgram + " train 3"), 0) << Err();
  auto lines = LinesOfOps();
  const std::set<int64_t> forward = {LineOf("torch::mse_loss(net->forward")};
  EXPECT_EQ(lines["aten::relu"], forward);
  EXPECT_EQ(lines["aten::addmm"], forward);
  EXPECT_EQ(lines["aten::randn"], forward);
  EXPECT_EQ(lines["aten::mse_loss"], forward);
}

TEST_F(RecordTest, WhatLibTorchCallsOfItselfHasTheLineOfTheProgram) {
  ASSERT_EQ(Record("-- " + kProgram + " train 3"), 0) << Err();
  const auto lines = LinesOfOps();
  const auto line_of = [](const std::string& text) {
    return std::set<int64_t>{LineOf(text)};
  };
  EXPECT_EQ(lines.at("aten::ones_like"), line_of(".backward();"));
  EXPECT_EQ(lines.at("aten::detach_"), line_of("optimizer.zero_grad();"));
  EXPECT_EQ(lines.at("aten::item"), line_of("weight.sum().item<double>()"));
  // Inside of an op it is the op's: the way out would only cost.
  ASSERT_EQ(Run(kTool + " dump --filter aten::normal_ " + log_), 0) << Err();
  EXPECT_NE(Out().find("at at::native::randn in libtorch_cpu.so"),
            std::string::npos);
}

TEST_F(RecordTest, TheProgramComputesAndPrintsTheSame) {
  ASSERT_EQ(Run(kProgram + " train 3"), 0);
  const std::string alone = Out();
  ASSERT_FALSE(alone.empty());
  ASSERT_EQ(Record("-- " + kProgram + " train 3"), 0);
  EXPECT_EQ(Out(), alone);
}

TEST_F(RecordTest, OptionsReachTheRecorder) {
  ASSERT_EQ(Record("--schedule skip_first=1 --no-memory --op-source callbacks "
                   "-- " +
                   kProgram + " train 3"),
            0)
      << Err();
  const Recorded recorded = ReadRecorded(log_);
  EXPECT_EQ(recorded.run.at("op_source"), "callbacks");
  EXPECT_TRUE(recorded.memory.empty());
  const auto backward = recorded.Named("MseLossBackward0");
  ASSERT_EQ(backward.size(), 2u);
  EXPECT_EQ(backward[0].step, 1u);
}

TEST_F(RecordTest, OptimizersThatTakeTurnsMakeOneStepTogether) {
  ASSERT_EQ(Record("-- " + kProgram + " adversarial 4"), 0) << Err();
  const Recorded recorded = ReadRecorded(log_);
  EXPECT_EQ(recorded.Named("Optimizer.step#Adam.step").size(), 8u);
  EXPECT_EQ(recorded.steps, 4u);
}

TEST_F(RecordTest, ExitCodesAreTheProgramsOwn) {
  EXPECT_EQ(Record("-- " + kProgram + " exit 7"), 7);
  EXPECT_EQ(Record("-- sh -c 'exit 9'"), 9);
  EXPECT_EQ(Record("-- sh -c 'kill -ABRT $$'"), -SIGABRT);
  EXPECT_EQ(Record("-- " + (folder_ / "missing")), 127);
  EXPECT_EQ(Record("-- " + folder_.path()), 126);
  EXPECT_EQ(Record(""), 2);
  EXPECT_EQ(
      Run(kTool + " record -o " + (folder_ / "missing/run.tape") + " -- true"),
      126);
}

TEST_F(RecordTest, SignalsReachTheProgram) {
  const std::string command = "exec " + kTool + " record -o " + log_ + " -- " +
                              kProgram + " wait 2>" + (folder_ / "err");
  int output[2];
  ASSERT_EQ(pipe(output), 0);
  const pid_t child = fork();
  if (child == 0) {
    dup2(output[1], STDOUT_FILENO);
    execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    _exit(127);
  }
  close(output[1]);
  FILE* lines = fdopen(output[0], "r");
  char line[32] = {};
  ASSERT_NE(fgets(line, sizeof line, lines), nullptr);
  ASSERT_NE(fgets(line, sizeof line, lines), nullptr);
  EXPECT_STREQ(line, "ready\n");
  kill(child, SIGTERM);
  ASSERT_NE(fgets(line, sizeof line, lines), nullptr);
  EXPECT_STREQ(line, "stopped\n");
  fclose(lines);
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 3);
  EXPECT_TRUE(ReadRecorded(log_).finished);
}

TEST_F(RecordTest, AProgramWithoutLibTorchIsLeftAloneWithOneLine) {
  WriteFile(folder_ / "in", "in\n");
  EXPECT_EQ(Record("-- sh -c 'cat; echo done' <" + (folder_ / "in")), 0);
  EXPECT_EQ(Out(), "in\ndone\n");
  EXPECT_EQ(Err(),
            "torchtape: nothing was recorded: no LibTorch was seen in sh\n");
  EXPECT_EQ(Logs(), 0u);
}

TEST_F(RecordTest, ARecordedProgramMayBeStartedByAScript) {
  EXPECT_EQ(Record("-- sh -c 'exec " + kProgram + " train 2'"), 0);
  EXPECT_EQ(Err(), "");
  EXPECT_EQ(ReadRecorded(log_).steps, 2u);
}

TEST_F(RecordTest, ChildrenAreRecordedOnlyIfAskedFor) {
  const std::string command =
      "-- " + kProgram + " start " + kProgram + " train 5";
  EXPECT_EQ(Record(command), 0);
  EXPECT_EQ(Logs(), 1u);
  EXPECT_EQ(ReadRecorded(log_).steps, 2u);
  std::filesystem::remove(log_);

  EXPECT_EQ(Record("--children " + command), 0);
  EXPECT_EQ(Logs(), 2u);
  EXPECT_EQ(ReadRecorded(log_).steps, 2u);
  for (const auto& file : std::filesystem::directory_iterator(folder_.path())) {
    const std::string path = file.path().string();
    if (file.path().extension() != ".tape" || path == log_) continue;
    EXPECT_EQ(ReadRecorded(path).steps, 5u);
  }
}

// survival_program is linked with the SDK; "static" makes a tracker.
TEST_F(RecordTest, ATrackerOfTheProgramsOwnGoesFirst) {
  EXPECT_EQ(Record("-- " SURVIVAL_PROGRAM " static " + (folder_ / "own.tape")),
            0);
  EXPECT_EQ(Err(),
            "torchtape: the program starts a tracker of its own, which goes "
            "first\n");
  EXPECT_EQ(Logs(), 1u);
  EXPECT_EQ(ReadRecorded(log_).steps, 3u);
}

TEST_F(RecordTest, ALinkedProgramWithoutATrackerIsRecordedByAVariable) {
  EXPECT_EQ(Run("TORCHTAPE=" + log_ + " " SURVIVAL_PROGRAM " no_tracker"), 0);
  EXPECT_EQ(Err(), "");
  const Recorded recorded = ReadRecorded(log_);
  EXPECT_TRUE(recorded.finished);
  EXPECT_EQ(recorded.Named("TanhBackward0").size(), 3u);
}

TEST_F(RecordTest, ALinkedProgramRecordsItselfOnceWhenItIsRecorded) {
  EXPECT_EQ(Record("-- " SURVIVAL_PROGRAM " no_tracker"), 0);
  EXPECT_EQ(Err(), "");
  EXPECT_EQ(Logs(), 1u);
  EXPECT_EQ(ReadRecorded(log_).Named("TanhBackward0").size(), 3u);
}

#ifdef TORCH_PYTHON
TEST_F(RecordTest, ATrainingInPythonIsRecorded) {
  const std::string command = TORCH_PYTHON " " TRAIN_PY " 3";
  ASSERT_EQ(Run(command), 0) << Err();
  const std::string alone = Out();
  ASSERT_EQ(Record("-- " + command), 0) << Err();
  EXPECT_EQ(Out(), alone);
  const Recorded recorded = ReadRecorded(log_);
  EXPECT_TRUE(recorded.finished);
  EXPECT_FALSE(recorded.damaged);
  EXPECT_EQ(recorded.run.at("op_source"), "taps");
  EXPECT_EQ(recorded.steps, 3u);
  const auto steps = recorded.Named("Optimizer.step#SGD.step");
  ASSERT_EQ(steps.size(), 3u);
  for (size_t i = 0; i < steps.size(); ++i) {
    EXPECT_EQ(steps[i].step, i);
    EXPECT_TRUE(steps[i].ended);
  }
  EXPECT_EQ(recorded.Named("MseLossBackward0").size(), 3u);
  EXPECT_GE(recorded.Named("aten::addmm").size(), 6u);
  EXPECT_FALSE(recorded.memory.empty());
}
#endif

}  // namespace
}  // namespace torchtape::testing
