#ifndef TORCHTAPE_BENCHMARKS_READ_SPEED_H_
#define TORCHTAPE_BENCHMARKS_READ_SPEED_H_

#include <string>

namespace torchtape::benchmarks {

struct ReadCost {
  double spans = 0;
  double events = 0;
  double mops_per_s = 0;     // million spans a second of processor time
  double mevents_per_s = 0;  // the same of all events
};

// Reads a whole log: decompresses and checks every chunk, walks every event's
// op columns. On the calling thread.
ReadCost ReadLog(const std::string& path);

}  // namespace torchtape::benchmarks

#endif  // TORCHTAPE_BENCHMARKS_READ_SPEED_H_
