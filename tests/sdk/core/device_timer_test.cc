#include "core/device_timer.h"

#include <algorithm>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "thread_recording.h"
#include "torchtape/format/device_times.h"

namespace torchtape::internal {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::ReplayedLog;
using ::testing::SizeIs;

// A device whose streams work in a time of their own: what is put into a stream
// is over once the test lets the device's time reach it.
class FakeDevice final : public DeviceEvents {
 public:
  struct Event {
    int64_t at_ns = 0;
  };

  void Work(int64_t ns) { ends_[stream_] = End(stream_) + ns; }
  void UseStream(uint64_t id) { stream_ = id; }
  void RunUntil(int64_t ns) { now_ns_ = ns; }
  void RunAll() {
    for (const auto& [id, end] : ends_) now_ns_ = std::max(now_ns_, end);
  }

  bool FindStream(const void* node, DeviceStream* stream) override {
    *stream = {kDevice, node != nullptr ? node_stream : stream_};
    return in_use;
  }
  bool IsCapturing(DeviceStream stream) override {
    return stream.id == capturing;
  }
  void Record(void** event, DeviceStream stream) override {
    if (--calls_until_error == 0) throw std::runtime_error("device lost");
    if (*event == nullptr) {
      events_.push_back(std::make_unique<Event>());
      *event = events_.back().get();
    }
    EXPECT_NE(stream.id, capturing);
    static_cast<Event*>(*event)->at_ns = End(stream.id);
  }
  bool IsOver(void* event, DeviceStream) override {
    if (--calls_until_error == 0) throw std::runtime_error("device lost");
    ++queries;
    return static_cast<Event*>(event)->at_ns <= now_ns_;
  }
  int64_t ElapsedNs(void* from, void* to, DeviceStream) override {
    EXPECT_LE(static_cast<Event*>(from)->at_ns, now_ns_);
    EXPECT_LE(static_cast<Event*>(to)->at_ns, now_ns_);
    return static_cast<Event*>(to)->at_ns - static_cast<Event*>(from)->at_ns;
  }

  size_t events() const { return events_.size(); }

  static constexpr uint32_t kDevice = 20 << 8 | 1;
  static constexpr uint64_t kNone = ~uint64_t{0};
  bool in_use = true;
  uint64_t capturing = kNone;
  uint64_t node_stream = 5;
  int calls_until_error = 0;
  int queries = 0;

 private:
  int64_t End(uint64_t stream) { return std::max(ends_[stream], now_ns_); }

  uint64_t stream_ = 0;
  std::map<uint64_t, int64_t> ends_;  // of what is in each stream
  int64_t now_ns_ = 0;
  std::vector<std::unique_ptr<Event>> events_;
};

std::vector<std::string> said;

class DeviceTimerTest : public ThreadRecording {
 protected:
  DeviceTimerTest() : ThreadRecording(1 << 17) {
    said.clear();
    Use(100);
  }
  ~DeviceTimerTest() override { timer_->Stop(nullptr); }

  void Use(size_t pairs) {
    if (timer_) timer_->Stop(nullptr);
    timer_ = std::make_unique<DeviceTimer>(
        &device_, [](const char* what) { said.emplace_back(what); }, pairs);
    timer_->Start();
  }
  void BeginTimed(
      const std::string& name, size_t key,
      ThreadRecorder::Call::Timed timed = ThreadRecorder::Call::kAlways) {
    ThreadRecorder::Call call = CallOf(name);
    call.key = Key(key);
    call.timed = timed;
    call.times_all = timed == ThreadRecorder::Call::kOutside;
    recorder().Begin(call);
  }
  // A span in which the device is given so much to do.
  void Span(const std::string& name, int64_t ns) {
    BeginTimed(name, 1);
    device_.Work(ns);
    End(1);
  }
  void Resolve() { timer_->Resolve(&recorder()); }

  // Stops, and reads what the log tells.
  void Read() {
    timer_->Stop(&recorder());
    log_ = Finish();
    for (const v1::Events& events : log_.chunks) {
      const absl::Status status = format::ReadDeviceTimes(
          events,
          [this](const format::DeviceTime& time) { times_.push_back(time); });
      EXPECT_TRUE(status.ok()) << status;
      loss_.MergeFrom(events.device_loss());
    }
  }
  std::vector<uint64_t> Durations() const {
    std::vector<uint64_t> durations;
    for (const auto& time : times_) durations.push_back(time.duration_ns);
    return durations;
  }
  // By the name of the span.
  std::map<std::string, uint64_t> ByName() const {
    std::vector<std::string> names;
    for (const testing::SeenEvent& event : log_.events) {
      if (event.event.kind == v1::EVENT_KIND_BEGIN) names.push_back(event.op);
    }
    std::map<std::string, uint64_t> times;
    for (const auto& time : times_) {
      times[names.at(time.number)] = time.duration_ns;
    }
    return times;
  }

