// Full memory and full disks: training goes on, and the log and Stop() say what
// was lost.

#include <atomic>
#include <stdexcept>

#include "recording.h"
#include "support/failing_sink.h"

namespace torchtape::internal {
namespace {

using ::testing::_;
using testing::FailingSink;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::ReplayedLog;
using testing::StatusIs;

std::atomic<int> errors_told{0};

class RecorderFailureTest : public Recording {
 protected:
  RecorderFailureTest() {
    errors_told = 0;
    Recorder::Get().set_on_error([](const absl::Status&) { ++errors_told; });
  }
  ~RecorderFailureTest() override { Recorder::Get().set_on_error(nullptr); }

  // The writer writes as soon as it has an event.
  static RecorderOptions Eager(RecorderOptions options) {
    options.encoder.max_chunk_events = 1;
    return options;
  }
  absl::Status StartOnDiskOf(size_t bytes) {
    return StartWith(Eager(Options()),
                     std::make_unique<FailingSink>(bytes, &bytes_));
  }
  absl::Status StartOnSlowDisk(size_t ring_words) {
    return StartWith(Eager(RingsOf(ring_words, 100)),
                     std::make_unique<SlowDisk::Sink>(&disk_, &bytes_));
  }
  // Spans until recording is off, which the writer thread decides.
  static bool RecordUntilOff() {
    const uint64_t start = SteadyNs();
    while (SteadyNs() - start < uint64_t{60} * 1000000000) {
      const OpScope scope("op");
      if (ThreadRecorder::Current() == nullptr) return true;
    }
    return false;
  }

  SlowDisk disk_;
};

TEST_F(RecorderFailureTest, DiskThatIsFullAtOnceFailsTheStart) {
  EXPECT_THAT(StartOnDiskOf(0),
              StatusIs(absl::StatusCode::kResourceExhausted, _));
  EXPECT_EQ(ThreadRecorder::Current(), nullptr);
  EXPECT_THAT(Start(), IsOk()) << "with another sink";
}

TEST_F(RecorderFailureTest, FullDiskTurnsRecordingOffAndIsToldOnce) {
  ASSERT_THAT(StartOnDiskOf(2000), IsOk());
  ASSERT_TRUE(RecordUntilOff());
  EXPECT_THAT(Recorder::Get().status(),
              StatusIs(absl::StatusCode::kResourceExhausted, _));
  EXPECT_THAT(Stop(), StatusIs(absl::StatusCode::kResourceExhausted, _));
  EXPECT_EQ(errors_told, 1);
}

TEST_F(RecorderFailureTest, WhatFittedOnTheDiskIsRead) {
  ASSERT_THAT(StartOnDiskOf(2000), IsOk());
  ASSERT_TRUE(RecordUntilOff());
  EXPECT_THAT(Stop(), StatusIs(absl::StatusCode::kResourceExhausted, _));
  EXPECT_GT(testing::Replay(bytes_).counted.spans_begun(), 1);
}

TEST_F(RecorderFailureTest, DiskThatIsFullAtTheEndIsReturnedByStop) {
  ASSERT_THAT(StartOnDiskOf(150), IsOk());
  { const OpScope scope("op"); }
  EXPECT_THAT(Stop(), StatusIs(absl::StatusCode::kResourceExhausted, _));
  EXPECT_EQ(errors_told, 1);
}

TEST_F(RecorderFailureTest, ErrorOfOneRecordingIsNotThatOfTheNext) {
  ASSERT_THAT(StartOnDiskOf(150), IsOk());
  { const OpScope scope("op"); }
  EXPECT_FALSE(Stop().ok());
  ASSERT_THAT(Start(), IsOk());
  EXPECT_THAT(Recorder::Get().status(), IsOk());
  EXPECT_THAT(Stop(), IsOk());
}

// Training does not wait: this ends, though the disk takes nothing.
TEST_F(RecorderFailureTest, SlowDiskDropsAndCounts) {
  constexpr uint64_t kSpans = 20000;
  ASSERT_THAT(StartOnSlowDisk(1024), IsOk());
  disk_.set_shut(true);
  for (uint64_t i = 0; i < kSpans; ++i) const OpScope scope("op");
  disk_.set_shut(false);
  EXPECT_THAT(Stop(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("drop")));
  const ReplayedLog log = Log();
  EXPECT_GT(log.said.dropped_events(), 0);
  EXPECT_GT(log.said.spans_begun(), 0);
  EXPECT_EQ(log.said.spans_begun() + log.said.dropped_events(), kSpans);
}

TEST_F(RecorderFailureTest, ThreadsWithoutMemoryForARingAreCounted) {
  ASSERT_THAT(StartWith(RingsOf(512, 2), format::ToString(&bytes_)), IsOk());
  std::atomic<int> joined{0};
  OnThreads(5, [&joined] {
    { const OpScope scope("op"); }
    ++joined;
    while (joined != 5) std::this_thread::yield();  // all live at once
  });
  EXPECT_THAT(Stop(), StatusIs(absl::StatusCode::kDataLoss, _));
  const ReplayedLog log = Log();
  EXPECT_EQ(log.said.spans_begun(), 2);
  EXPECT_EQ(log.said.dropped_events(), 3);
}

TEST_F(RecorderFailureTest, RecordedAndDroppedIsAllThatHappenedOnAllThreads) {
  constexpr uint64_t kThreads = 4, kSpans = 20000;
  ASSERT_THAT(StartOnSlowDisk(256), IsOk());
  std::atomic<uint64_t> address{0x1000};  // of memory that stays
  OnThreads(kThreads, [&] {
    for (uint64_t i = 0; i < kSpans; ++i) {
      const OpScope scope("op");
      ThreadRecorder::Current()->Allocate(0, ++address, 1);
    }
  });
  Stop().IgnoreError();  // DataLoss, unless the writer was that fast
  const ReplayedLog log = Log();
  EXPECT_EQ(log.said.spans_begun() + log.said.allocations() +
                log.said.dropped_events(),
            2 * kThreads * kSpans);
}

TEST_F(RecorderFailureTest, ExceptionOfTheSinkIsAnError) {
  class ThrowingSink : public FailingSink {
   public:
    using FailingSink::FailingSink;
    absl::Status Append(absl::string_view bytes) override {
      if (++calls_ > 4) throw std::runtime_error("thrown by the sink");
      return FailingSink::Append(bytes);
    }

   private:
    int calls_ = 0;
  };
  ASSERT_THAT(StartWith(Eager(Options()),
                        std::make_unique<ThrowingSink>(1 << 20, &bytes_)),
              IsOk());
  ASSERT_TRUE(RecordUntilOff());
  EXPECT_THAT(Stop(), StatusIs(absl::StatusCode::kInternal,
                               HasSubstr("thrown by the sink")));
}

}  // namespace
}  // namespace torchtape::internal
