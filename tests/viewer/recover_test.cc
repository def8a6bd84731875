// Logs of runs that were killed, as the tool's user meets them.

#include <sys/wait.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "support/journaled_run.h"
#include "support/temp_folder.h"
#include "verbs/follow.h"

namespace torchtape::viewer {
namespace {

using ::testing::HasSubstr;
using testing::JournaledRun;
using testing::Records;

class RecoverTool : public ::testing::Test {
 protected:
  // Two spans, of which the second one is in the journal only.
  static void Record(JournaledRun* run) {
    Records main(1);
    main.Operator(1, "aten::add").Signature(1, 1).Begin(10, 1).End(20);
    run->Publish(1, main);
    EXPECT_TRUE(run->WriteChunk().ok());
    main.Begin(30, 1).End(40);
    run->Publish(1, main);
  }
  void LeaveKilledRun() {
    JournaledRun run(folder_ / "run.tape");
    Record(&run);
  }

  // What the tool prints; its exit code goes to `exit_code_`.
  std::string Run(const std::string& arguments) {
    const std::string command = "cd '" + folder_.path() +
                                "' && '" TORCHTAPE_TOOL "' " + arguments +
                                " 2>&1";
    FILE* pipe = popen(command.c_str(), "r");
    std::string text;
    char buffer[4096];
    for (size_t n; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;) {
      text.append(buffer, n);
    }
    exit_code_ = WEXITSTATUS(pclose(pipe));
    return text;
  }

  bool JournalIsThere() {
    return std::filesystem::exists(folder_ / "run.tape.journal");
  }

