#ifndef TORCHTAPE_BENCHMARKS_RECORDERS_H_
#define TORCHTAPE_BENCHMARKS_RECORDERS_H_

// The recorders that are measured side by side: ours with different switches,
// and what PyTorch itself has. Each can be started and stopped many times in
// one process.

#include <functional>
#include <string>
#include <vector>

namespace torchtape::benchmarks {

struct Recorder {
  std::string name;
  std::function<void()> start;
  std::function<void()> stop;
  // After some steps, before any is measured.
  std::function<void()> warmed_up = [] {};
};

// The bare program first. `folder` gets the logs.
std::vector<Recorder> MakeRecorders(const std::string& folder);

// Spans and allocation events that LibTorch reports for one call of `step`.
struct EventCount {
  double spans = 0;
  double memory = 0;
};
EventCount CountEvents(const std::function<void()>& step);

}  // namespace torchtape::benchmarks

#endif  // TORCHTAPE_BENCHMARKS_RECORDERS_H_
