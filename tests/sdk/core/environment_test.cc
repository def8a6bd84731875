#include "core/environment.h"

#include <unistd.h>

#include <cstdlib>
#include <map>
#include <string>
#include <utility>

#include "core/schedule.h"
#include "gmock/gmock.h"
#include "support/status_matchers.h"

namespace torchtape::internal {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::IsOk;
using testing::StatusIs;

constexpr const char* kVariables[] = {"TORCHTAPE",
                                      "TORCHTAPE_PROCESS",
                                      "TORCHTAPE_CHILDREN",
                                      "TORCHTAPE_ENABLED",
                                      "TORCHTAPE_LOG_PATH",
                                      "TORCHTAPE_KEEP_LAST",
                                      "TORCHTAPE_DEVICE_TIME",
                                      "TORCHTAPE_SHAPES",
                                      "TORCHTAPE_IDENTITIES",
                                      "TORCHTAPE_ARGUMENTS",
                                      "TORCHTAPE_MEMORY",
                                      "TORCHTAPE_BACKWARD",
                                      "TORCHTAPE_SAVED_TENSORS",
                                      "TORCHTAPE_DEVICE_CALLS",
                                      "TORCHTAPE_DEVICE_TIME",
                                      "TORCHTAPE_COMMAND_LINE",
                                      "TORCHTAPE_MAX_BUFFER_BYTES",
                                      "TORCHTAPE_AUDIT_EVERY",
                                      "TORCHTAPE_SYNC_WITHIN_MS",
                                      "TORCHTAPE_SCHEDULE",
                                      "RANK",
                                      "OMPI_COMM_WORLD_RANK",
                                      "PMI_RANK",
                                      "SLURM_PROCID",
                                      "WORLD_SIZE",
                                      "OMPI_COMM_WORLD_SIZE",
                                      "PMI_SIZE",
                                      "SLURM_NTASKS",
                                      "LOCAL_RANK",
                                      "OMPI_COMM_WORLD_LOCAL_RANK",
                                      "SLURM_LOCALID"};

// None of the variables is set but by the test; they are as before after it.
class EnvironmentTest : public ::testing::Test {
 protected:
  EnvironmentTest() {
    for (const char* name : kVariables) {
      if (const char* value = std::getenv(name)) before_[name] = value;
      unsetenv(name);
    }
  }
  ~EnvironmentTest() override {
    for (const char* name : kVariables) unsetenv(name);
    for (const auto& [name, value] : before_) Set(name, value);
  }
  static void Set(const std::string& name, const std::string& value) {
    setenv(name.c_str(), value.c_str(), 1);
  }
  absl::Status Apply() { return ApplyEnvironment(&options_); }
  v1::Run Facts() {
    v1::Run run;
    ReadProcessFacts(options_, &run);
    return run;
  }

  TrackerOptions options_;