  const testing::TempFolder folder_;
  int exit_code_ = -1;
};

TEST_F(RecoverTool, EveryVerbShowsWhatTheJournalHoldsAndSaysSo) {
  LeaveKilledRun();
  for (const char* verb : {"info", "summary", "dump", "check"}) {
    EXPECT_THAT(Run(std::string(verb) + " run.tape"),
                HasSubstr("torchtape: run.tape: the run was killed; recovered "
                          "2 events from the journal\n"));
    EXPECT_EQ(exit_code_, 0);
    EXPECT_TRUE(JournalIsThere()) << "reading changes nothing";
  }
  EXPECT_THAT(Run("check run.tape"), HasSubstr("ok: 4 chunks, 2 spans"));
}

TEST_F(RecoverTool, RecoverFinishesTheLog) {
  LeaveKilledRun();
  EXPECT_THAT(Run("recover run.tape"),
              HasSubstr("recovered 2 events from the journal"));
  EXPECT_EQ(exit_code_, 0);
  EXPECT_FALSE(JournalIsThere());
  EXPECT_THAT(Run("check run.tape"), ::testing::StartsWith("run.tape: ok: "));
  EXPECT_THAT(Run("info run.tape"), HasSubstr("recovered  2 events"));
}

TEST_F(RecoverTool, RecoverWritesElsewhereIfAskedTo) {
  LeaveKilledRun();
  Run("recover run.tape -o out.tape");
  EXPECT_EQ(exit_code_, 0);
  EXPECT_TRUE(JournalIsThere());
  Run("check out.tape");
  EXPECT_EQ(exit_code_, 0);
}

TEST_F(RecoverTool, LiveRunIsShownAsFarAsItsChunksGo) {
  JournaledRun run(folder_ / "run.tape");
  Record(&run);
  EXPECT_THAT(Run("dump run.tape"), HasSubstr("the run is still recording"));
  EXPECT_EQ(exit_code_, 0);
  EXPECT_THAT(Run("recover run.tape"), HasSubstr("still recording"));
  EXPECT_EQ(exit_code_, 1);
}

TEST_F(RecoverTool, FollowShowsALiveRunUntilItEnds) {
  std::optional<JournaledRun> run(std::in_place, folder_ / "run.tape");
  Record(&*run);
  std::vector<std::string> shown;
  const absl::StatusOr<Outcome> outcome = Follow(
      folder_ / "run.tape",
      [&](const Log& log) {
        std::ostringstream out;
        absl::StatusOr<Outcome> outcome = Dump(log, VerbOptions(), out);
        const std::string text = out.str();
        shown.push_back(
            std::to_string(std::count(text.begin(), text.end(), '\n')));
        return outcome;
      },
      [&](double) {
        if (shown.size() == 1) {
          EXPECT_TRUE(run->WriteChunk().ok());
        } else {
          run.reset();
        }
      });
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_THAT(shown, ::testing::ElementsAre("3", "5", "5"));
}

TEST_F(RecoverTool, FollowedDumpHasEveryStepOnce) {
  std::optional<JournaledRun> run(std::in_place, folder_ / "run.tape");
  Records main(1);
  main.Operator(1, "aten::add").Signature(1, 1);
  const auto train = [&](uint64_t step) {
    main.Step(step * 100, step).Begin(step * 100 + 10, 1);
    main.End(step * 100 + 20);
  };
  const auto write = [&] {
    run->Publish(1, main);
    EXPECT_TRUE(run->WriteChunk().ok());
  };
  train(1);
  write();
  NewSteps steps{VerbOptions()};
  std::vector<std::string> shown;
  std::string all;
  const absl::StatusOr<Outcome> outcome = Follow(
      folder_ / "run.tape",
      [&](const Log& log) {
        std::ostringstream out;
        absl::StatusOr<Outcome> outcome = steps.Dump(log, out);
        all += out.str();
        std::string numbers;
        for (int step = 1; step <= 4; ++step) {
          if (absl::StrContains(out.str(), absl::StrCat("step ", step))) {
            absl::StrAppend(&numbers, step);
          }
        }
        shown.push_back(numbers);
        return outcome;
      },
      [&](double) {
        switch (shown.size()) {
          case 1:
            train(2);
            train(3);
            return write();
          case 2:
            return;  // nothing new
          case 3:
            train(4);
            return write();
          default:
            run.reset();
        }
      });
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_THAT(shown, ::testing::ElementsAre("", "12", "", "3", "4"));
  // What follows are notes.
  EXPECT_THAT(Run("dump run.tape"), ::testing::StartsWith(all));
  EXPECT_THAT(all, HasSubstr("step 4 begins"));
}

TEST_F(RecoverTool, FollowOfAFinishedRunShowsItOnce) {
  LeaveKilledRun();
  const std::string once = Run("summary run.tape");
  EXPECT_EQ(Run("summary --follow run.tape"), once);
  EXPECT_EQ(exit_code_, 0);
}

TEST_F(RecoverTool, DamagedJournalIsNamedWithItsOffset) {
  LeaveKilledRun();
  testing::WriteFile(folder_ / "run.tape.journal", "no journal");
  EXPECT_THAT(Run("dump run.tape"),
              HasSubstr("run.tape.journal: offset 0: not a journal\n"));
  EXPECT_EQ(exit_code_, 0) << "the log itself is shown";
  Run("check run.tape");
  EXPECT_EQ(exit_code_, 1);
  EXPECT_THAT(Run("recover run.tape"), HasSubstr("offset 0"));
  EXPECT_EQ(exit_code_, 1);
}

TEST_F(RecoverTool, FollowsALinkToTheLogAndItsJournal) {
  LeaveKilledRun();
  std::filesystem::permissions(
      folder_ / "run.tape",
      std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  std::filesystem::create_directory(folder_ / "links");
  std::filesystem::create_symlink("../run.tape", folder_ / "links/link.tape");
  EXPECT_THAT(Run("check links/link.tape"), HasSubstr("recovered"));
  EXPECT_EQ(exit_code_, 0);
  Run("recover links/link.tape");
  EXPECT_EQ(exit_code_, 0);
  EXPECT_TRUE(std::filesystem::is_symlink(folder_ / "links/link.tape"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "run.tape.journal"));
  EXPECT_EQ(
      std::filesystem::status(folder_ / "run.tape").permissions(),
      std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_EQ(Run("check run.tape").find("not finished"), std::string::npos);
  EXPECT_THAT(Run("recover run.tape"), HasSubstr("is finished"));
  EXPECT_EQ(exit_code_, 1);
}

TEST_F(RecoverTool, WithoutJournalThereIsNothingToRecover) {
  LeaveKilledRun();
  std::filesystem::remove(folder_ / "run.tape.journal");
  EXPECT_THAT(Run("recover run.tape"), HasSubstr("run.tape: has no journal"));
  EXPECT_EQ(exit_code_, 1);
}

}  // namespace
}  // namespace torchtape::viewer
