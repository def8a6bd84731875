// Device times of real trainings, on an accelerator whose every time is known.

#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/torch.h>

#include <map>

#include "gmock/gmock.h"
#include "support/fake_accelerator.h"
#include "support/recorded.h"
#include "support/temp_folder.h"
#include "torchtape/module.h"
#include "torchtape/tracker.h"

namespace torchtape {
namespace {

using testing::FakeAccelerator;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::ReadRecorded;
using testing::Recorded;
using testing::RecordedDeviceTime;
using testing::RecordedSpan;
using ::testing::SizeIs;
using testing::TempFolder;

const torch::Device kDevice(torch::kHPU, 0);

struct NetImpl : torch::nn::Module {
  NetImpl() {
    register_module("first", first);
    register_module("second", second);
  }
  torch::Tensor forward(torch::Tensor x) {
    TORCHTAPE_SCOPE(*this);
    return second->forward(torch::relu(first->forward(x)));
  }
  torch::nn::Linear first{8, 16}, second{16, 4};
};
TORCH_MODULE(Net);

class DeviceTimeTest : public ::testing::TestWithParam<OpSource> {
 protected:
  DeviceTimeTest() { FakeAccelerator::Reset(); }

  TrackerOptions Options(DeviceTime level) {
    TrackerOptions options;
    options.log_path = folder_ / "run.tape";
    options.op_source = GetParam();
    options.device_time = level;
    return options;
  }
  Recorded Read() { return ReadRecorded(folder_ / "run.tape"); }

  // What the device was given to do in each step, and the losses.
  struct Training {
    std::vector<int64_t> work_ns;
    std::vector<double> losses;
  };
  static Training Train(Tracker* tracker, int steps) {
    torch::manual_seed(0);
    Net net;
    net->to(kDevice);
    if (tracker != nullptr) tracker->Attach(*net, "net");
    torch::optim::SGD optimizer(net->parameters(), 0.1);
    const torch::Tensor x = torch::randn({32, 8}).to(kDevice);
    const torch::Tensor y = torch::randn({32, 4}).to(kDevice);
    if (tracker != nullptr) tracker->Step();
    Training training;
    for (int step = 0; step < steps; ++step) {
      const int64_t before = FakeAccelerator::WorkNs();
      optimizer.zero_grad();
      torch::Tensor loss = torch::mse_loss(net->forward(x), y);
      loss.backward();
      optimizer.step();
      training.losses.push_back(loss.item<double>());
      training.work_ns.push_back(FakeAccelerator::WorkNs() - before);
      if (tracker != nullptr) tracker->Step();
    }
    return training;
  }

