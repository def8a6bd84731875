#include "torchtape/format/device_activities.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "support/encoding.h"
#include "support/parse_text.h"
#include "support/status_matchers.h"

namespace torchtape::format {
namespace {

using ::testing::ElementsAre;
using testing::Encoding;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::ParseText;
using testing::Records;
using testing::ReplayedLog;
using ::testing::SizeIs;
using testing::StatusIs;

constexpr uint64_t kKernel = 1, kCopy = 2;

struct Told {
  std::vector<DeviceActivity> activities;
  std::vector<std::string> names;
  std::vector<Launch> launches;
};

Told Read(const ReplayedLog& log) {
  Told told;
  for (const v1::Events& events : log.chunks) {
    EXPECT_THAT(
        ReadDeviceActivities(
            events,
            [&](const Launch& launch) { told.launches.push_back(launch); },
            [&](const DeviceActivity& activity) {
              told.activities.push_back(activity);
              told.names.emplace_back(activity.name);
            }),
        IsOk());
  }
  return told;
}

class DeviceActivitiesTest : public ::testing::Test {
 protected:
  DeviceActivitiesTest() {
    main_.Operator(1, "aten::add").Signature(1, 1);
    cupti_.Operator(1, "gemm").Operator(2, "Memcpy HtoD");
  }

