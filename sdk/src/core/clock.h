#ifndef TORCHTAPE_SDK_CORE_CLOCK_H_
#define TORCHTAPE_SDK_CORE_CLOCK_H_

// The clock of events. Ticks are read on the training thread, so they must be
// cheap; the writer thread pairs them with steady time now and then.

#include <cstdint>
#include <ctime>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace torchtape::internal {

// Nanoseconds of CLOCK_MONOTONIC.
inline uint64_t SteadyNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000000000u +
         static_cast<uint64_t>(now.tv_nsec);
}

// Whether the processor's time stamp counter runs at one rate on all cores.
// Decided once, before the first recording.
extern const bool kTscIsSteady;

// Now, in ticks of the recording clock: the time stamp counter where that is
// steady, else nanoseconds of steady time.
inline uint64_t Ticks() {
#if defined(__x86_64__)
  if (__builtin_expect(kTscIsSteady, 1)) return __rdtsc();
#endif
  return SteadyNs();
}

// The same once all that was begun before is done, which a processor else goes
// on with meanwhile: what waits for memory would count for what comes next.
inline uint64_t SettledTicks() {
#if defined(__x86_64__)
  __builtin_ia32_lfence();
#endif
  return Ticks();
}

// One instant on both clocks.
struct ClockPair {
  uint64_t ticks;
  uint64_t steady_ns;
};

// Reads both clocks as close together as can be had, which is within some tens
// of nanoseconds.
ClockPair ReadClocks();

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_CORE_CLOCK_H_
