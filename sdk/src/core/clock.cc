#include "core/clock.h"

#include <fstream>
#include <string>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace torchtape::internal {
namespace {

bool TscIsSteady() {
#if defined(__x86_64__)
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned kInvariantTsc = 1u << 8;
  if (__get_cpuid(0x80000007, &a, &b, &c, &d) && (d & kInvariantTsc) != 0) {
    return true;
  }
  // A virtual machine may hide the flag; the kernel has tested the counter.
  std::ifstream file(
      "/sys/devices/system/clocksource/clocksource0/current_clocksource");
  std::string source;
  return file >> source && source == "tsc";
#else
  return false;
#endif
}

}  // namespace

const bool kTscIsSteady = TscIsSteady();

ClockPair ReadClocks() {
  ClockPair best{};
  uint64_t best_gap = ~uint64_t{0};
  for (int i = 0; i < 4; ++i) {
    const uint64_t before = Ticks();
    const uint64_t steady = SteadyNs();
    const uint64_t gap = Ticks() - before;
    if (gap < best_gap) {
      best_gap = gap;
      best = {before + gap / 2, steady};
    }
  }
  return best;
}

}  // namespace torchtape::internal
