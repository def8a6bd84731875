#ifndef TORCHTAPE_VIEWER_SRC_OUTPUT_PROGRESS_H_
#define TORCHTAPE_VIEWER_SRC_OUTPUT_PROGRESS_H_

// A line on a terminal that says how far a long reading has come.

#include <chrono>
#include <cstdint>

namespace torchtape::viewer {

class Progress {
 public:
  // Clears the line.
  ~Progress();

  // Shows nothing in the first second.
  void Update(uint64_t done_bytes, uint64_t total_bytes);

 private:
  using Clock = std::chrono::steady_clock;

  const Clock::time_point start_ = Clock::now();
  Clock::time_point shown_at_ = start_;
  bool shown_ = false;
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_OUTPUT_PROGRESS_H_