  FakeDevice device_;
  std::unique_ptr<DeviceTimer> timer_;
  ReplayedLog log_;
  std::vector<format::DeviceTime> times_;
  v1::DeviceLoss loss_;
};

TEST_F(DeviceTimerTest, TimesAreExactAndNest) {
  BeginTimed("outer", 1);
  device_.Work(100);
  BeginTimed("inner", 2);
  device_.Work(20);
  End(2);
  device_.Work(3);
  End(1);
  device_.RunAll();
  Read();
  EXPECT_EQ(ByName(),
            (std::map<std::string, uint64_t>{{"outer", 123}, {"inner", 20}}));
  EXPECT_EQ(loss_.ByteSizeLong(), 0);
}

TEST_F(DeviceTimerTest, TimeBecomesKnownLongAfterTheSpanIsOver) {
  Span("early", 1000);
  Span("late", 2000);
  Resolve();
  EXPECT_EQ(timer_->in_use(), 2);
  device_.RunUntil(1000);
  Resolve();
  EXPECT_EQ(timer_->in_use(), 1);
  device_.RunUntil(3000);
  Read();
  EXPECT_EQ(ByName(),
            (std::map<std::string, uint64_t>{{"early", 1000}, {"late", 2000}}));
}

TEST_F(DeviceTimerTest, BusyStreamDoesNotHoldUpAnother) {
  Span("slow", 1000);
  device_.UseStream(3);
  Span("quick", 10);
  device_.RunUntil(10);
  Resolve();
  EXPECT_EQ(timer_->in_use(), 1);
  device_.RunAll();
  Read();
  ASSERT_THAT(times_, SizeIs(2));
  EXPECT_EQ(times_[0].stream, 0);
  EXPECT_EQ(times_[1].stream, 3);
  // Both streams began at once.
  EXPECT_EQ(times_[0].start_ns, times_[1].start_ns);
}

// One query is enough to know that a stream is behind.
TEST_F(DeviceTimerTest, StreamThatIsBehindIsAskedOnceALook) {
  for (int i = 0; i < 20; ++i) Span("op", 5);
  Resolve();
  EXPECT_EQ(device_.queries, 1);
}

TEST_F(DeviceTimerTest, StepHasATime) {
  timer_->BeginStep(7);
  device_.Work(50);
  timer_->EndStep();
  device_.RunAll();
  Read();
  ASSERT_THAT(times_, SizeIs(1));
  EXPECT_EQ(times_[0].thread, 0);
  EXPECT_EQ(times_[0].number, 7);
  EXPECT_EQ(times_[0].duration_ns, 50);
}

TEST_F(DeviceTimerTest, OpInsideOfAnotherHasNoTimeOfItsOwn) {
  BeginTimed("linear", 1, ThreadRecorder::Call::kOutside);
  BeginTimed("addmm", 2, ThreadRecorder::Call::kOutside);
  device_.Work(5);
  End(2);
  End(1);
  BeginTimed("relu", 1, ThreadRecorder::Call::kOutside);
  device_.Work(2);
  End(1);
  device_.RunAll();
  Read();
  EXPECT_EQ(ByName(),
            (std::map<std::string, uint64_t>{{"linear", 5}, {"relu", 2}}));
}

TEST_F(DeviceTimerTest, BackwardNodeIsTimedOnItsOwnStream) {
  ThreadRecorder::Call call = CallOf("node");
  call.key = Key(1);
  call.timed = ThreadRecorder::Call::kAlways;
  call.node = this;
  recorder().Begin(call);
  End(1);
  device_.RunAll();
  Read();
  ASSERT_THAT(times_, SizeIs(1));
  EXPECT_EQ(times_[0].stream, device_.node_stream);
}

TEST_F(DeviceTimerTest, EventsAreUsedAgain) {
  for (int i = 0; i < 1000; ++i) {
    Span("op", 1);
    device_.RunAll();
  }
  Read();
  EXPECT_EQ(Durations(), std::vector<uint64_t>(1000, 1));
  // So many ends are let pass before one looks; the origin keeps one event.
  EXPECT_LE(device_.events(), 2 * 33 + 1);
}

TEST_F(DeviceTimerTest, LackOfEventsIsCountedAndSaidOnce) {
  Use(2);
  for (int i = 0; i < 5; ++i) Span("op", 10);
  device_.RunAll();
  Read();
  EXPECT_THAT(Durations(), ElementsAre(10, 10));
  EXPECT_EQ(loss_.exhausted(), 3);
  EXPECT_THAT(said, SizeIs(1));
}

TEST_F(DeviceTimerTest, NothingIsRecordedIntoAStreamThatIsCaptured) {
  device_.capturing = 0;
  Span("captured", 10);
  device_.UseStream(1);
  Span("elsewhere", 3);
  device_.capturing = FakeDevice::kNone;
  device_.RunAll();
  Read();
  EXPECT_THAT(Durations(), ElementsAre(3));
  EXPECT_EQ(loss_.capturing(), 1);
}

TEST_F(DeviceTimerTest, SpanInACaptureLosesOneTimeWithAllThatIsInsideOfIt) {
  device_.capturing = 0;
  for (int i = 0; i < 2; ++i) {
    BeginTimed("outer", 1, ThreadRecorder::Call::kOutside);
    BeginTimed("inner", 2, ThreadRecorder::Call::kOutside);
    End(2);
    End(1);
  }
  device_.capturing = FakeDevice::kNone;
  BeginTimed("outer", 1, ThreadRecorder::Call::kOutside);
  device_.Work(10);
  End(1);
  device_.RunAll();
  Read();
  EXPECT_THAT(Durations(), ElementsAre(10));
  EXPECT_EQ(loss_.capturing(), 2);
}

TEST_F(DeviceTimerTest, CaptureThatBeginsInsideOfASpanCostsItsTime) {
  BeginTimed("op", 1);
  device_.capturing = 0;
  End(1);
  device_.capturing = FakeDevice::kNone;
  Read();
  EXPECT_THAT(times_, IsEmpty());
  EXPECT_EQ(loss_.capturing(), 1);
}

TEST_F(DeviceTimerTest, DeviceIsNotAskedWhileItCaptures) {
  Span("op", 1);
  device_.RunAll();
  device_.capturing = 0;
  Resolve();
  EXPECT_EQ(device_.queries, 0);
  device_.capturing = FakeDevice::kNone;
  Read();
  EXPECT_THAT(Durations(), ElementsAre(1));
}

TEST_F(DeviceTimerTest, ErrorOfTheDeviceIsCountedAndSaidOnce) {
  Span("good", 4);
  device_.RunAll();
  Resolve();
  Span("pending", 4);
  device_.calls_until_error = 2;  // the second event of the next span
  Span("bad", 4);
  Span("after", 4);
  device_.RunAll();
  Read();
  EXPECT_EQ(ByName(), (std::map<std::string, uint64_t>{{"good", 4}}));
  EXPECT_EQ(loss_.failed(), 2);
  EXPECT_EQ(loss_.unresolved(), 1);
  EXPECT_THAT(said, SizeIs(1));
}

TEST_F(DeviceTimerTest, ErrorWhileAskingCostsAllThatWait) {
  Span("a", 4);
  Span("b", 4);
  device_.RunAll();
  device_.calls_until_error = 2;
  Read();
  EXPECT_THAT(Durations(), ElementsAre(4));
  EXPECT_EQ(loss_.failed(), 1);
  EXPECT_EQ(timer_->in_use(), 0);
}

TEST_F(DeviceTimerTest, WhatIsNotOverAtTheEndIsCounted) {
  Span("over", 10);
  device_.RunAll();
  Span("not over", 10);
  BeginTimed("open", 2);
  Read();
  EXPECT_THAT(Durations(), ElementsAre(10));
  EXPECT_EQ(loss_.unresolved(), 2);
}

TEST_F(DeviceTimerTest, TimesOfARecordingAreNotToldInTheNext) {
  Span("old", 10);
  timer_->Stop(&recorder());
  timer_->Start();
  device_.RunAll();
  Span("new", 3);
  device_.RunAll();
  Read();
  EXPECT_EQ(ByName(), (std::map<std::string, uint64_t>{{"new", 3}}));
  EXPECT_EQ(timer_->in_use(), 0);
}

TEST_F(DeviceTimerTest, DeviceThatIsNotUsedGetsNoEvent) {
  device_.in_use = false;
  Span("cpu", 0);
  Read();
  EXPECT_EQ(device_.events(), 0);
  EXPECT_EQ(loss_.ByteSizeLong(), 0);
}

TEST_F(DeviceTimerTest, SpanThatIsCutLosesItsTime) {
  BeginTimed("outer", 1);
  BeginTimed("never ends", 2);
  End(1);
  device_.RunAll();
  Read();
  EXPECT_THAT(times_, SizeIs(1));
  EXPECT_EQ(loss_.unresolved(), 1);
}

// Seconds of the device's time, told to the nanosecond from step to step.
TEST_F(DeviceTimerTest, StartsLieWhereTheDeviceHasThem) {
  for (int i = 0; i < 40; ++i) {
    Span("op", 100'000'000);
    device_.RunAll();
    Resolve();
  }
  Read();
  ASSERT_THAT(times_, SizeIs(40));
  for (size_t i = 1; i < times_.size(); ++i) {
    EXPECT_EQ(times_[i].start_ns,
              times_[0].start_ns + 100'000'000 * int64_t(i));
  }
}

}  // namespace
}  // namespace torchtape::internal
