#ifndef TORCHTAPE_SDK_CORE_DEVICE_EVENTS_H_
#define TORCHTAPE_SDK_CORE_DEVICE_EVENTS_H_

// Timing events on the streams of a device, and nothing that waits for one.
// LibTorch's are in torch/device_events.h.

#include <cstdint>

namespace torchtape::internal {

struct DeviceStream {
  uint32_t device = 0;  // device type << 8 | device index + 1
  uint64_t id = 0;      // as LibTorch numbers the streams of the device
};

// Every function may call the library of the device, and may throw: then the
// device is of no use any more.
class DeviceEvents {
 public:
  virtual ~DeviceEvents() = default;

  // The stream that the calling thread's work goes to, or that of a backward
  // node, if `node` is one. False if the program has not used the device yet.
  virtual bool FindStream(const void* node, DeviceStream* stream) = 0;

  // Whether what goes to the stream is captured into a graph, and not run.
  virtual bool IsCapturing(DeviceStream stream) = 0;

  // Puts an event into the stream; `*event` is made if it is null.
  virtual void Record(void** event, DeviceStream stream) = 0;

  // Whether the stream has come to the event.
  virtual bool IsOver(void* event, DeviceStream stream) = 0;

  // Nanoseconds from one event to another of the same device, less than 0 if
  // it was earlier. Both are over.
  virtual int64_t ElapsedNs(void* from, void* to, DeviceStream stream) = 0;
};

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_CORE_DEVICE_EVENTS_H_
