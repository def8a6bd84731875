// What a log costs around the ops: bytes an op, the time Stop() takes, the
// tracker's memory, and the speed of reading.
//
//   log_cost FOLDER RESULT.json

#include <torchtape/tracker.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "read_speed.h"
#include "trainings.h"

namespace {

using torchtape::Tracker;
using torchtape::TrackerOptions;
using torchtape::benchmarks::ReadCost;
using torchtape::benchmarks::Training;

double NowMs() {
  return std::chrono::duration<double, std::milli>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// Resident memory of the process.
double ResidentMib() {
  std::ifstream file("/proc/self/statm");
  uint64_t total = 0, resident = 0;
  file >> total >> resident;
  return static_cast<double>(resident * sysconf(_SC_PAGESIZE)) / (1 << 20);
}

struct Cost {
  double stop_ms = 0;
  double grown_mib = 0;  // the most that memory grew while recording
  ReadCost read;
  double bytes = 0;
};

// Records `steps` of a training that has been running before. `before_mib`: the
// process's memory before anything was ever recorded.
Cost RecordSteps(const Training& training, const TrackerOptions& options,
                 int steps, double before_mib) {
  Cost cost;
  Tracker tracker(options);
  tracker.Attach(*training.model, "model");
  for (int i = 0; i < steps; ++i) {
    training.step();
    tracker.Step();
    if (i % 64 == 0) {
      cost.grown_mib = std::max(cost.grown_mib, ResidentMib() - before_mib);
    }
  }
  const double stop = NowMs();
  const absl::Status status = tracker.Stop();
  cost.stop_ms = NowMs() - stop;
  if (!status.ok()) std::printf("  %s\n", status.ToString().c_str());
  cost.bytes =
      static_cast<double>(std::filesystem::file_size(options.log_path));
  cost.read = torchtape::benchmarks::ReadLog(options.log_path);
  return cost;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const auto trainings = torchtape::benchmarks::MakeTrainings();
  const Training& transformer = trainings[2];
  for (int i = 0; i < 20; ++i) transformer.step();

  TrackerOptions all;
  all.log_path = std::string(argv[1]) + "/all.tape";
  TrackerOptions plain = all;
  plain.log_path = std::string(argv[1]) + "/plain.tape";
  plain.memory = plain.identities = false;
  const double before = ResidentMib();
  const Cost no_ids = RecordSteps(transformer, plain, 600, before);
  // 600 steps are about a million ops; 3,000 are ten million events.
  const Cost short_run = RecordSteps(transformer, all, 600, before);
  const Cost long_run = RecordSteps(transformer, all, 3000, before);

  const double plain_bytes = no_ids.bytes / no_ids.read.spans;
  const double all_bytes = long_run.bytes / long_run.read.spans;
  // The bound of the rings and what the writer may take, see options.h.
  const double bound = static_cast<double>(all.max_buffer_bytes >> 20) + 64;
  std::printf("  %.2f bytes an op without memory and ids, %.2f with all\n",
              plain_bytes, all_bytes);
  std::printf("  Stop() took %.1f ms after %.1f M events\n", short_run.stop_ms,
              short_run.read.events / 1e6);
  std::printf("  memory grew by %.1f MiB over %.1f M events\n",
              long_run.grown_mib, long_run.read.events / 1e6);
  std::printf("  read at %.1f M ops a second\n", long_run.read.mops_per_s);
  std::ofstream(argv[2]) << "{\"plain_bytes_per_op\":" << plain_bytes
                         << ",\"all_bytes_per_op\":" << all_bytes
                         << ",\"stop_ms\":" << short_run.stop_ms
                         << ",\"memory_over_bound_mib\":"
                         << std::max(0.0, long_run.grown_mib - bound)
                         << ",\"read_mops_per_s\":" << long_run.read.mops_per_s
                         << "}\n";
  return 0;
}