  Records main_{1}, cupti_{2};
};

TEST_F(DeviceActivitiesTest, LaunchIsInTheInnermostSpanOfItsThread) {
  main_.Launch(5, 70).Begin(10, 1).Begin(20, 1).Launch(21, 71).End(30);
  main_.Launch(31, 72).End(40).Launch(41, 4'000'000'000);
  Encoding encoding;
  const ReplayedLog log = encoding.Finish({&main_});
  const Told told = Read(log);
  ASSERT_THAT(told.launches, SizeIs(4));
  EXPECT_FALSE(told.launches[0].span.has_value());
  EXPECT_EQ(told.launches[1].span.value(), 1);
  EXPECT_EQ(told.launches[2].span.value(), 0);
  EXPECT_FALSE(told.launches[3].span.has_value());
  EXPECT_EQ(told.launches[1].correlation, 71);
  EXPECT_EQ(told.launches[1].time_ns, 21);
  EXPECT_EQ(told.launches[1].thread, 1);
  EXPECT_EQ(told.launches[3].correlation, 4'000'000'000);
  EXPECT_EQ(log.said.launches(), 4);
}

TEST_F(DeviceActivitiesTest, ComeBackAsTheyWereRecorded) {
  // CUPTI's clock is 1000 ahead, within 3.
  cupti_.ActivityClock(100, 1098, 94);
  cupti_.Activity(kKernel, 110, 1, 1050, 8, 71, 7, 0, 1);
  cupti_.Activity(kCopy, 111, 2, 1040, 5, 70, 7, 0, 1, 4096);
  cupti_.Activity(kKernel, 112, 1, 1060, 2, 72, 9, 3, 2);
  Encoding encoding;
  const ReplayedLog log = encoding.Finish({&cupti_});
  const Told told = Read(log);
  ASSERT_THAT(told.activities, SizeIs(3));
  EXPECT_THAT(told.names, ElementsAre("gemm", "Memcpy HtoD", "gemm"));
  const DeviceActivity& copy = told.activities[1];
  EXPECT_EQ(copy.kind, v1::ACTIVITY_KIND_COPY);
  EXPECT_EQ(copy.start_ns, 39);
  EXPECT_EQ(copy.end_ns(), 44);
  EXPECT_EQ(copy.error_ns, 3);
  EXPECT_EQ(copy.correlation, 70);
  EXPECT_EQ(copy.bytes, 4096);
  EXPECT_EQ(told.activities[0].start_ns, 49);
  EXPECT_EQ(told.activities[2].stream, 9);
  EXPECT_EQ(told.activities[2].device, 3);
  EXPECT_EQ(told.activities[2].context, 2);
  EXPECT_EQ(log.said.activities(), 3);
}

TEST_F(DeviceActivitiesTest, ClockIsWithinAllReadingsOfTheChunk) {
  cupti_.ActivityClock(100, 1098, 90).ActivityClock(200, 1199, 198);
  cupti_.Activity(kKernel, 210, 1, 1050, 8, 71, 7, 0, 1);
  Encoding encoding;
  const Told told = Read(encoding.Finish({&cupti_}));
  ASSERT_THAT(told.activities, SizeIs(1));
  EXPECT_EQ(told.activities[0].error_ns, 1);
  EXPECT_EQ(told.activities[0].start_ns, 50);
}

TEST_F(DeviceActivitiesTest, ClockHoldsForLaterChunksAndAfterRecovery) {
  cupti_.ActivityClock(100, 1098, 94);
  cupti_.Activity(kKernel, 110, 1, 1050, 8, 71, 7, 0, 1);
  Encoding first;
  ASSERT_THAT(first.Consume({&cupti_}), IsOk());
  ASSERT_THAT(first.Flush(), IsOk());
  cupti_.Activity(kKernel, 120, 1, 1070, 8, 72, 7, 0, 1);
  Encoding second;
  ASSERT_THAT(second.encoder().Restore(first.encoder().Save(true)), IsOk());
  const ReplayedLog log = second.Finish({&cupti_});
  const Told told = Read(log);
  ASSERT_THAT(told.activities, SizeIs(1));
  EXPECT_EQ(told.activities[0].start_ns, 69);
  EXPECT_EQ(told.activities[0].error_ns, 3);
  EXPECT_EQ(log.said.activities(), 2);
}

TEST_F(DeviceActivitiesTest, WithoutAnyClockTheyMakeNoSense) {
  cupti_.Activity(kKernel, 110, 1, 1050, 8, 71, 7, 0, 1);
  Encoding encoding;
  const ReplayedLog log = encoding.Finish({&cupti_});
  EXPECT_THAT(Read(log).activities, IsEmpty());
  EXPECT_EQ(log.said.dropped_events(), 1);
}

TEST_F(DeviceActivitiesTest, LossesAddUp) {
  cupti_.ActivityLoss(100, 1, 2, 3).ActivityLoss(101, 10, 20, 30);
  Encoding encoding;
  const ReplayedLog log = encoding.Finish({&cupti_});
  ASSERT_THAT(log.chunks, SizeIs(1));
  EXPECT_EQ(log.chunks[0].activity_loss().dropped(), 11);
  EXPECT_EQ(log.chunks[0].activity_loss().unfinished(), 22);
  EXPECT_EQ(log.chunks[0].activity_loss().unreadable(), 33);
  EXPECT_EQ(log.said.lost_activities(), 66);
}

TEST_F(DeviceActivitiesTest, CallsOutsideOfAWindowAreNotRecorded) {
  main_.Launch(10, 1).Window(20, true).Launch(30, 2).Window(40, false);
  main_.Launch(50, 3);
  EncoderOptions options;
  options.recording = false;
  Encoding encoding(options);
  const Told told = Read(encoding.Finish({&main_}));
  ASSERT_THAT(told.launches, SizeIs(1));
  EXPECT_EQ(told.launches[0].correlation, 2);
}

TEST(DeviceActivities, ColumnsThatContradictEachOtherAreDamage) {
  const auto read = [](const char* text) {
    return ReadDeviceActivities(
        ParseText<v1::Events>(text), [](const Launch&) {},
        [](const DeviceActivity&) {});
  };
  EXPECT_THAT(read("launches { times: [1, 2] correlations: 1 spans: [1, 1] }"),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("launches")));
  EXPECT_THAT(read(R"(activities { kinds: "\001" names: 0 starts: 1
                        durations: 1 correlations: 1 bytes: 0 })"),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("clock")));
  EXPECT_THAT(read(R"(activities { kinds: "\001" names: 0 starts: 1
                        durations: 1 correlations: 1 bytes: 0 }
                      activity_clock {})"),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("a name")));
  EXPECT_THAT(read(R"(activities { kinds: "\001\001" names: 0 starts: 1
                        durations: 1 correlations: 1 bytes: 0 }
                      activity_names: "k" activity_clock {})"),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("lengths")));
}

}  // namespace
}  // namespace torchtape::format
