// Trains one workload on the first GPU with one recorder, and prints what was
// measured as JSON:
//
//   gpu_check WORKLOAD RECORDER STEPS LOG
//
// RECORDER is none, kineto, or a level of device times; LOG is written by the
// latter. `gpu_check` alone lists the workloads, or says that there is no GPU
// and exits with 3.

#include <torch/csrc/autograd/profiler_kineto.h>
#include <torch/cuda.h>
#include <torchtape/tracker.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "workloads.h"

namespace torchtape::gpu {
namespace {

namespace profiler = torch::autograd::profiler;
using Clock = std::chrono::steady_clock;

constexpr uint64_t kWarmUp = 10;

struct Total {
  uint64_t count = 0, total_ns = 0;
};

// Kineto told microseconds before it told nanoseconds.
template <typename Event>
auto DurationNs(const Event& event, int)
    -> decltype(static_cast<uint64_t>(event.durationNs())) {
  return static_cast<uint64_t>(event.durationNs());
}
template <typename Event>
uint64_t DurationNs(const Event& event, long) {
  return static_cast<uint64_t>(event.durationUs()) * 1000;
}

class Kineto {
 public:
  void Start() {
    const profiler::ProfilerConfig config(
        torch::profiler::impl::ProfilerState::KINETO,
        /*report_input_shapes=*/true, /*profile_memory=*/true);
    const std::set<torch::profiler::impl::ActivityType> activities{
        torch::profiler::impl::ActivityType::CPU,
        torch::profiler::impl::ActivityType::CUDA};
    profiler::prepareProfiler(config, activities);
    profiler::enableProfiler(
        config, activities,
        {at::RecordScope::FUNCTION, at::RecordScope::BACKWARD_FUNCTION,
         at::RecordScope::USER_SCOPE});
  }
  std::map<std::string, Total> Stop() {
    std::map<std::string, Total> totals;
    for (const auto& event : profiler::disableProfiler()->events()) {
      if (event.deviceType() != c10::DeviceType::CUDA) continue;
      Total& total = totals[event.name()];
      ++total.count;
      total.total_ns += DurationNs(event, 0);
    }
    return totals;
  }
};

std::string Quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

// Steps that are measured come after those that warm up; the device has nothing
// to do where they begin and end.
int Run(const Workload& workload, const std::string& recorder, uint64_t steps,
        const char* log) {
  std::unique_ptr<Tracker> tracker;
  if (recorder != "none" && recorder != "kineto") {
    setenv("TORCHTAPE_DEVICE_TIME", recorder.c_str(), 1);
    TrackerOptions options;
    options.log_path = log;
    options.device_calls = true;
    options.schedule.skip_first = kWarmUp;
    tracker = std::make_unique<Tracker>(options);
    if (!tracker->status().ok()) {
      std::cerr << tracker->status() << '\n';
      return 1;
    }
  }
  const std::function<void()> step = workload.make();
  const auto end_step = [&] {
    if (tracker == nullptr) return;
    if (const auto bytes = ReadAllocator()) {
      tracker->Log("allocated", static_cast<double>(bytes->allocated));
      tracker->Log("reserved", static_cast<double>(bytes->reserved));
    }
    tracker->Step();
  };
  for (uint64_t i = 0; i < kWarmUp; ++i) {
    step();
    if (i + 1 == kWarmUp) torch::cuda::synchronize();
    end_step();
  }
  Kineto kineto;
  if (recorder == "kineto") kineto.Start();
  std::vector<uint64_t> step_ns;
  for (uint64_t i = 0; i < steps; ++i) {
    const Clock::time_point begin = Clock::now();
    step();
    if (i + 1 == steps) torch::cuda::synchronize();
    end_step();
    step_ns.push_back(static_cast<uint64_t>(
        std::chrono::nanoseconds(Clock::now() - begin).count()));
  }
  std::map<std::string, Total> kernels;
  if (recorder == "kineto") kernels = kineto.Stop();
  const absl::Status stopped = tracker ? tracker->Stop() : absl::OkStatus();
  std::cout << "{\"status\":" << Quoted(stopped.ToString()) << ",\"step_ns\":[";
  for (size_t i = 0; i < step_ns.size(); ++i) {
    std::cout << (i == 0 ? "" : ",") << step_ns[i];
  }
  std::cout << "],\"kernels\":{";
  const char* comma = "";
  for (const auto& [name, total] : kernels) {
    std::cout << comma << Quoted(name) << ":{\"count\":" << total.count
              << ",\"total_ns\":" << total.total_ns << '}';
    comma = ",";
  }
  std::cout << "}}\n";
  return 0;
}

int Main(int argc, char** argv) {
  if (!torch::cuda::is_available()) {
    std::fprintf(stderr, "gpu_check: no CUDA device\n");
    return 3;
  }
  for (const Workload& workload : Workloads()) {
    if (argc == 1) std::cout << workload.name << '\n';
    if (argc == 5 && std::string(argv[1]) == workload.name) {
      return Run(workload, argv[2], std::strtoull(argv[3], nullptr, 10),
                 argv[4]);
    }
  }
  return argc == 1 ? 0 : 2;
}

}  // namespace
}  // namespace torchtape::gpu

int main(int argc, char** argv) { return torchtape::gpu::Main(argc, argv); }
