#ifndef TORCHTAPE_VIEWER_SRC_TOTALS_BUSY_TIME_H_
#define TORCHTAPE_VIEWER_SRC_TOTALS_BUSY_TIME_H_

// The time that intervals cover together: where they overlap it counts once.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace torchtape::viewer {

// Memory: the gaps between what is covered, and some intervals more.
class BusyTime {
 public:
  // From `begin_ns` to `end_ns`, which is not less.
  void Add(int64_t begin_ns, int64_t end_ns) {
    intervals_.emplace_back(begin_ns, end_ns);
    if (intervals_.size() >= full_) {
      Merge();
      full_ = std::max(full_, 2 * intervals_.size());
    }
  }
  void Add(const BusyTime& other) {
    for (const auto& [begin, end] : other.intervals_) Add(begin, end);
  }

  uint64_t ns() {
    Merge();
    uint64_t sum = 0;
    for (const auto& [begin, end] : intervals_) {
      sum += static_cast<uint64_t>(end) - static_cast<uint64_t>(begin);
    }
    return sum;
  }

 private:
  void Merge() {
    if (intervals_.empty()) return;
    std::sort(intervals_.begin(), intervals_.end());
    size_t last = 0;
    for (size_t i = 1; i < intervals_.size(); ++i) {
      if (intervals_[i].first <= intervals_[last].second) {
        intervals_[last].second =
            std::max(intervals_[last].second, intervals_[i].second);
      } else {
        intervals_[++last] = intervals_[i];
      }
    }
    intervals_.resize(last + 1);
  }

  std::vector<std::pair<int64_t, int64_t>> intervals_;
  size_t full_ = size_t{1} << 16;
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_TOTALS_BUSY_TIME_H_
