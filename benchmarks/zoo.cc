// Trains one step of a model of the zoo, recorded.
//
//   zoo                              lists the models
//   zoo MODEL LOG FACTS.json         trains one
//   zoo MODEL LOG                    has it look at one picture instead: exit
//                                    code 3 if it does not classify pictures
//
// FACTS.json tells what the log is held against: parameters, modules as
// named_modules() gives them, what Kineto counts in the next step, and times.
// Built with ZOO_TOLD it is `told_zoo`, in whose log the program itself tells
// which module runs: models/told_modules.h.

#include <torch/csrc/autograd/profiler_kineto.h>
#include <torch/torch.h>
#include <torchtape/tracker.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <map>
#include <set>
#include <string>

#include "models/model_zoo.h"
#ifdef ZOO_TOLD
#include "models/told_modules.h"

std::unordered_map<const torch::nn::Module*, std::string>& zoo::Paths() {
  static std::unordered_map<const torch::nn::Module*, std::string> paths;
  return paths;
}
#endif

namespace {

namespace profiler = torch::autograd::profiler;
using Counts = std::map<std::string, int>;

double Now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// Of all threads.
double ProcessorNow() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) +
         1e-9 * static_cast<double>(now.tv_nsec);
}

struct Seconds {
  double wall = 1e9, processor = 1e9;

  void Shorten(const Seconds& other) {
    wall = std::min(wall, other.wall);
    processor = std::min(processor, other.processor);
  }
};

template <typename Function>
Seconds Measure(Function function) {
  const Seconds start = {Now(), ProcessorNow()};
  function();
  return {Now() - start.wall, ProcessorNow() - start.processor};
}

Counts CountUnderKineto(const std::function<void()>& step) {
  const profiler::ProfilerConfig config(
      torch::profiler::impl::ProfilerState::KINETO);
  const std::set<torch::profiler::impl::ActivityType> activities{
      torch::profiler::impl::ActivityType::CPU};
  profiler::prepareProfiler(config, activities);
  profiler::enableProfiler(
      config, activities,
      {at::RecordScope::FUNCTION, at::RecordScope::BACKWARD_FUNCTION});
  step();
  const auto result = profiler::disableProfiler();
  Counts counts;
  for (const auto& event : result->events()) ++counts[event.name()];
  return counts;
}

// Of processor work that has nothing to do with training, so that figures of
// two machines can be compared: the least of some rounds.
Seconds ReferenceLoop() {
  Seconds least;
  for (int round = 0; round < 5; ++round) {
    least.Shorten(Measure([] {
      volatile uint64_t sink = 0;
      uint64_t x = 88172645463325252;
      for (int i = 0; i < 20'000'000; ++i) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
      }
      sink = x;
      (void)sink;
    }));
  }
  return least;
}

// The least of some steps.
Seconds BareStep(const zoo::Training& training) {
  training.step();  // makes the optimizer's state
  Seconds least;
  for (int i = 0; i < 3; ++i) least.Shorten(Measure(training.step));
  return least;
}

// From the start of a recorded step to the end of the log. The step before it
// is recorded and thrown away, since callbacks look beside the taps in it.
Seconds RecordStep(const zoo::Training& training, const std::string& log_path,
                   std::string* problem) {
  torchtape::TrackerOptions options;
  options.log_path = log_path;
  options.schedule.warmup = options.schedule.active = 1;
  options.schedule.repeat = 1;
  torchtape::Tracker tracker(options);
  training.step();
  return Measure([&] {
    tracker.Step();
    for (const auto& [name, model] : training.models) {
      tracker.Attach(*model, name);
    }
    training.step();
    tracker.Step();
    const absl::Status status = tracker.Stop();
    if (!status.ok()) *problem = status.ToString();
  });
}

int64_t CountParameters(const zoo::Training& training) {
  int64_t count = 0;
  for (const auto& [name, model] : training.models) {
    for (const torch::Tensor& parameter : model->parameters()) {
      count += parameter.numel();
    }
  }
  return count;
}

void WriteSeconds(const char* name, const Seconds& seconds, std::ostream& out) {
  out << ",\"" << name << "_s\":" << seconds.wall << ",\"" << name
      << "_processor_s\":" << seconds.processor;
}

void WriteModules(const zoo::Training& training, std::ostream& out) {
  const char* comma = "";
  for (const auto& [root, model] : training.models) {
    for (const auto& module : model->named_modules(root)) {
      out << comma << "{\"path\":\"" << module.key() << "\",\"type\":\""
          << c10::demangle(typeid(*module.value()).name()) << "\"}";
      comma = ",\n";
    }
  }
}

int Look(const zoo::Model& model, const std::string& log_path) {
  torch::manual_seed(0);
  torch::set_num_threads(1);
  const zoo::Training training = model.make();
  if (!training.look) return 3;
  torch::NoGradGuard no_grad;
  torchtape::Tracker tracker(log_path);
  for (const auto& [name, net] : training.models) tracker.Attach(*net, name);
  training.look();
  return tracker.Stop().ok() ? 0 : 1;
}

int Train(const zoo::Model& model, const std::string& log_path,
          const std::string& facts_path) {
  torch::manual_seed(0);
  torch::set_num_threads(1);
  const zoo::Training training = model.make();
#ifdef ZOO_TOLD
  for (const auto& [root, of_root] : training.models) {
    for (const auto& module : of_root->named_modules(root)) {
      zoo::Paths()[module.value().get()] = module.key();
    }
  }
#endif
  const int64_t parameters = CountParameters(training);
  const Seconds reference = ReferenceLoop();
  const Seconds bare = BareStep(training);
  std::string problem;
  const Seconds recorded = RecordStep(training, log_path, &problem);
  if (!problem.empty()) {
    std::fprintf(stderr, "zoo: %s\n", problem.c_str());
    return 1;
  }
  std::ofstream out(facts_path);
  out << "{\"model\":\"" << model.name << "\",\"parameters\":" << parameters
      << ",\"published_parameters\":" << model.parameters;
  WriteSeconds("reference_loop", reference, out);
  WriteSeconds("bare_step", bare, out);
  WriteSeconds("recorded_step", recorded, out);
  out << ",\n\"kineto\":{";
  const char* comma = "";
  for (const auto& [name, count] : CountUnderKineto(training.step)) {
    out << comma << '"' << name << "\":" << count;
    comma = ",\n";
  }
  out << "},\n\"modules\":[";
  WriteModules(training, out);
  out << "]}\n";
  return out.good() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  for (const zoo::Model& model : zoo::Models()) {
    if (argc == 1) std::printf("%s\n", model.name.c_str());
    if (argc < 3 || model.name != argv[1]) continue;
    if (argc == 3) return Look(model, argv[2]);
    if (argc == 4) return Train(model, argv[2], argv[3]);
  }
  return argc == 1 ? 0 : 2;
}
