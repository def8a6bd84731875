#include "torchtape/format/device_times.h"

#include <vector>

#include "gmock/gmock.h"
#include "support/encoding.h"
#include "support/parse_text.h"
#include "support/status_matchers.h"

namespace torchtape::format {
namespace {

using ::testing::_;
using ::testing::ElementsAre;
using testing::Encoding;
using testing::IsOk;
using testing::ParseText;
using testing::Records;
using testing::ReplayedLog;
using ::testing::SizeIs;
using testing::StatusIs;

constexpr uint32_t kDevice = 1 << 8 | 1;  // cuda:0

std::vector<DeviceTime> TimesOf(const ReplayedLog& log) {
  std::vector<DeviceTime> times;
  for (const v1::Events& events : log.chunks) {
    EXPECT_THAT(
        ReadDeviceTimes(events,
                        [&](const DeviceTime& time) { times.push_back(time); }),
        IsOk());
  }
  return times;
}

std::vector<uint64_t> NumbersOf(const std::vector<DeviceTime>& times) {
  std::vector<uint64_t> numbers;
  for (const DeviceTime& time : times) numbers.push_back(time.number);
  return numbers;
}

class DeviceTimesTest : public ::testing::Test {
 protected:
  DeviceTimesTest() {
    for (Records* thread : {&main_, &other_}) {
      thread->Operator(1, "aten::add").Signature(1, 1);
    }
  }

