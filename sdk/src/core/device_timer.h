#ifndef TORCHTAPE_SDK_CORE_DEVICE_TIMER_H_
#define TORCHTAPE_SDK_CORE_DEVICE_TIMER_H_

// Device times: pairs of timing events around spans and steps. A thread that
// begins a span takes a pair, records one event, and the other where the span
// ends. Whoever begins a span later, or ends a step, asks which pairs are over,
// and records their times. Nothing here waits: neither for the device nor for
// another thread.
//
// Once all pairs were used, nothing here allocates. An error of the device ends
// device times for the recording; it is counted and told once.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/device_events.h"

namespace torchtape::internal {

class ThreadRecorder;

class DeviceTimer {
 public:
  // Numbers pairs from 1 on; 0: none.
  using Pair = uint16_t;
  static constexpr size_t kPairs = 8192;
  static constexpr Pair kLost = UINT16_MAX;

  // `events` must outlive the timer, which must outlive all threads that may be
  // in it. `say` is called at most twice in a recording, on any thread.
  explicit DeviceTimer(DeviceEvents* events, void (*say)(const char* what),
                       size_t pairs = kPairs);

  // The timer of the recording that is going on; null: device times are off.
  static DeviceTimer* Active() {
    return active_.load(std::memory_order_acquire);
  }

  // Begins and ends the part that the timer has in a recording. What is not
  // known at its end is lost, and counted. Not at the same time.
  void Start();
  void Stop(ThreadRecorder* recorder);

  // Any thread. A pair whose first event is recorded; kLost if there is none,
  // which is counted; 0 if the program does not use the device. `node`: see
  // DeviceEvents.
  Pair Begin(const void* node) noexcept;
  // Whose time it will be: of the thread's spans with device times, which one.
  void Name(Pair pair, uint32_t thread, uint64_t which) noexcept;
  // Records the second event.
  void End(Pair pair) noexcept;
  // Gives the pair back instead, for a span that is not recorded.
  void Cancel(Pair pair) noexcept;
  // Likewise, for one whose end is not known; counted.
  void Lose(Pair pair) noexcept;

  // A step begins, or the one that has begun ends. One thread at a time.
  void BeginStep(uint64_t number) noexcept;
  void EndStep() noexcept;

  // Records the times that became known and what was lost since the last time.
  // Does nothing if another thread is at it.
  void Resolve(ThreadRecorder* recorder) noexcept;

  // The same, of some, if enough have ended since the last time.
  void ResolveIfDue(ThreadRecorder* recorder) noexcept;

  // Pairs whose time is not known yet.
  size_t in_use() const { return in_use_.load(std::memory_order_relaxed); }

 private:
  struct Timing {
    void* begin = nullptr;  // events; made when first recorded
    void* end = nullptr;
    DeviceStream stream;
    uint64_t begin_ticks = 0;
    uint64_t end_ticks = 0;
    uint64_t which = 0;   // or the step's number
    uint32_t thread = 0;  // 0: a step
    uint32_t recording = 0;
    std::atomic<uint32_t> next{0};  // in a list
  };
  // The instant from which a device's times count: an event that is over, and
  // what it was said to be.
  struct Origin {
    uint32_t device;
    void* event;
    int64_t ns;
  };
  enum Loss { kExhausted, kCapturing, kFailed, kUnresolved, kLosses };

  Timing& At(Pair pair) { return timings_[pair - 1]; }
  Pair Take();
  void Release(Pair pair);
  // Of an error of the device, which these many did not survive.
  void Fail(uint64_t lost) noexcept;
  void Count(Loss loss, uint64_t count = 1) {
    losses_[loss].fetch_add(count, std::memory_order_relaxed);
  }
  void SayOnce(std::atomic<bool>* said, const char* what);
  void ResolveSome(ThreadRecorder* recorder, size_t queries) noexcept;
  void TakeEnded();
  void TellThoseOver(ThreadRecorder* recorder, size_t queries);
  void Tell(Pair pair, ThreadRecorder* recorder);
  void ReleaseWaiting();
  bool IsOld(Pair pair) {
    return At(pair).recording != recording_.load(std::memory_order_relaxed);
  }
  Origin& OriginOf(Timing* timing);
  void TellLosses(ThreadRecorder* recorder);

  static std::atomic<DeviceTimer*> active_;

  DeviceEvents* const events_;
  void (*const say_)(const char*);
  std::vector<Timing> timings_;
  std::atomic<uint64_t> free_{0};   // a list: changes << 32 | its first pair
  std::atomic<uint32_t> ended_{0};  // a list, the newest first
  std::atomic<uint32_t> ended_count_{0};  // since the last look at them
  std::atomic<uint32_t> in_use_{0};
  std::atomic<uint64_t> losses_[kLosses] = {};
  std::atomic<bool> failed_{false};
  std::atomic<bool> said_failed_{false}, said_exhausted_{false};
  std::atomic<uint32_t> recording_{0};
  Pair step_ = 0;

  // Of the thread that resolves.
  std::atomic_flag resolving_ = ATOMIC_FLAG_INIT;
  std::vector<Pair> waiting_;  // in the order in which they ended
  std::vector<Origin> origins_;
  std::atomic<uint32_t> left_{0};  // pairs that old recordings have left in use
};

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_CORE_DEVICE_TIMER_H_
