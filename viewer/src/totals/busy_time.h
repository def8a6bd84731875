#ifndef TORCHTAPE_VIEWER_SRC_TOTALS_BUSY_TIME_H_
#define TORCHTAPE_VIEWER_SRC_TOTALS_BUSY_TIME_H_

// The time that intervals cover together: where they overlap it counts once.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace torchtape::viewer {

// Memory: at most twice `most` intervals. Where there are more that lie apart,
// the earlier half of them is added up; of what is told then, only what lies
// behind it counts.
class BusyTime {
 public:
  explicit BusyTime(size_t most = size_t{1} << 20) : most_(most) {}

  // From `begin_ns` to `end_ns`; no time if that is less.
  void Add(int64_t begin_ns, int64_t end_ns) {
    begin_ns = std::max(begin_ns, since_ns_);
    if (begin_ns >= end_ns) return;
    intervals_.emplace_back(begin_ns, end_ns);
    if (intervals_.size() < full_) return;
    Merge();
    if (intervals_.size() > most_) AddUpHalf();
    full_ = std::clamp(2 * intervals_.size(), full_, 2 * most_);
  }

  uint64_t ns() {
    Merge();
    return sum_ns_ + Sum(intervals_.size());
  }

 private:
  // Of the first ones.
  uint64_t Sum(size_t count) const {
    uint64_t sum = 0;
    for (size_t i = 0; i < count; ++i) {
      const auto& [begin, end] = intervals_[i];
      sum += static_cast<uint64_t>(end) - static_cast<uint64_t>(begin);
    }
    return sum;
  }

  void AddUpHalf() {
    const size_t half = intervals_.size() / 2;
    sum_ns_ += Sum(half);
    since_ns_ = intervals_[half].first;
    intervals_.erase(intervals_.begin(),
                     intervals_.begin() + static_cast<std::ptrdiff_t>(half));
  }

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

  size_t most_;
  size_t full_ = std::min(size_t{1} << 16, 2 * most_);
  uint64_t sum_ns_ = 0;  // of all before `since_ns_`
  int64_t since_ns_ = std::numeric_limits<int64_t>::min();
  std::vector<std::pair<int64_t, int64_t>> intervals_;
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_TOTALS_BUSY_TIME_H_