 private:
  std::map<std::string, std::string> before_;
};

TEST_F(EnvironmentTest, NothingSetChangesNothing) {
  ASSERT_THAT(Apply(), IsOk());
  const TrackerOptions standard;
  EXPECT_EQ(options_.log_path, standard.log_path);
  EXPECT_EQ(options_.max_buffer_bytes, standard.max_buffer_bytes);
  EXPECT_TRUE(options_.enabled && options_.shapes && options_.identities &&
              options_.arguments && options_.memory && options_.backward);
  EXPECT_FALSE(options_.command_line);
}

TEST_F(EnvironmentTest, EverySwitchCanBeTurned) {
  const std::pair<const char*, bool TrackerOptions::*> switches[] = {
      {"TORCHTAPE_ENABLED", &TrackerOptions::enabled},
      {"TORCHTAPE_SHAPES", &TrackerOptions::shapes},
      {"TORCHTAPE_IDENTITIES", &TrackerOptions::identities},
      {"TORCHTAPE_ARGUMENTS", &TrackerOptions::arguments},
      {"TORCHTAPE_MEMORY", &TrackerOptions::memory},
      {"TORCHTAPE_BACKWARD", &TrackerOptions::backward},
      {"TORCHTAPE_SAVED_TENSORS", &TrackerOptions::saved_tensors},
      {"TORCHTAPE_DEVICE_CALLS", &TrackerOptions::device_calls},
      {"TORCHTAPE_COMMAND_LINE", &TrackerOptions::command_line}};
  for (const auto& [name, option] : switches) {
    const bool wanted = !(TrackerOptions().*option);
    TrackerOptions options;
    Set(name, wanted ? "1" : "0");
    EXPECT_THAT(ApplyEnvironment(&options), IsOk());
    EXPECT_EQ(options.*option, wanted) << name;
    unsetenv(name);
  }
}

TEST_F(EnvironmentTest, BadSwitchIsNamedWithItsValue) {
  for (const char* name :
       {"TORCHTAPE_ENABLED", "TORCHTAPE_SHAPES", "TORCHTAPE_IDENTITIES",
        "TORCHTAPE_ARGUMENTS", "TORCHTAPE_MEMORY", "TORCHTAPE_BACKWARD",
        "TORCHTAPE_SAVED_TENSORS", "TORCHTAPE_DEVICE_CALLS",
        "TORCHTAPE_COMMAND_LINE"}) {
    Set(name, "maybe");
    EXPECT_THAT(Apply(), StatusIs(absl::StatusCode::kInvalidArgument,
                                  AllOf(HasSubstr(name), HasSubstr("maybe"))));
    unsetenv(name);
  }
}

TEST_F(EnvironmentTest, EmptySwitchIsAsIfNotSet) {
  Set("TORCHTAPE_MEMORY", "");
  EXPECT_THAT(Apply(), IsOk());
  EXPECT_TRUE(options_.memory);
}

TEST_F(EnvironmentTest, PathNumbersAndScheduleCanBeSet) {
  Set("TORCHTAPE_LOG_PATH", "other.tape");
  Set("TORCHTAPE_MAX_BUFFER_BYTES", "2000000");
  Set("TORCHTAPE_AUDIT_EVERY", "100");
  Set("TORCHTAPE_SYNC_WITHIN_MS", "0");
  Set("TORCHTAPE_SCHEDULE", "wait=5,active=3");
  options_.schedule.every = 9;
  ASSERT_THAT(Apply(), IsOk());
  EXPECT_EQ(options_.log_path, "other.tape");
  EXPECT_EQ(options_.max_buffer_bytes, 2000000);
  EXPECT_EQ(options_.audit_every, 100);
  EXPECT_EQ(options_.sync_within_ms, 0);
  EXPECT_EQ(Describe(options_.schedule), "wait=5,active=3");
}

TEST_F(EnvironmentTest, LevelOfDeviceTimesCanBeSet) {
  const std::pair<const char*, DeviceTime> levels[] = {
      {"off", DeviceTime::kOff},
      {"steps", DeviceTime::kSteps},
      {"modules", DeviceTime::kModules},
      {"ops", DeviceTime::kOps},
      {"kernels", DeviceTime::kKernels}};
  for (const auto& [name, level] : levels) {
    Set("TORCHTAPE_DEVICE_TIME", name);
    ASSERT_THAT(Apply(), IsOk());
    EXPECT_EQ(options_.device_time, level) << name;
  }
  Set("TORCHTAPE_DEVICE_TIME", "everything");
  EXPECT_THAT(Apply(), StatusIs(absl::StatusCode::kInvalidArgument,
                                AllOf(HasSubstr("TORCHTAPE_DEVICE_TIME"),
                                      HasSubstr("everything"))));
}

TEST_F(EnvironmentTest, EmptyNumberIsNotSet) {
  Set("TORCHTAPE_MAX_BUFFER_BYTES", "");
  ASSERT_THAT(Apply(), IsOk());
  EXPECT_EQ(options_.max_buffer_bytes, TrackerOptions().max_buffer_bytes);
}

TEST_F(EnvironmentTest, WhatIsKeptIsStepsOrBytes) {
  Set("TORCHTAPE_KEEP_LAST", "100");
  ASSERT_THAT(Apply(), IsOk());
  EXPECT_EQ(options_.keep_last.steps, 100);
  EXPECT_EQ(options_.keep_last.bytes, 0);
  Set("TORCHTAPE_KEEP_LAST", "512MiB");
  ASSERT_THAT(Apply(), IsOk());
  EXPECT_EQ(options_.keep_last.steps, 0);
  EXPECT_EQ(options_.keep_last.bytes, uint64_t{512} << 20);
  for (const char* wrong : {"many", "5MB", "-1", "MiB", "999999999999999GiB"}) {
    Set("TORCHTAPE_KEEP_LAST", wrong);
    EXPECT_THAT(Apply(), StatusIs(absl::StatusCode::kInvalidArgument,
                                  AllOf(HasSubstr("TORCHTAPE_KEEP_LAST"),
                                        HasSubstr(wrong))));
  }
}

TEST_F(EnvironmentTest, BadNumberIsNamedWithItsValue) {
  for (const char* value : {"lots", "-1", "1M"}) {
    Set("TORCHTAPE_MAX_BUFFER_BYTES", value);
    EXPECT_THAT(Apply(), StatusIs(absl::StatusCode::kInvalidArgument,
                                  AllOf(HasSubstr("TORCHTAPE_MAX_BUFFER_BYTES"),
                                        HasSubstr(value))));
  }
}

TEST_F(EnvironmentTest, BadScheduleIsNamedWithItsPart) {
  Set("TORCHTAPE_SCHEDULE", "wait=5,actvie=3");
  EXPECT_THAT(Apply(), StatusIs(absl::StatusCode::kInvalidArgument,
                                AllOf(HasSubstr("TORCHTAPE_SCHEDULE"),
                                      HasSubstr("actvie=3"))));
}

TEST_F(EnvironmentTest, TooSmallBufferIsRefusedWhereverItComesFrom) {
  options_.max_buffer_bytes = (1 << 20) - 1;
  EXPECT_THAT(Apply(), StatusIs(absl::StatusCode::kInvalidArgument,
                                AllOf(HasSubstr("max_buffer_bytes"),
                                      HasSubstr("1048575"))));
  Set("TORCHTAPE_MAX_BUFFER_BYTES", "1048576");
  EXPECT_THAT(Apply(), IsOk());
}

TEST_F(EnvironmentTest, EmptyPathIsRefused) {
  options_.log_path = "";
  EXPECT_THAT(Apply(), StatusIs(absl::StatusCode::kInvalidArgument,
                                HasSubstr("log_path")));
}

TEST_F(EnvironmentTest, WithoutShapesThereAreNoIdentitiesNorArguments) {
  Set("TORCHTAPE_SHAPES", "0");
  ASSERT_THAT(Apply(), IsOk());
  EXPECT_FALSE(options_.identities);
  EXPECT_FALSE(options_.arguments);
}

TEST_F(EnvironmentTest, FactsNameTheProcess) {
  const v1::Run run = Facts();
  EXPECT_EQ(run.pid(), static_cast<uint64_t>(getpid()));
  EXPECT_EQ(run.program(), "sdk_core_test");
  EXPECT_NE(run.host(), "");
  ASSERT_EQ(run.devices_size(), 1);
  EXPECT_EQ(run.devices(0).name(), "cpu");
}

TEST_F(EnvironmentTest, RanksAreAbsentIfNotSet) {
  const v1::Run run = Facts();
  EXPECT_FALSE(run.has_rank() || run.has_world_size() || run.has_local_rank());
}

TEST_F(EnvironmentTest, RanksComeFromEveryLauncher) {
  const struct {
    const char *rank, *size, *local;
  } launchers[] = {{"RANK", "WORLD_SIZE", "LOCAL_RANK"},
                   {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE",
                    "OMPI_COMM_WORLD_LOCAL_RANK"},
                   {"SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID"},
                   {"PMI_RANK", "PMI_SIZE", "LOCAL_RANK"}};
  for (const auto& launcher : launchers) {
    Set(launcher.rank, "3"), Set(launcher.size, "8"), Set(launcher.local, "1");
    const v1::Run run = Facts();
    EXPECT_EQ(run.rank(), 3) << launcher.rank;
    EXPECT_EQ(run.world_size(), 8) << launcher.size;
    EXPECT_EQ(run.local_rank(), 1) << launcher.local;
    for (const char* name : kVariables) unsetenv(name);
  }
}

TEST_F(EnvironmentTest, FirstVariableThatHoldsANumberCounts) {
  Set("RANK", "none");
  Set("SLURM_PROCID", "5");
  EXPECT_EQ(Facts().rank(), 5);
  Set("RANK", "2");
  EXPECT_EQ(Facts().rank(), 2);
}

TEST_F(EnvironmentTest, CommandLineIsThereOnlyIfAskedFor) {
  EXPECT_EQ(Facts().command_line_size(), 0);
  options_.command_line = true;
  const v1::Run run = Facts();
  ASSERT_GE(run.command_line_size(), 1);
  EXPECT_THAT(run.command_line(0), HasSubstr("sdk_core_test"));
}

TEST_F(EnvironmentTest, RankAndPidAreFilledIn) {
  v1::Run run;
  run.set_pid(42);
  EXPECT_EQ(ExpandPath("a.{rank}.{pid}.tape", run), "a.0.42.tape");
  run.set_rank(3);
  EXPECT_EQ(ExpandPath("{rank}{rank}{other}", run), "33{other}");
  EXPECT_EQ(ExpandPath("plain.tape", run), "plain.tape");
}

TEST_F(EnvironmentTest, OneVariableRecordsAndNamesTheLog) {
  EXPECT_EQ(AutomaticPath(), "");
  Set("TORCHTAPE", "asked.tape");
  EXPECT_EQ(AutomaticPath(), "asked.tape");
  EXPECT_THAT(Apply(), IsOk());
  EXPECT_EQ(options_.log_path, "asked.tape");
  Set("TORCHTAPE_LOG_PATH", "more_exactly.tape");
  EXPECT_THAT(Apply(), IsOk());
  EXPECT_EQ(options_.log_path, "more_exactly.tape");
}

TEST_F(EnvironmentTest, OnlyTheProcessThatIsMeantIsRecorded) {
  Set("TORCHTAPE", "a.b/run.tape");
  Set("TORCHTAPE_PROCESS", std::to_string(getpid()));
  EXPECT_EQ(AutomaticPath(), "a.b/run.tape");
  Set("TORCHTAPE_PROCESS", std::to_string(getpid() + 1));
  EXPECT_EQ(AutomaticPath(), "");
  Set("TORCHTAPE_CHILDREN", "0");
  EXPECT_EQ(AutomaticPath(), "");
}

TEST_F(EnvironmentTest, ChildrenHaveLogsOfTheirOwn) {
  Set("TORCHTAPE_PROCESS", std::to_string(getpid() + 1));
  Set("TORCHTAPE_CHILDREN", "1");
  const std::pair<const char*, const char*> paths[] = {
      {"a.b/run.tape", "a.b/run.{pid}.tape"},
      {"a.b/run", "a.b/run.{pid}"},
      {".run", ".run.{pid}"},
      {"{pid}/run.tape", "{pid}/run.tape"}};
  for (const auto& [given, used] : paths) {
    Set("TORCHTAPE", given);
    EXPECT_EQ(AutomaticPath(), used);
  }
}

}  // namespace
}  // namespace torchtape::internal
