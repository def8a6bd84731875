#include "torch/device_events.h"

#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/csrc/autograd/function.h>

#include <atomic>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "torch/device_features.h"
#include "torch/torch_facts.h"

namespace torchtape::internal {
namespace {

// A template, since only newer versions of LibTorch have all that it calls.
template <typename Guard, typename Node>
class GuardEvents final : public DeviceEvents {
 public:
  explicit GuardEvents(const Guard* guard) : guard_(*guard) {}

  bool FindStream(const void* node, DeviceStream* found) override {
    c10::Stream stream(c10::Stream::DEFAULT, c10::Device(c10::kCPU));
    if (node != nullptr) {
      // stream() only looks.
      const auto of_node =
          const_cast<Node*>(static_cast<const Node*>(node))->stream();
      if (!of_node.has_value()) return false;
      stream = *of_node;
    } else {
      const c10::Device device = guard_.getDevice();
      if (!IsUsed(device)) return false;
      stream = guard_.getStream(device);
    }
    found->device = static_cast<uint32_t>(stream.device_type()) << 8 |
                    static_cast<uint8_t>(stream.device_index() + 1);
    found->id = static_cast<uint64_t>(stream.id());
    return stream.device_type() == guard_.type();
  }

  bool IsCapturing(DeviceStream stream) override {
    return guard_.isStreamCapturing(ToStream(stream));
  }

  void Record(void** event, DeviceStream stream) override {
    // The default is an event without a time.
    guard_.record(event, ToStream(stream), ToDevice(stream).index(),
                  c10::EventFlag::BACKEND_DEFAULT);
  }

  bool IsOver(void* event, DeviceStream) override {
    return guard_.queryEvent(event);
  }

  int64_t ElapsedNs(void* from, void* to, DeviceStream stream) override {
    const double ms = guard_.elapsedTime(from, to, ToDevice(stream).index());
    return std::llround(ms * 1e6);
  }

 private:
  c10::Device ToDevice(DeviceStream stream) const {
    return c10::Device(guard_.type(),
                       static_cast<c10::DeviceIndex>(
                           static_cast<int>(stream.device & 0xff) - 1));
  }
  c10::Stream ToStream(DeviceStream stream) const {
    return c10::Stream(c10::Stream::UNSAFE, ToDevice(stream),
                       static_cast<c10::StreamId>(stream.id));
  }

  // An event in a device that the program does not use would start it up.
  bool IsUsed(c10::Device device) {
    const uint64_t bit = uint64_t{1} << (device.index() & 63);
    if ((used_.load(std::memory_order_relaxed) & bit) != 0) return true;
    if (!HasContext(device)) return false;
    used_.fetch_or(bit, std::memory_order_relaxed);
    return true;
  }

  const Guard& guard_;
  std::atomic<uint64_t> used_{0};  // a bit for each device
};

template <typename Guard, typename Node>
absl::StatusOr<DeviceEvents*> Make() {
  if constexpr (!kHasElapsedTime<Guard>) {
    return absl::UnimplementedError(
        absl::StrCat("LibTorch ", ReadTorchFacts().version,
                     " does not tell the time between events of a device"));
  } else if constexpr (!kTellsCapture<Guard>) {
    return absl::UnimplementedError(
        absl::StrCat("LibTorch ", ReadTorchFacts().version,
                     " does not tell whether a stream is captured"));
  } else {
    const Optional<c10::DeviceType> type = Accelerator();
    if (!type.has_value() || !c10::impl::hasDeviceGuardImpl(*type) ||
        c10::impl::getDeviceGuardImpl(*type)->deviceCount() == 0) {
      return absl::UnimplementedError("there is no device but the CPU");
    }
    return new GuardEvents<Guard, Node>(c10::impl::getDeviceGuardImpl(*type));
  }
}

}  // namespace

absl::StatusOr<DeviceEvents*> TorchDeviceEvents() {
  // A library with a device may be loaded later, so failing is not for ever.
  static DeviceEvents* events = nullptr;
  if (events != nullptr) return events;
  absl::StatusOr<DeviceEvents*> made =
      Make<c10::impl::DeviceGuardImplInterface, torch::autograd::Node>();
  if (made.ok()) events = *made;
  return made;
}

int TimedDeviceType() { return static_cast<int>(*Accelerator()); }

}  // namespace torchtape::internal