  TempFolder folder_;
};

std::map<uint64_t, int64_t> StepTimes(const Recorded& recorded) {
  std::map<uint64_t, int64_t> times;
  for (const RecordedDeviceTime& time : recorded.device_times) {
    if (time.span == RecordedDeviceTime::kStep) {
      times[time.step] = static_cast<int64_t>(time.duration_ns);
    }
  }
  return times;
}

// Of the spans that `chosen` chooses, by step.
template <typename Chosen>
std::map<uint64_t, int64_t> SpanTimes(const Recorded& recorded, Chosen chosen) {
  std::map<uint64_t, int64_t> times;
  for (const RecordedDeviceTime& time : recorded.device_times) {
    if (time.span == RecordedDeviceTime::kStep) continue;
    const RecordedSpan& span = recorded.spans.at(time.span);
    if (chosen(span))
      times[span.step] += static_cast<int64_t>(time.duration_ns);
  }
  return times;
}

TEST_P(DeviceTimeTest, StepsTakeWhatTheDeviceWasGivenToDo) {
  Tracker tracker(Options(DeviceTime::kSteps));
  const Training training = Train(&tracker, 3);
  ASSERT_TRUE(tracker.Stop().ok());
  const Recorded recorded = Read();
  std::map<uint64_t, int64_t> expected = {{1, training.work_ns[0]},
                                          {2, training.work_ns[1]},
                                          {3, training.work_ns[2]},
                                          {4, 0}};
  std::map<uint64_t, int64_t> times = StepTimes(recorded);
  times.erase(0);  // the device was not in use yet when it began
  EXPECT_EQ(times, expected);
  EXPECT_GT(training.work_ns[1], 10 * FakeAccelerator::kKernelNs);
  EXPECT_EQ(recorded.lost_device_times, 0);
  EXPECT_FALSE(recorded.damaged);
  EXPECT_EQ(recorded.run.at("device_time"), "DEVICE_TIME_LEVEL_STEPS");
}

// Ops, nodes and the rest of a step share its time out among them.
TEST_P(DeviceTimeTest, OpsAndNodesAddUpToTheStep) {
  Tracker tracker(Options(DeviceTime::kOps));
  const Training training = Train(&tracker, 3);
  ASSERT_TRUE(tracker.Stop().ok());
  const Recorded recorded = Read();
  std::map<uint64_t, int64_t> sums =
      SpanTimes(recorded, [](const RecordedSpan& span) {
        return span.kind == "op" || span.kind == "backward";
      });
  for (int step = 0; step < 3; ++step) {
    EXPECT_EQ(sums[step + 1], training.work_ns[step]) << "step " << step + 1;
  }
  EXPECT_EQ(recorded.lost_device_times, 0);
}

TEST_P(DeviceTimeTest, ForwardAndBackwardAreToldApart) {
  Tracker tracker(Options(DeviceTime::kModules));
  torch::manual_seed(0);
  Net net;
  net->to(kDevice);
  tracker.Attach(*net, "net");
  const torch::Tensor x = torch::randn({32, 8}).to(kDevice);
  tracker.Step();
  int64_t before = FakeAccelerator::WorkNs();
  torch::Tensor loss = net->forward(x);
  const int64_t forward_ns = FakeAccelerator::WorkNs() - before;
  loss = loss.sum();
  before = FakeAccelerator::WorkNs();
  loss.backward();
  const int64_t backward_ns = FakeAccelerator::WorkNs() - before;
  FakeAccelerator::Finish();
  ASSERT_TRUE(tracker.Stop().ok());
  const Recorded recorded = Read();
  EXPECT_EQ(SpanTimes(recorded,
                      [](const RecordedSpan& span) {
                        return span.kind == "module" && span.name == "net";
                      })[1],
            forward_ns);
  // What the engine does before the first node is none of the nodes'.
  const int64_t nodes_ns = SpanTimes(recorded, [](const RecordedSpan& span) {
    return span.kind == "backward";
  })[1];
  EXPECT_GT(nodes_ns, 0);
  // Callbacks tell of nodes without what the engine does around them.
  EXPECT_LE(nodes_ns, backward_ns - FakeAccelerator::kKernelNs);
  if (GetParam() == OpSource::kTaps) {
    EXPECT_EQ(nodes_ns, backward_ns - FakeAccelerator::kKernelNs);
  }
  // Both layers are in it, and relu between them.
  const auto layer = [&](const char* name) {
    return SpanTimes(recorded, [&](const RecordedSpan& span) {
      return span.kind == "module" && span.name == name;
    })[1];
  };
  if (GetParam() == OpSource::kTaps) {
    EXPECT_EQ(
        layer("net.first") + layer("net.second") + FakeAccelerator::kKernelNs,
        forward_ns);
  }
  EXPECT_THAT(
      SpanTimes(recorded,
                [](const RecordedSpan& span) { return span.kind == "op"; }),
      IsEmpty());
}

TEST_P(DeviceTimeTest, TrainingIsNotSynchronizedAndComputesTheSame) {
  const Training without = Train(nullptr, 5);
  const int synchronizations = FakeAccelerator::Synchronizations();
  EXPECT_EQ(FakeAccelerator::TimingEvents(), 0);
  FakeAccelerator::Reset();
  Tracker tracker(Options(DeviceTime::kOps));
  const Training with = Train(&tracker, 5);
  ASSERT_TRUE(tracker.Stop().ok());
  EXPECT_EQ(FakeAccelerator::Synchronizations(), synchronizations);
  EXPECT_GT(FakeAccelerator::TimingEvents(), 0);
  EXPECT_EQ(with.losses, without.losses);
  EXPECT_EQ(with.work_ns, without.work_ns);
}

TEST_P(DeviceTimeTest, StepsThatAreNotRecordedGetNoEvents) {
  TrackerOptions options = Options(DeviceTime::kOps);
  options.schedule.wait = 3;
  options.schedule.active = 1;
  Tracker tracker(options);
  const torch::Tensor x = torch::ones({4}, kDevice);
  for (int step = 0; step < 8; ++step) {
    const int before = FakeAccelerator::TimingEvents();
    (void)(x + 1);
    EXPECT_EQ(FakeAccelerator::TimingEvents() - before, step % 4 == 3 ? 2 : 0)
        << step;
    tracker.Step();
  }
  FakeAccelerator::Finish();
  ASSERT_TRUE(tracker.Stop().ok());
  EXPECT_THAT(Read().recorded_steps, SizeIs(2));
}

TEST_P(DeviceTimeTest, OverlapOfStreamsIsKept) {
  Tracker tracker(Options(DeviceTime::kOps));
  const auto* guard = c10::impl::getDeviceGuardImpl(c10::DeviceType::HPU);
  const torch::Tensor x = torch::ones({4}, kDevice);
  FakeAccelerator::Finish();
  (void)(x + 1);
  const c10::Stream before =
      guard->exchangeStream(c10::Stream(c10::Stream::UNSAFE, kDevice, 3));
  (void)(x * 2);
  guard->exchangeStream(before);
  FakeAccelerator::Finish();
  ASSERT_TRUE(tracker.Stop().ok());
  const Recorded recorded = Read();
  std::map<std::string, RecordedDeviceTime> by_name;
  for (const RecordedDeviceTime& time : recorded.device_times) {
    if (time.span == RecordedDeviceTime::kStep) continue;
    by_name[recorded.spans.at(time.span).name] = time;
  }
  const RecordedDeviceTime& add = by_name["aten::add"];
  const RecordedDeviceTime& mul = by_name["aten::mul"];
  EXPECT_EQ(add.stream, 0);
  EXPECT_EQ(mul.stream, 3);
  EXPECT_EQ(add.start_ns, mul.start_ns);
  EXPECT_EQ(add.duration_ns, FakeAccelerator::kKernelNs);
  EXPECT_EQ(mul.duration_ns, FakeAccelerator::kKernelNs);
}

TEST_P(DeviceTimeTest, NothingIsRecordedIntoACapturedStream) {
  const torch::Tensor x = torch::ones({4}, kDevice);
  Tracker tracker(Options(DeviceTime::kOps));
  FakeAccelerator::Capture(0);
  (void)(x + 1);
  tracker.Step();
  FakeAccelerator::Capture(FakeAccelerator::kNone);
  (void)(x + 1);
  FakeAccelerator::Finish();
  ASSERT_TRUE(tracker.Stop().ok());
  EXPECT_EQ(FakeAccelerator::CapturedTimingEvents(), 0);
  // The first op, and both steps: they ended, or began, in the capture.
  EXPECT_EQ(Read().lost_device_times, 3);
}

TEST_P(DeviceTimeTest, TrainingGoesOnWhenTheDeviceFails) {
  const Training without = Train(nullptr, 3);
  FakeAccelerator::Reset();
  Tracker tracker(Options(DeviceTime::kOps));
  FakeAccelerator::FailFrom(30);
  ::testing::internal::CaptureStderr();
  const Training with = Train(&tracker, 3);
  ASSERT_TRUE(tracker.Stop().ok());
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(with.losses, without.losses);
  const std::string told = "torchtape: the device failed while it was timed";
  EXPECT_THAT(said, HasSubstr(told));
  EXPECT_EQ(said.find(told), said.rfind(told)) << "said once";
  const Recorded recorded = Read();
  EXPECT_GT(recorded.lost_device_times, 0);
  EXPECT_FALSE(recorded.damaged);
}

// Each timed span has its time or is counted; none of either twice.
TEST_P(DeviceTimeTest, WhatIsNotOverWhenTheTrackerStopsIsCounted) {
  const torch::Tensor x = torch::ones({4}, kDevice);
  FakeAccelerator::Finish();
  Tracker tracker(Options(DeviceTime::kOps));
  (void)(x + 1);
  FakeAccelerator::Finish();
  (void)(x + 1);
  ASSERT_TRUE(tracker.Stop().ok());
  const Recorded recorded = Read();
  EXPECT_THAT(recorded.device_times, SizeIs(1));
  EXPECT_EQ(recorded.lost_device_times, 2);  // the second op, and the step
}

TEST_P(DeviceTimeTest, OpsOfTheCpuGetNoEvents) {
  const torch::Tensor on_device = torch::ones({4}, kDevice);
  Tracker tracker(Options(DeviceTime::kOps));
  const int before = FakeAccelerator::TimingEvents();
  (void)(torch::ones({4}) + 1);
  EXPECT_EQ(FakeAccelerator::TimingEvents(), before);
}

TEST_P(DeviceTimeTest, OffIsTheDefault) {
  TrackerOptions options;
  options.log_path = folder_ / "run.tape";
  Tracker tracker(options);
  Train(&tracker, 1);
  ASSERT_TRUE(tracker.Stop().ok());
  EXPECT_EQ(FakeAccelerator::TimingEvents(), 0);
  EXPECT_THAT(Read().device_times, IsEmpty());
}

// What the log says of the device's memory is what its allocator knows.
TEST_P(DeviceTimeTest, MemoryIsThatOfTheDevicesAllocator) {
  const size_t before = FakeAccelerator::LiveBytes();
  Tracker tracker(Options(DeviceTime::kOff));
  const Training training = Train(&tracker, 3);
  const size_t after = FakeAccelerator::LiveBytes();
  ASSERT_TRUE(tracker.Stop().ok());
  const Recorded recorded = Read();
  // Threads come one by one, so a free may come before its allocation.
  std::map<uint64_t, uint64_t> blocks;
  uint64_t live = before;
  size_t changes = 0;
  for (const testing::RecordedMemory& memory : recorded.memory) {
    if (!memory.allocation || memory.device != "hpu:0") continue;
    live += blocks[memory.storage] = memory.bytes;
    ++changes;
  }
  for (const testing::RecordedMemory& memory : recorded.memory) {
    if (memory.allocation || blocks.count(memory.storage) == 0) continue;
    live -= blocks[memory.storage];
    ++changes;
  }
  EXPECT_GT(changes, 50);
  EXPECT_EQ(live, after);
  ASSERT_THAT(recorded.device_memory, SizeIs(changes));
  EXPECT_EQ(recorded.device_memory.back().device, "hpu:0");
  EXPECT_EQ(recorded.device_memory.back().allocated_bytes, after);
  EXPECT_EQ(recorded.device_memory.back().reserved_bytes,
            FakeAccelerator::ReservedBytes());
  uint64_t told_peak = 0;
  for (const auto& memory : recorded.device_memory) {
    told_peak = std::max(told_peak, memory.allocated_bytes);
  }
  EXPECT_EQ(told_peak, FakeAccelerator::PeakBytes());
  EXPECT_FALSE(recorded.damaged);
}

TEST_P(DeviceTimeTest, AllocationsOfTheDeviceBelongToTheirOp) {
  Tracker tracker(Options(DeviceTime::kOff));
  const torch::Tensor x = torch::ones({1000}, kDevice);
  const torch::Tensor y = torch::relu(x);
  ASSERT_TRUE(tracker.Stop().ok());
  bool found = false;
  for (const testing::RecordedMemory& memory : Read().memory) {
    found |= memory.device == "hpu:0" && memory.bytes == 4000 &&
             memory.span == "aten::empty";
  }
  EXPECT_TRUE(found);
}

INSTANTIATE_TEST_SUITE_P(Sources, DeviceTimeTest,
                         ::testing::Values(OpSource::kTaps,
                                           OpSource::kCallbacks),
                         [](const auto& info) {
                           return info.param == OpSource::kTaps ? "Taps"
                                                                : "Callbacks";
                         });

}  // namespace
}  // namespace torchtape
