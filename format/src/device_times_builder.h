#ifndef TORCHTAPE_FORMAT_SRC_DEVICE_TIMES_BUILDER_H_
#define TORCHTAPE_FORMAT_SRC_DEVICE_TIMES_BUILDER_H_

// Builds the columns of device times, chunk after chunk, and finds how the
// devices' clocks lie to the host's.

#include <cstdint>
#include <map>
#include <utility>

#include "torchtape/v1/tape.pb.h"

namespace torchtape::format {

// What became known of one pair of timing events.
struct DeviceTiming {
  uint32_t device = 0;  // device type << 8 | device index + 1
  uint64_t stream = 0;
  uint32_t thread = 0;  // 0: `number` is that of a step
  uint64_t number = 0;
  int64_t start_ns = 0;  // of the device's clock
  uint64_t duration_ns = 0;
  // When, by the host's clock, the two events were about to be recorded, and
  // when the second one was found to be over.
  uint64_t start_asked_ns = 0;
  uint64_t end_asked_ns = 0;
  uint64_t seen_ns = 0;
};

class DeviceTimesBuilder {
 public:
  void Add(const DeviceTiming& timing);
  void AddLoss(const v1::DeviceLoss& loss);

  bool empty() const { return streams_.empty() && !has_loss_; }

  // Appends what there is to a chunk, and starts the next one.
  void Finish(v1::Events* events);

 private:
  struct Stream {
    uint64_t last_number = 0;
    int64_t last_start_ns = 0;
    v1::DeviceTimes times;
  };
  // What must be added to the device's time is not less than `least_ns` and not
  // more than `most_ns`: an event is not over before it is recorded, nor after
  // it was seen to be.
  struct Clock {
    int64_t least_ns;
    int64_t most_ns;
  };

  Stream& StreamOf(uint32_t device, uint64_t stream);
  void Fit(const DeviceTiming& timing);

  std::map<std::pair<uint32_t, uint64_t>, Stream> streams_;
  std::map<uint32_t, Clock> clocks_;  // by device
  v1::DeviceLoss loss_;
  bool has_loss_ = false;
};

}  // namespace torchtape::format

#endif  // TORCHTAPE_FORMAT_SRC_DEVICE_TIMES_BUILDER_H_
