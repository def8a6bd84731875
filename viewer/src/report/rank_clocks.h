#ifndef TORCHTAPE_VIEWER_SRC_REPORT_RANK_CLOCKS_H_
#define TORCHTAPE_VIEWER_SRC_REPORT_RANK_CLOCKS_H_

// How the times of several logs lie to each other.
//
// Logs of one boot of one host share its steady clock: the same host, and wall
// clocks that lie alike to the steady ones. Between others there are only the
// wall clocks, and nothing in the logs tells how far these disagree.

#include <cstdint>
#include <optional>
#include <vector>

#include "torchtape/v1/tape.pb.h"

namespace torchtape::viewer {

// How far two times of one clock may be off: the time stamp counter is paired
// with the steady clock, within some tens of nanoseconds, every few
// milliseconds.
inline constexpr uint64_t kSameClockErrorNs = 1000;

struct RankClock {
  int64_t offset_ns = 0;  // of the log's start to that of the first one
  // Logs with the same number share a clock; absent: the log does not tell when
  // it began, and its start is put beside that of the first one.
  std::optional<uint32_t> clock;
};

std::vector<RankClock> AlignRanks(const std::vector<v1::Run>& runs);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_REPORT_RANK_CLOCKS_H_
