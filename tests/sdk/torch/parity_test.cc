// What we record against PyTorch's own two recorders, in the same process and
// the same steps: event for event, name for name.

#include <ATen/Context.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/profiler_kineto.h>
#include <torchtape/tracker.h>

#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

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
  TrackerOptions Options(OpSource source) const {
    TrackerOptions options;
    options.log_path = folder_ / "run.tape";
    options.op_source = source;
    return options;
  }
  // A training of the same course each time.
  Recorded Train(OpSource source) {
    TempFolder folder;
    TrackerOptions options = Options(source);
    options.log_path = folder / "run.tape";
    at::manual_seed(1);
    auto training = benchmarks::MakeTrainings()[GetParam()];
    training.step();
    {
      Tracker tracker(options);
      for (int i = 0; i < kSteps; ++i) {
        training.step();
        tracker.Step();
      }
    }
    return ReadRecorded(folder / "run.tape");
  }

  TempFolder folder_;
};

// RecordFunction's spans that are neither operators nor nodes: the engine's
// work around a node, and markers inside operators.
bool IsMarker(const RecordedSpan& span) {
  return span.kind == "engine" || (span.kind == "op" && span.schema.empty());
}

// Callbacks see neither modules nor steps of optimizers.
bool IsSeenByTapsOnly(const std::string& kind, const std::string& name) {
  return kind == "module" || name.rfind("Optimizer.step#", 0) == 0;
}

// The span around one, where a node stands for the engine's work around it.
std::string ParentOf(const RecordedSpan& span) {
  const std::string engine = "autograd::engine::evaluate_function: ";
  if (span.kind == "backward") return "";  // the engine alone holds nodes
  if (IsSeenByTapsOnly("", span.parent)) return "";
  const bool in_engine = span.parent.compare(0, engine.size(), engine) == 0;
  return in_engine ? span.parent.substr(engine.size()) : span.parent;
}

// All there is to a span but its times and ids, a line each.
std::vector<std::string> Described(const Recorded& recorded) {
  int64_t first_sequence = -1;
  std::vector<std::string> lines;
  for (const RecordedSpan& span : recorded.spans) {
    if (IsMarker(span) || IsSeenByTapsOnly(span.kind, span.name)) continue;
    std::ostringstream line;
    line << span.kind << ' ' << span.name << '.' << span.overload << " in ";
    line << ParentOf(span) << " (" << span.schema << ')';
    if (span.sequence >= 0) {
      if (first_sequence < 0) first_sequence = span.sequence;
      line << " sequence " << span.sequence - first_sequence;
    }
    line << (span.threw ? " threw" : "") << (span.ended ? "" : " open");
    for (const std::string& argument : span.arguments) line << ' ' << argument;
    for (const auto* tensors : {&span.inputs, &span.outputs}) {
      line << " |";
      for (const RecordedTensor& tensor : *tensors) {
        line << ' ' << tensor.type << (tensor.requires_grad ? " grad" : "");
      }
    }
    lines.push_back(line.str());
  }
  return lines;
}

TEST_P(Parity, TapsTellWhatCallbacksTell) {
  const Recorded taps = Train(OpSource::kTaps);
  const Recorded callbacks = Train(OpSource::kCallbacks);
  EXPECT_EQ(taps.run.at("op_source"), "taps");
  EXPECT_EQ(callbacks.run.at("op_source"), "callbacks");
  const std::vector<std::string> tapped = Described(taps);
  const std::vector<std::string> called = Described(callbacks);
  EXPECT_GT(tapped.size(), 100u);
  ASSERT_EQ(tapped.size(), called.size());
  int shown = 0;
  for (size_t i = 0; i < tapped.size() && shown < 10; ++i) {
    EXPECT_EQ(tapped[i], called[i]) << "span " << i << ", " << ++shown;
  }
  EXPECT_EQ(taps.memory.size(), callbacks.memory.size());
}

TEST_P(Parity, SpansAndMemoryEventsEqualKinetos) {
  auto training = benchmarks::MakeTrainings()[GetParam()];
  training.step();
  Counts kineto;
  {
    Tracker tracker(Options(OpSource::kCallbacks));
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
    Tracker tracker(Options(OpSource::kCallbacks));
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