  Records main_{1}, other_{2};
};

TEST_F(DeviceTimesTest, TimeIsThatOfTheSpanItWasMeasuredFor) {
  main_.Begin(10, 1).BeginTimed(20, 1).End(30).End(40);
  other_.BeginTimed(22, 1).End(32);
  // Known on another thread, in another order, long after.
  other_.DeviceTime({100, 2, 1, 7, kDevice, 500, 60, 21, 31});
  other_.DeviceTime({101, 1, 1, 9, kDevice, 510, 8, 19, 29});
  Encoding encoding;
  const ReplayedLog log = encoding.Finish({&main_, &other_});
  const std::vector<DeviceTime> times = TimesOf(log);
  ASSERT_THAT(times, SizeIs(2));
  EXPECT_EQ(times[0].thread, 2);
  EXPECT_EQ(times[0].number, 0);
  EXPECT_EQ(times[0].stream, 7);
  EXPECT_EQ(times[0].duration_ns, 60);
  EXPECT_EQ(times[1].thread, 1);
  EXPECT_EQ(times[1].number, 1);
  EXPECT_EQ(times[1].stream, 9);
  EXPECT_EQ(times[1].start_ns - times[0].start_ns, 10);
  EXPECT_EQ(log.said.device_times(), 2);
}

TEST_F(DeviceTimesTest, StepIsToldByItsNumber) {
  main_.Step(10, 41).DeviceTimeOfStep({20, 0, 41, 7, kDevice, 5, 6, 10, 19});
  const std::vector<DeviceTime> times =
      TimesOf(Encoding().Finish({&main_, &other_}));
  ASSERT_THAT(times, SizeIs(1));
  EXPECT_EQ(times[0].thread, 0);
  EXPECT_EQ(times[0].number, 41);
}

TEST_F(DeviceTimesTest, SpanMayBeInAnEarlierChunk) {
  Encoding encoding;
  main_.BeginTimed(10, 1).End(20).BeginTimed(30, 1).End(40);
  ASSERT_THAT(encoding.Consume({&main_}), IsOk());
  ASSERT_THAT(encoding.Flush(), IsOk());
  main_.DeviceTime({50, 1, 2, 7, kDevice, 0, 1, 30, 40});
  main_.DeviceTime({60, 1, 1, 7, kDevice, 0, 1, 10, 20});
  const ReplayedLog log = encoding.Finish({&main_});
  EXPECT_THAT(log.chunks, SizeIs(2));
  EXPECT_THAT(NumbersOf(TimesOf(log)), ElementsAre(1, 0));
}

// A span of a warm-up step has no number, and so has its time.
TEST_F(DeviceTimesTest, SpanThatIsThrownAwayTakesItsTimeAlong) {
  EncoderOptions options;
  options.recording = false;
  main_.BeginTimed(10, 1).End(20).Window(25, true).BeginTimed(30, 1).End(40);
  main_.DeviceTime({50, 1, 1, 7, kDevice, 0, 1, 10, 20});
  main_.DeviceTime({60, 1, 2, 7, kDevice, 5, 2, 30, 40});
  Encoding encoding(options);
  const ReplayedLog log = encoding.Finish({&main_});
  const std::vector<DeviceTime> times = TimesOf(log);
  ASSERT_THAT(times, SizeIs(1));
  EXPECT_EQ(times[0].number, 0);
  EXPECT_EQ(times[0].duration_ns, 2);
}

// The first pair ended on the device before 40, at 1100 by its clock; the
// second began after 30, at 1050: 1060 to 1020 must be taken away.
TEST_F(DeviceTimesTest, ClocksAreAlignedAsNarrowlyAsAllPairsAllow) {
  main_.BeginTimed(10, 1).End(20).BeginTimed(30, 1).End(35);
  main_.DeviceTime({40, 1, 1, 7, kDevice, 1000, 100, 10, 20});
  main_.DeviceTime({90, 1, 2, 7, kDevice, 1050, 60, 30, 35});
  const ReplayedLog log = Encoding().Finish({&main_});
  ASSERT_THAT(log.chunks, SizeIs(1));
  ASSERT_THAT(log.chunks[0].device_clocks(), SizeIs(1));
  const v1::DeviceClock& clock = log.chunks[0].device_clocks(0);
  // least: max(10-1000, 20-1100, 30-1050, 35-1110) = -990
  // most: min(40-1100, 90-1110) = -1060: the clocks run apart.
  EXPECT_EQ(clock.offset_ns(), -1025);
  EXPECT_EQ(clock.error_ns(), 70);
}

TEST_F(DeviceTimesTest, ErrorIsHalfOfWhatIsLeftBetweenTheBounds) {
  main_.BeginTimed(1010, 1).End(1100);
  main_.DeviceTime({1150, 1, 1, 7, kDevice, 0, 100, 1009, 1105});
  const std::vector<DeviceTime> times = TimesOf(Encoding().Finish({&main_}));
  ASSERT_THAT(times, SizeIs(1));
  // It began not before 1009 and not after 1050.
  EXPECT_EQ(times[0].error_ns, 21);
  EXPECT_EQ(times[0].start_ns, 1029);
}

TEST_F(DeviceTimesTest, LossesAreAddedUp) {
  main_.DeviceLoss({10, 1, 2, 3, 4}).DeviceLoss({20, 10, 0, 0, 0});
  const ReplayedLog log = Encoding().Finish({&main_});
  ASSERT_THAT(log.chunks, SizeIs(1));
  EXPECT_EQ(log.chunks[0].device_loss().exhausted(), 11);
  EXPECT_EQ(log.chunks[0].device_loss().capturing(), 2);
  EXPECT_EQ(log.chunks[0].device_loss().failed(), 3);
  EXPECT_EQ(log.chunks[0].device_loss().unresolved(), 4);
  EXPECT_EQ(log.said.lost_device_times(), 20);
}

TEST_F(DeviceTimesTest, EncoderGoesOnFromWhatItSaved) {
  main_.BeginTimed(10, 1).End(20).BeginTimed(30, 1).End(40);
  Encoding first;
  ASSERT_THAT(first.Consume({&main_}), IsOk());
  ASSERT_THAT(first.Flush(), IsOk());
  Encoding second;
  ASSERT_THAT(second.encoder().Restore(first.encoder().Save(true)), IsOk());
  main_.BeginTimed(45, 1).End(46);
  main_.DeviceTime({50, 1, 2, 7, kDevice, 0, 1, 30, 40});
  main_.DeviceTime({60, 1, 3, 7, kDevice, 9, 1, 45, 46});
  ASSERT_THAT(second.Consume({&main_}), IsOk());
  ASSERT_THAT(second.Flush(), IsOk());
  EXPECT_EQ(second.encoder().statistics().device_times(), 2);
  EXPECT_EQ(second.encoder().statistics().dropped_events(), 0);
}

TEST_F(DeviceTimesTest, TimeOfASpanThatNeverBeganIsToldAsDamage) {
  main_.DeviceTime({50, 1, 1, 7, kDevice, 0, 1, 30, 40});
  Encoding encoding;
  const ReplayedLog log = encoding.Finish({&main_});
  EXPECT_EQ(log.said.dropped_events(), 1);
  EXPECT_EQ(log.said.device_times(), 0);
}

TEST_F(DeviceTimesTest, ColumnsOfDifferentLengthsAreDamage) {
  const auto events = ParseText<v1::Events>(R"(
    device_times { threads: [1, 1] numbers: [1, 1] starts: 0 durations: [1, 2] }
    device_clocks {})");
  EXPECT_THAT(ReadDeviceTimes(events, [](const DeviceTime&) { FAIL(); }),
              StatusIs(absl::StatusCode::kDataLoss, _));
}

TEST_F(DeviceTimesTest, DeviceWithoutAClockIsDamage) {
  const auto events = ParseText<v1::Events>(R"(
    device_times {
      device_type: 1 threads: 1 numbers: 1 starts: 0 durations: 1
    }
    device_clocks { device_type: 2 })");
  EXPECT_THAT(ReadDeviceTimes(events, [](const DeviceTime&) { FAIL(); }),
              StatusIs(absl::StatusCode::kDataLoss, _));
}

}  // namespace
}  // namespace torchtape::format
