#include "device_times_builder.h"

#include <algorithm>

namespace torchtape::format {
namespace {

// Modulo 2^64, so that no words make it undefined.
int64_t Minus(uint64_t a, uint64_t b) { return static_cast<int64_t>(a - b); }

uint32_t TypeOf(uint32_t device) { return device >> 8; }
int32_t IndexOf(uint32_t device) {
  return static_cast<int32_t>(device & 0xff) - 1;
}

}  // namespace

DeviceTimesBuilder::Stream& DeviceTimesBuilder::StreamOf(uint32_t device,
                                                         uint64_t stream) {
  auto [found, added] = streams_.try_emplace({device, stream});
  if (added) {
    v1::DeviceTimes& times = found->second.times;
    times.set_device_type(TypeOf(device));
    times.set_device_index(IndexOf(device));
    times.set_stream(stream);
  }
  return found->second;
}

void DeviceTimesBuilder::Fit(const DeviceTiming& timing) {
  const auto start = static_cast<uint64_t>(timing.start_ns);
  const uint64_t end = start + timing.duration_ns;
  const int64_t least = std::max(Minus(timing.start_asked_ns, start),
                                 Minus(timing.end_asked_ns, end));
  const int64_t most = Minus(timing.seen_ns, end);
  Clock& clock =
      clocks_.try_emplace(timing.device, Clock{least, most}).first->second;
  clock.least_ns = std::max(clock.least_ns, least);
  clock.most_ns = std::min(clock.most_ns, most);
}

void DeviceTimesBuilder::Add(const DeviceTiming& timing) {
  Fit(timing);
  Stream& stream = StreamOf(timing.device, timing.stream);
  stream.times.add_threads(timing.thread);
  stream.times.add_numbers(Minus(timing.number, stream.last_number));
  stream.times.add_starts(Minus(static_cast<uint64_t>(timing.start_ns),
                                static_cast<uint64_t>(stream.last_start_ns)));
  stream.times.add_durations(timing.duration_ns);
  stream.last_number = timing.number;
  stream.last_start_ns = timing.start_ns;
}

void DeviceTimesBuilder::AddLoss(const v1::DeviceLoss& loss) {
  has_loss_ = true;
  loss_.set_exhausted(loss_.exhausted() + loss.exhausted());
  loss_.set_capturing(loss_.capturing() + loss.capturing());
  loss_.set_failed(loss_.failed() + loss.failed());
  loss_.set_unresolved(loss_.unresolved() + loss.unresolved());
}

void DeviceTimesBuilder::Finish(v1::Events* events) {
  for (auto& [key, stream] : streams_) {
    *events->add_device_times() = std::move(stream.times);
  }
  for (const auto& [device, fitted] : clocks_) {
    v1::DeviceClock* clock = events->add_device_clocks();
    clock->set_device_type(TypeOf(device));
    clock->set_device_index(IndexOf(device));
    // Clocks that run apart may leave nothing between the bounds; then the
    // width of the gap says how far apart they are.
    const int64_t width = Minus(static_cast<uint64_t>(fitted.most_ns),
                                static_cast<uint64_t>(fitted.least_ns));
    clock->set_offset_ns(fitted.least_ns + width / 2);
    clock->set_error_ns(width < 0 ? 0 - static_cast<uint64_t>(width)
                                  : (static_cast<uint64_t>(width) + 1) / 2);
  }
  if (has_loss_) *events->mutable_device_loss() = loss_;
  streams_.clear();
  clocks_.clear();
  loss_.Clear();
  has_loss_ = false;
}

}  // namespace torchtape::format
