// The tool as its user meets it: arguments, exit codes, messages, files.

#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "viewer/sample_run.h"

namespace torchtape::viewer {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

struct Answer {
  int exit_code = -1;
  std::string text;  // stdout and stderr
};

class Tool : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "toolXXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    Write("run.tape", SampleRun().Finish());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& name, const std::string& bytes) {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
  }

  Answer Run(const std::string& arguments) {
    const std::string command = "cd '" + folder_.string() +
                                "' && '" TORCHTAPE_TOOL "' " + arguments +
                                " 2>&1";
    Answer answer;
    FILE* pipe = popen(command.c_str(), "r");
    char buffer[4096];
    for (size_t n; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;) {
      answer.text.append(buffer, n);
    }
    answer.exit_code = WEXITSTATUS(pclose(pipe));
    return answer;
  }

  size_t Files() const {
    size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      count += entry.is_regular_file();
    }
    return count;
  }

  std::filesystem::path folder_;
};

TEST_F(Tool, AMissingFileIsNamedOnce) {
  const Answer answer = Run("info gone.tape");
  EXPECT_EQ(answer.exit_code, 1);
  EXPECT_EQ(answer.text, "torchtape: gone.tape: No such file or directory\n");
}

TEST_F(Tool, EveryVerbReadsAGoodLog) {
  for (const char* arguments :
       {"info run.tape", "summary run.tape", "dump run.tape", "check run.tape",
        "export --to=json run.tape", "summary --json --steps 0:1 run.tape",
        "dump --step 1 --filter mm run.tape",
        "summary --by=source --symbols . --symbols /nowhere run.tape",
        "export --to=json --symbols . run.tape"}) {
    const Answer answer = Run(arguments);
    EXPECT_EQ(answer.exit_code, 0) << arguments << "\n" << answer.text;
    EXPECT_NE(answer.text, "");
  }
}

TEST_F(Tool, WrongUsageExitsWithTwoAndHelps) {
  for (const char* arguments :
       {"", "nonsense run.tape", "summary", "summary --sort colour run.tape",
        "summary --by=colour run.tape", "check --symbols . run.tape",
        "summary --step x run.tape", "summary --step 1 --steps 1:2 run.tape",
        "export run.tape", "export --to=gif run.tape", "dump --nope run.tape",
        "export --to=json --level 4 run.tape",
        "export --to=json --open-all run.tape",
        "export --to=json --open model run.tape"}) {
    const Answer answer = Run(arguments);
    EXPECT_EQ(answer.exit_code, 2) << arguments << "\n" << answer.text;
    EXPECT_THAT(answer.text, StartsWith("torchtape: "));
    EXPECT_THAT(answer.text, HasSubstr("--help"));
  }
}

TEST_F(Tool, HelpAndVersionAreWhatWasAskedFor) {
  EXPECT_EQ(Run("--help").exit_code, 0);
  EXPECT_EQ(Run("summary --help").exit_code, 0);
  EXPECT_THAT(Run("--version").text, StartsWith("torchtape "));
}

TEST_F(Tool, BadInputIsOneLineWithTheFileAndExitsWithOne) {
  Write("empty.tape", "");
  Write("zip.tape", "PK\x03\x04 and so on, longer than a header");
  Write("random.tape", std::string(100, '\x7a'));
  Write("cut.tape", SampleRun().Finish().substr(0, 10));
  for (const char* name :
       {"empty.tape", "zip.tape", "random.tape", "cut.tape", "missing.tape"}) {
    for (const char* verb : {"info", "summary", "dump", "check"}) {
      const Answer answer = Run(std::string(verb) + " " + name);
      EXPECT_EQ(answer.exit_code, 1) << answer.text;
      EXPECT_THAT(answer.text,
                  StartsWith(std::string("torchtape: ") + name + ": "));
      EXPECT_EQ(std::count(answer.text.begin(), answer.text.end(), '\n'), 1)
          << answer.text;
    }
  }
}

TEST_F(Tool, StepThatIsNotThereIsOneLine) {
  const Answer answer = Run("summary --step 900 run.tape");
  EXPECT_EQ(answer.exit_code, 1);
  EXPECT_EQ(answer.text, "torchtape: --step 900: the log holds steps 0 to 2\n");
}

TEST_F(Tool, ExportWritesAWholeFileOrNone) {
  EXPECT_EQ(Run("export --to=json run.tape -o step.json").exit_code, 0);
  std::ifstream in(folder_ / "step.json");
  EXPECT_EQ(nlohmann::json::parse(in)["step"]["number"], 2);
  EXPECT_EQ(Files(), 2u);
  EXPECT_EQ(Run("export --to=json --step 9 run.tape -o no.json").exit_code, 1);
  EXPECT_EQ(Files(), 2u);
  EXPECT_EQ(Run("export --to=json run.tape -o no/such.json").exit_code, 1);
}

TEST_F(Tool, LogIsNotReplacedByWhatIsMadeOfIt) {
  for (const char* verb : {"export --to=json", "report"}) {
    const Answer answer = Run(std::string(verb) + " run.tape -o ./run.tape");
    EXPECT_THAT(answer.text, HasSubstr("is the log itself"));
    EXPECT_EQ(answer.exit_code, 1);
  }
  EXPECT_EQ(Run("check run.tape").exit_code, 0);
}

TEST_F(Tool, MissingFolderOfTheOutputIsNamedWithTheReason) {
  const Answer answer = Run("report run.tape -o nowhere/run.html");
  EXPECT_THAT(answer.text,
              HasSubstr("nowhere/run.html: cannot be written (No such file"));
  EXPECT_EQ(answer.exit_code, 1);
}

TEST_F(Tool, FullDiskIsAnError) {
  const Answer answer = Run("export --to=json run.tape -o /dev/full");
  EXPECT_EQ(answer.exit_code, 1);
  EXPECT_THAT(answer.text, HasSubstr("cannot be written"));
  EXPECT_EQ(Run("summary run.tape > /dev/full").exit_code, 1);
}

TEST_F(Tool, PipedTextIsPlain) {
  EXPECT_EQ(Run("summary run.tape").text.find('\x1b'), std::string::npos);
}

TEST_F(Tool, DamageIsToldButDoesNotFail) {
  LogBuilder log = SampleRun();
  std::string bytes = log.Finish();
  Write("cut.tape", bytes.substr(0, bytes.size() - 10));
  const Answer answer = Run("summary cut.tape");
  EXPECT_EQ(answer.exit_code, 0);
  EXPECT_THAT(answer.text, HasSubstr("torchtape: cut.tape: "));
  EXPECT_EQ(Run("check cut.tape").exit_code, 1);
}

}  // namespace
}  // namespace torchtape::viewer
