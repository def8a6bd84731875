// A training step that taps record allocates as often as one that nobody
// records. Through callbacks that cannot be: LibTorch boxes arguments for them.

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torchtape/tracker.h>

#include "../../../benchmarks/trainings.h"
#include "support/malloc_calls.h"
#include "support/temp_folder.h"

namespace torchtape::testing {
namespace {

class NoAllocationTest : public ::testing::TestWithParam<int> {};

TEST_P(NoAllocationTest, ARecordedStepCallsMallocAsOftenAsABareOne) {
  at::set_num_threads(1);
  auto trainings = benchmarks::MakeTrainings();
  benchmarks::Training& training = trainings[GetParam()];
  // The first steps fill LibTorch's own caches.
  for (int i = 0; i < 5; ++i) training.step();
  const int bare = CallsOfMalloc(training.step);
  ASSERT_GT(bare, 100);
  EXPECT_EQ(CallsOfMalloc(training.step), bare);

  TempFolder folder;
  TrackerOptions options;
  options.log_path = folder / "run.tape";
  options.op_source = OpSource::kTaps;
  Tracker tracker(options);
  for (int i = 0; i < 5; ++i) {
    CallsOfMalloc(training.step);  // as below: another line is met anew
    tracker.Step();
  }
  EXPECT_EQ(CallsOfMalloc(training.step), bare);
  EXPECT_TRUE(tracker.Stop().ok()) << tracker.status();
}

INSTANTIATE_TEST_SUITE_P(, NoAllocationTest, ::testing::Values(0, 1, 2, 3),
                         [](const auto& info) {
                           return benchmarks::MakeTrainings()[info.param].name;
                         });

}  // namespace
}  // namespace torchtape::testing
