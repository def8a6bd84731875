// What recording costs an op: each recorder on each training, interleaved in
// one process, above the bare program.
//
//   op_cost FOLDER_FOR_LOGS RESULT.json [ROUNDS]
//
// Each figure is (least of the recorder's rounds - least of the bare rounds) /
// spans of a step: what disturbs a machine only ever adds. Two figures each:
// what the training thread spends, in processor time, and what the whole
// process spends, which adds the thread that writes the log. Run it as
// `measure` does, with OMP_NUM_THREADS=1 and glibc's malloc thresholds fixed.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <string>
#include <vector>

#include "recorders.h"
#include "trainings.h"

namespace {

using torchtape::benchmarks::EventCount;
using torchtape::benchmarks::Recorder;
using torchtape::benchmarks::Training;

constexpr int kWarmUp = 5;
constexpr double kRoundNs = 0.04e9;

double CpuNs(clockid_t clock) {
  timespec time;
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + time.tv_nsec;
}

// Processor time of a step.
struct Cost {
  double thread_ns = 1e18;   // of the training thread
  double process_ns = 1e18;  // of all threads
};

Cost StepCost(const Training& training, const Recorder& recorder, int steps) {
  recorder.start();
  for (int i = 0; i < kWarmUp; ++i) training.step();
  recorder.warmed_up();
  const double thread = CpuNs(CLOCK_THREAD_CPUTIME_ID);
  const double process = CpuNs(CLOCK_PROCESS_CPUTIME_ID);
  for (int i = 0; i < steps; ++i) training.step();
  const Cost cost{(CpuNs(CLOCK_THREAD_CPUTIME_ID) - thread) / steps,
                  (CpuNs(CLOCK_PROCESS_CPUTIME_ID) - process) / steps};
  recorder.stop();
  return cost;
}

// The least cost of each recorder over the rounds; the first is the bare
// program.
std::vector<Cost> Measure(const Training& training,
                          const std::vector<Recorder>& recorders, int rounds) {
  const double once = StepCost(training, recorders[0], 20).thread_ns;
  const int steps = std::max(10, static_cast<int>(kRoundNs / once));
  std::vector<Cost> least(recorders.size());
  for (int round = 0; round < rounds; ++round) {
    for (size_t i = 0; i < recorders.size(); ++i) {
      // The trace observer takes microseconds an op and writes a huge log.
      const bool slow = recorders[i].name == "trace observer";
      if (slow && round % 5 != 0) continue;
      const Cost cost = StepCost(training, recorders[i],
                                 slow ? std::max(3, steps / 20) : steps);
      least[i].thread_ns = std::min(least[i].thread_ns, cost.thread_ns);
      least[i].process_ns = std::min(least[i].process_ns, cost.process_ns);
    }
  }
  return least;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const int rounds = argc > 3 ? std::atoi(argv[3]) : 15;
  const auto recorders = torchtape::benchmarks::MakeRecorders(argv[1]);
  std::ofstream json(argv[2]);
  const char* comma = "[";
  for (const Training& training : torchtape::benchmarks::MakeTrainings()) {
    for (int i = 0; i < kWarmUp; ++i) training.step();
    const EventCount events = torchtape::benchmarks::CountEvents(training.step);
    const std::vector<Cost> least = Measure(training, recorders, rounds);
    const Cost bare = least[0];
    std::printf("%s: %.0f spans, %.0f memory events, bare step %.1f us\n",
                training.name.c_str(), events.spans, events.memory,
                bare.thread_ns / 1e3);
    for (size_t i = 1; i < recorders.size(); ++i) {
      const double thread =
          (least[i].thread_ns - bare.thread_ns) / events.spans;
      const double process =
          (least[i].process_ns - bare.process_ns) / events.spans;
      std::printf("  %-36s %8.1f ns a span  %+7.2f %%  process %8.1f ns\n",
                  recorders[i].name.c_str(), thread,
                  100 * thread * events.spans / bare.thread_ns, process);
      json << comma << "\n{\"training\":\"" << training.name
           << "\",\"recorder\":\"" << recorders[i].name
           << "\",\"thread_ns_per_span\":" << thread
           << ",\"process_ns_per_span\":" << process
           << ",\"spans\":" << events.spans
           << ",\"bare_step_ns\":" << bare.thread_ns << "}";
      comma = ",";
    }
    std::fflush(stdout);
  }
  json << "\n]\n";
  return 0;
}
