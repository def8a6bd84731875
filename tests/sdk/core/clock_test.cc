#include "core/clock.h"

#include "gtest/gtest.h"
#include "torchtape/format/encoder.h"

namespace torchtape::internal {
namespace {

// Some work that takes `ns` of steady time.
void Spend(uint64_t ns) {
  for (const uint64_t start = SteadyNs(); SteadyNs() - start < ns;) continue;
}

TEST(Clock, TicksNeverGoBack) {
  uint64_t last = Ticks();
  for (int i = 0; i < 100000; ++i) {
    const uint64_t now = Ticks();
    ASSERT_GE(now, last);
    last = now;
  }
}

TEST(Clock, PairsAreMonotonic) {
  ClockPair last = ReadClocks();
  for (int i = 0; i < 10000; ++i) {
    const ClockPair now = ReadClocks();
    ASSERT_GE(now.ticks, last.ticks);
    ASSERT_GE(now.steady_ns, last.steady_ns);
    last = now;
  }
}

TEST(Clock, PairIsReadWhileItIsAskedFor) {
  const uint64_t ticks_before = Ticks(), steady_before = SteadyNs();
  const ClockPair pair = ReadClocks();
  EXPECT_GE(pair.ticks, ticks_before);
  EXPECT_LE(pair.ticks, Ticks());
  EXPECT_GE(pair.steady_ns, steady_before);
  EXPECT_LE(pair.steady_ns, SteadyNs());
}

// The line through two pairs, as the recorder draws it.
TEST(Clock, LineConvertsWithinAMicrosecond) {
  const ClockPair first = ReadClocks();
  Spend(5000000);
  const ClockPair middle = ReadClocks();
  Spend(5000000);
  const ClockPair last = ReadClocks();
  format::ClockLine line;
  line.ticks = first.ticks;
  line.ns_per_tick = static_cast<double>(last.steady_ns - first.steady_ns) /
                     static_cast<double>(last.ticks - first.ticks);
  const double wanted = static_cast<double>(middle.steady_ns - first.steady_ns);
  EXPECT_NEAR(static_cast<double>(line.ToNs(middle.ticks)), wanted, 1000);
}

TEST(ClockLine, ConvertsOnBothSidesOfItsInstant) {
  const format::ClockLine line = {1000, 500, 2};
  EXPECT_EQ(line.ToNs(1000), 500);
  EXPECT_EQ(line.ToNs(1010), 520);
  EXPECT_EQ(line.ToNs(990), 480);
}

TEST(ClockLine, TimesBeforeTheStartAreZero) {
  const format::ClockLine line = {1000, 500, 2};
  EXPECT_EQ(line.ToNs(0), 0);
}

}  // namespace
}  // namespace torchtape::internal
