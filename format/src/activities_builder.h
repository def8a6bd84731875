#ifndef TORCHTAPE_FORMAT_SRC_ACTIVITIES_BUILDER_H_
#define TORCHTAPE_FORMAT_SRC_ACTIVITIES_BUILDER_H_

// Builds the columns of device activities and of the calls that launched them,
// chunk after chunk, and finds how CUPTI's clock lies to the host's.

#include <cstdint>
#include <map>
#include <string>
#include <tuple>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "torchtape/format/record.h"
#include "torchtape/v1/tape.pb.h"

namespace torchtape::format {

// What CUPTI told of one activity.
struct ActivityFacts {
  ActivityKind kind = ActivityKind::kKernel;
  absl::string_view name;
  uint32_t device = 0, context = 0, stream = 0;
  uint32_t correlation = 0;
  uint64_t start_ns = 0;  // of CUPTI's clock
  uint64_t duration_ns = 0;
  uint64_t bytes = 0;
};

class ActivitiesBuilder {
 public:
  // What must be added to CUPTI's time is not less than `least_ns` and not more
  // than `most_ns`.
  struct Clock {
    int64_t least_ns = 0;
    int64_t most_ns = 0;
  };

  // False if no clock was ever told: then nobody could say when it was.
  bool Add(const ActivityFacts& activity);
  // CUPTI's clock said `cupti_ns` between these times of the host's.
  void AddClock(uint64_t cupti_ns, uint64_t before_ns, uint64_t after_ns);
  // `span`: number of the innermost one; absent outside of all.
  void AddLaunch(uint32_t thread, uint64_t time_ns, uint32_t correlation,
                 absl::optional<uint64_t> span);
  void AddLoss(const v1::ActivityLoss& loss);

  bool empty() const {
    return streams_.empty() && launches_.empty() && !has_loss_;
  }

  // Appends what there is to a chunk, and starts the next one.
  void Finish(v1::Events* events);

  // The clock's last reading, for who goes on later.
  const absl::optional<Clock>& reading() const { return reading_; }
  void set_reading(Clock reading) { reading_ = reading; }

 private:
  struct Stream {
    uint64_t last_start_ns = 0;
    uint64_t last_correlation = 0;
    v1::DeviceActivities columns;
  };
  struct Thread {
    uint64_t last_time_ns = 0, last_correlation = 0, last_span = 0;
    v1::Launches columns;
  };

  uint32_t NameIndex(absl::string_view name);

  // By device, context and stream.
  std::map<std::tuple<uint32_t, uint32_t, uint32_t>, Stream> streams_;
  std::map<uint32_t, Thread> launches_;
  absl::flat_hash_map<std::string, uint32_t> names_;
  absl::optional<Clock> reading_;
  absl::optional<Clock> fitted_;  // to all readings of this chunk
  v1::ActivityLoss loss_;
  bool has_loss_ = false;
};

}  // namespace torchtape::format

#endif  // TORCHTAPE_FORMAT_SRC_ACTIVITIES_BUILDER_H_
