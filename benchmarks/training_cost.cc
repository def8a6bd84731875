// What recording everything costs a real training: every other step is recorded
// and compared with the two beside it.
//
//   training_cost DATA_FOLDER FOLDER_FOR_LOGS RESULT.json [STEPS]
//
// A figure is the wall time of a recorded step over the mean of its
// neighbours', less one; what hooking and unhooking between them takes is
// apart, since who records all steps does it once. Printed are the mean over
// all figures but the least and the greatest fifth, and half of its 95 %
// confidence interval (Tukey and McLaughlin 1963: a trimmed mean's error from
// the winsorized variance). The writer thread has a core of its own if the
// machine has one. Beside it is what the log itself says that recording took of
// a recorded step.

#include <torchtape/tracker.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "stated_cost.h"
#include "trainings.h"

namespace {

using torchtape::Tracker;
using torchtape::benchmarks::Training;

double Now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

struct Estimate {
  double mean = 0;
  double half_interval = 0;
};

Estimate TrimmedMean(std::vector<double> figures) {
  std::sort(figures.begin(), figures.end());
  const size_t cut = figures.size() / 5;
  const size_t kept = figures.size() - 2 * cut;
  Estimate estimate;
  for (size_t i = cut; i < cut + kept; ++i) estimate.mean += figures[i] / kept;
  for (size_t i = 0; i < cut; ++i) {
    figures[i] = figures[cut];
    figures[figures.size() - 1 - i] = figures[cut + kept - 1];
  }
  double mean = 0, variance = 0;
  for (double figure : figures) mean += figure / figures.size();
  for (double figure : figures) {
    variance += (figure - mean) * (figure - mean) / (figures.size() - 1);
  }
  const double share = static_cast<double>(kept) / figures.size();
  estimate.half_interval =
      2 * std::sqrt(variance) / (share * std::sqrt(figures.size()));
  return estimate;
}

struct Cost {
  double step_ms = 0;  // of the bare program
  double hook_ms = 0;  // once for every window of recorded steps
  Estimate recorded;   // above the bare program, of 1
  double stated = 0;   // the same, as the log says
};

Cost Measure(const Training& training, const std::string& log_path, int steps) {
  for (int i = 0; i < 5; ++i) training.step();
  torchtape::TrackerOptions options;
  options.log_path = log_path;
  options.schedule.every = 2;
  Tracker tracker(options);
  std::vector<double> seconds, hooking;
  for (int i = 0; i < steps; ++i) {
    double start = Now();
    training.step();
    seconds.push_back(Now() - start);
    start = Now();
    tracker.Step();
    hooking.push_back(Now() - start);
  }
  tracker.Stop().IgnoreError();
  const double stated_ms = 1e-6 * torchtape::benchmarks::StatedCostNs(log_path);
  unlink(log_path.c_str());
  Cost cost;
  std::vector<double> figures, bare;
  // The first recorded steps are the audit and fill the tables.
  for (size_t i = 10; i + 1 < seconds.size(); i += 2) {
    bare.push_back(seconds[i + 1]);
    figures.push_back(2 * seconds[i] / (seconds[i - 1] + seconds[i + 1]) - 1);
  }
  cost.step_ms = 1e3 * TrimmedMean(bare).mean;
  cost.hook_ms = 2e3 * TrimmedMean(hooking).mean;
  cost.recorded = TrimmedMean(figures);
  cost.stated = 2 * stated_ms / steps / cost.step_ms;
  return cost;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const int steps = argc > 4 ? std::atoi(argv[4]) : 2000;
  std::ofstream json(argv[3]);
  const char* comma = "[";
  for (const Training& training :
       torchtape::benchmarks::MakeRealTrainings(argv[1])) {
    const Cost cost =
        Measure(training, std::string(argv[2]) + "/run.tape", steps);
    const double percent = 100 * cost.recorded.mean;
    const double interval = 100 * cost.recorded.half_interval;
    std::printf(
        "  %-18s step %6.2f ms   recorded %+6.2f %%  +- %.2f   stated %+6.2f %%"
        "   hooking %.2f ms\n",
        training.name.c_str(), cost.step_ms, percent, interval,
        100 * cost.stated, cost.hook_ms);
    std::fflush(stdout);
    json << comma << "\n{\"training\":\"" << training.name
         << "\",\"step_ms\":" << cost.step_ms << ",\"percent\":" << percent
         << ",\"percent_interval\":" << interval
         << ",\"stated_percent\":" << 100 * cost.stated
         << ",\"hook_ms\":" << cost.hook_ms << "}";
    comma = ",";
  }
  json << "\n]\n";
  return 0;
}
