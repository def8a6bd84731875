#include "report/rank_clocks.h"

#include <cstdlib>

namespace torchtape::viewer {
namespace {

// Between two logs of one boot somebody may have set the wall clock. Two hosts
// that booted in the same second, under one name, are not told apart.
constexpr int64_t kSameBootNs = 1000000000;

int64_t Difference(uint64_t a, uint64_t b) {
  return static_cast<int64_t>(a - b);
}

bool TellsStart(const v1::Run& run) {
  return run.start_wall_ns() != 0 && run.start_steady_ns() != 0;
}

bool ShareClock(const v1::Run& a, const v1::Run& b) {
  if (a.host() != b.host()) return false;
  const int64_t apart = Difference(a.start_wall_ns() - a.start_steady_ns(),
                                   b.start_wall_ns() - b.start_steady_ns());
  return apart > -kSameBootNs && apart < kSameBootNs;
}

}  // namespace

std::vector<RankClock> AlignRanks(const std::vector<v1::Run>& runs) {
  std::vector<RankClock> clocks(runs.size());
  std::vector<size_t> firsts;  // of each clock, the first log
  for (size_t i = 0; i < runs.size(); ++i) {
    const v1::Run& run = runs[i];
    if (!TellsStart(run)) continue;
    uint32_t clock = 0;
    while (clock < firsts.size() && !ShareClock(runs[firsts[clock]], run)) {
      ++clock;
    }
    if (clock == firsts.size()) firsts.push_back(i);
    clocks[i].clock = clock;
    const v1::Run& first = runs[firsts[clock]];
    clocks[i].offset_ns =
        Difference(first.start_wall_ns(), runs[firsts[0]].start_wall_ns()) +
        Difference(run.start_steady_ns(), first.start_steady_ns());
  }
  return clocks;
}

}  // namespace torchtape::viewer
