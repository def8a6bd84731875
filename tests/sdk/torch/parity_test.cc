// What we record against PyTorch's own two recorders, in the same process and
// the same steps: event for event, name for name.

#include <gtest/gtest.h>
#include <torch/csrc/autograd/profiler_kineto.h>
#include <torchtape/tracker.h>

#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <string>

#include "../../../benchmarks/trace_observer.h"
#include "../../../benchmarks/trainings.h"
#include "support/recorded.h"
#include "support/temp_folder.h"

namespace torchtape::testing {
namespace {

namespace profiler = torch::autograd::profiler;
using Counts = std::map<std::string, int>;

constexpr int kSteps = 3;
const char* const kMemory = "[memory]";

Counts TrainUnderKineto(const std::function<void()>& step) {
  const profiler::ProfilerConfig config(
      torch::profiler::impl::ProfilerState::KINETO,
      /*report_input_shapes=*/true, /*profile_memory=*/true);
  const std::set<torch::profiler::impl::ActivityType> activities{
      torch::profiler::impl::ActivityType::CPU};
  profiler::prepareProfiler(config, activities);
  profiler::enableProfiler(
      config, activities,
      {at::RecordScope::FUNCTION, at::RecordScope::BACKWARD_FUNCTION,
       at::RecordScope::USER_SCOPE});
  for (int i = 0; i < kSteps; ++i) step();
  const auto result = profiler::disableProfiler();
  Counts counts;
  for (const auto& event : result->events()) {
    ++counts[event.name()];
  }
  return counts;
}

// Nodes by name in the trace observer's log, but for the two that stand for
// the process and its thread.
Counts TrainUnderTraceObserver(const std::function<void()>& step,
                               const std::string& path) {
  benchmarks::StartTraceObserver(path);
  for (int i = 0; i < kSteps; ++i) step();
  benchmarks::StopTraceObserver();
  const std::string text = ReadFile(path);
  // LibTorch 1.13 writes a node's name before its id, 2.13 behind.
  static const std::regex kNode(
      R"re("id": \d+, "name": "([^"\[]+)"|"name": "([^"\[]+)", "id": \d+)re");
  Counts counts;
  for (std::sregex_iterator node(text.begin(), text.end(), kNode), end;
       node != end; ++node) {
    ++counts[(*node)[1].matched ? (*node)[1] : (*node)[2]];
  }
  return counts;
}

// What the two count differently: name -> first minus second.
Counts Difference(Counts first, const Counts& second) {
  for (const auto& [name, count] : second) first[name] -= count;
  for (auto it = first.begin(); it != first.end();) {
    it = it->second == 0 ? first.erase(it) : std::next(it);
  }
  return first;
}

class Parity : public ::testing::TestWithParam<int> {
 protected:
  TempFolder folder_;
};

TEST_P(Parity, SpansAndMemoryEventsEqualKinetos) {
  auto training = benchmarks::MakeTrainings()[GetParam()];
  training.step();
  Counts kineto;
  {
    Tracker tracker(folder_ / "run.tape");
    kineto = TrainUnderKineto(training.step);
  }
  const Recorded recorded = ReadRecorded(folder_ / "run.tape");
  Counts ours = recorded.Counts();
  ours[kMemory] = static_cast<int>(recorded.memory.size());
  EXPECT_EQ(recorded.dropped, 0u);
  EXPECT_GT(ours.size(), 20u);
  EXPECT_EQ(Difference(ours, kineto), Counts());
}

TEST_P(Parity, SpansEqualTheTraceObservers) {
  auto training = benchmarks::MakeTrainings()[GetParam()];
  training.step();
  Counts observed;
  {
    Tracker tracker(folder_ / "run.tape");
    observed = TrainUnderTraceObserver(training.step, folder_ / "trace.json");
  }
  const Counts ours = ReadRecorded(folder_ / "run.tape").Counts();
  EXPECT_GT(ours.size(), 20u);
  EXPECT_EQ(Difference(ours, observed), Counts());
}

std::string NameOf(const ::testing::TestParamInfo<int>& info) {
  constexpr const char* kNames[] = {"Mlp", "Cnn", "Transformer", "Lstm"};
  return kNames[info.param];
}

INSTANTIATE_TEST_SUITE_P(Trainings, Parity, ::testing::Range(0, 4), NameOf);

}  // namespace
}  // namespace torchtape::testing
