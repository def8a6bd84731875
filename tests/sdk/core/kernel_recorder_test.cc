#include "core/kernel_recorder.h"

#include <dlfcn.h>

#include <map>

#include "absl/strings/str_cat.h"
#include "core/activity_buffers.h"
#include "recording.h"
#include "runtime/fake_cupti.h"
#include "torchtape/format/device_activities.h"

namespace torchtape::internal {
namespace {

using format::DeviceActivity;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::ReplayedLog;
using testing::SeenEvent;
using ::testing::SizeIs;
using testing::StatusIs;
using ::testing::UnorderedElementsAre;

std::string& Said() {
  static std::string* const said = new std::string;
  return *said;
}

// Loaded for good, as the process's CUPTI is.
FakeCupti& Cupti() {
  static FakeCupti* const cupti = [] {
    void* const library =
        dlopen(TORCHTAPE_FAKE_CUPTI, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    return reinterpret_cast<FakeCupti* (*)()>(dlsym(library, "GetFakeCupti"))();
  }();
  return *cupti;
}

class KernelRecorderTest : public Recording {
 protected:
  KernelRecorderTest() {
    Cupti() = FakeCupti();
    reinterpret_cast<FakeCupti* (*)()>(
        dlsym(dlopen(TORCHTAPE_FAKE_CUPTI, RTLD_NOW), "GetFakeCupti"))();
    Said().clear();
  }
  ~KernelRecorderTest() override { CloseKernels(); }

  static absl::StatusOr<uint32_t> Open() {
    return OpenKernels(
        [](const char* what) { absl::StrAppend(&Said(), what, "\n"); });
  }

  // What is recorded of `body`.
  template <typename Body>
  ReplayedLog Record(Body body) {
    EXPECT_THAT(Open(), IsOk());
    EXPECT_THAT(Start(), IsOk());
    InstallKernels();
    body();
    CloseKernels();
    EXPECT_THAT(Stop(), IsOk());
    return Log();
  }

  // Of all chunks, with the op in which each was launched.
  struct Seen {
    DeviceActivity activity;
    std::string name;  // outlives the chunk
    std::string op;    // empty: launched in none
  };
  static std::vector<Seen> Activities(const ReplayedLog& log) {
    std::map<uint32_t, std::string> launched_in;
    std::vector<Seen> seen;
    for (const v1::Events& events : log.chunks) {
      EXPECT_THAT(format::ReadDeviceActivities(
                      events,
                      [&](const format::Launch& launch) {
                        std::string& op = launched_in[launch.correlation];
                        if (!launch.span) return;
                        for (const SeenEvent& event :
                             log.OfKind(v1::EVENT_KIND_BEGIN)) {
                          if (event.span.number == *launch.span &&
                              event.thread == launch.thread)
                            op = event.op;
                        }
                      },
                      [&](const DeviceActivity& activity) {
                        seen.push_back({activity, std::string(activity.name),
                                        launched_in[activity.correlation]});
                      }),
                  IsOk());
    }
    return seen;
  }
  static std::vector<std::string> Names(const ReplayedLog& log) {
    std::vector<std::string> names;
    for (const Seen& seen : Activities(log)) names.push_back(seen.name);
    return names;
  }

  static FakeCupti::Activity Kernel(const char* name, uint32_t correlation) {
    FakeCupti::Activity kernel;
    kernel.name = name;
    kernel.correlation = correlation;
    return kernel;
  }
  static uint32_t Launch() { return Cupti().call(2, "cudaLaunchKernel_v7000"); }
};

TEST_F(KernelRecorderTest, EachKernelHasTheOpThatLaunchedIt) {
  const ReplayedLog log = Record([] {
    uint32_t outer, inner, driver;
    {
      const OpScope op("aten::mm");
      outer = Launch();
      const OpScope nested("aten::copy_");
      inner = Launch();
    }
    {
      const OpScope op("aten::conv");
      driver = Cupti().call(1, "cuLaunchKernel");
    }
    const uint32_t bare = Launch();
    // They become known long after, in another order.
    for (const uint32_t call : {bare, driver, inner, outer}) {
      Cupti().add(Kernel("k", call));
    }
    Cupti().complete();
  });
  std::vector<std::string> ops;
  for (const Seen& seen : Activities(log)) ops.push_back(seen.op);
  EXPECT_THAT(ops, ElementsAre("", "aten::conv", "aten::copy_", "aten::mm"));
  EXPECT_EQ(log.said.activities(), 4);
  EXPECT_EQ(log.said.launches(), 4);
}

TEST_F(KernelRecorderTest, AllKernelsOfAGraphHaveTheLaunchOfTheGraph) {
  const ReplayedLog log = Record([] {
    const OpScope op("replay");
    const uint32_t graph = Cupti().call(2, "cudaGraphLaunch_v10000");
    for (const char* name : {"a", "b", "c"}) Cupti().add(Kernel(name, graph));
    Cupti().complete();
  });
  const std::vector<Seen> seen = Activities(log);
  ASSERT_THAT(seen, SizeIs(3));
  for (const Seen& each : seen) EXPECT_EQ(each.op, "replay");
  EXPECT_EQ(log.said.launches(), 1);
}

TEST_F(KernelRecorderTest, TellsDeviceContextStreamAndDuration) {
  const ReplayedLog log = Record([] {
    FakeCupti::Activity kernel = Kernel("_Z4gemmv", Launch());
    kernel.start = 5'000'000'000;
    kernel.end = 5'000'000'123;
    kernel.device = 3;
    kernel.context = 2;
    kernel.stream = 19;
    Cupti().add(kernel);
    Cupti().complete();
  });
  const std::vector<Seen> seen = Activities(log);
  ASSERT_THAT(seen, SizeIs(1));
  EXPECT_EQ(seen[0].activity.kind, v1::ACTIVITY_KIND_KERNEL);
  EXPECT_EQ(seen[0].name, "_Z4gemmv");
  EXPECT_EQ(seen[0].activity.device, 3);
  EXPECT_EQ(seen[0].activity.context, 2);
  EXPECT_EQ(seen[0].activity.stream, 19);
  EXPECT_EQ(seen[0].activity.duration_ns, 123);
}

TEST_F(KernelRecorderTest, CopiesAndMemsetsHaveBytes) {
  const ReplayedLog log = Record([] {
    FakeCupti::Activity copy;
    copy.kind = 1;
    copy.direction = 1;
    copy.from = 2;
    copy.to = 3;
    copy.bytes = 1ull << 40;
    copy.correlation = Cupti().call(2, "cudaMemcpyAsync_v3020");
    Cupti().add(copy);
    copy.kind = 22;
    copy.direction = 10;
    copy.from = 3;
    Cupti().add(copy);
    FakeCupti::Activity set;
    set.kind = 2;
    set.bytes = 77;
    Cupti().add(set);
    FakeCupti::Activity odd = copy;
    odd.kind = 1;
    odd.direction = odd.from = 200;
    Cupti().add(odd);
    Cupti().complete();
  });
  const std::vector<Seen> seen = Activities(log);
  ASSERT_THAT(seen, SizeIs(4));
  EXPECT_EQ(seen[0].name, "Memcpy HtoD (Pinned -> Device)");
  EXPECT_EQ(seen[0].activity.kind, v1::ACTIVITY_KIND_COPY);
  EXPECT_EQ(seen[0].activity.bytes, 1ull << 40);
  EXPECT_EQ(seen[1].name, "Memcpy PtoP (Device -> Device)");
  EXPECT_EQ(seen[1].activity.correlation, seen[0].activity.correlation);
  EXPECT_EQ(seen[2].name, "Memset");
  EXPECT_EQ(seen[2].activity.kind, v1::ACTIVITY_KIND_SET);
  EXPECT_EQ(seen[2].activity.bytes, 77);
  EXPECT_EQ(seen[3].name, "Memcpy (Unknown -> Device)");
}

TEST_F(KernelRecorderTest, RecordsOfNewerVersionsAreLonger) {
  Cupti().version = 130500;
  Cupti().record_padding = 40;
  const ReplayedLog log = Record([] {
    for (const char* name : {"a", "b", "c"}) {
      Cupti().add(Kernel(name, Launch()));
    }
    Cupti().complete();
  });
  EXPECT_THAT(Names(log), ElementsAre("a", "b", "c"));
}

TEST_F(KernelRecorderTest, TimesAreThoseOfTheLogWithinTheStatedError) {
  // A wall clock's.
  Cupti().clock_offset_ns = 1'700'000'000'000'000'000;
  uint64_t asked = 0;
  ClockPair before = {}, after = {};
  const ReplayedLog log = Record([&] {
    before = ReadClocks();
    FakeCupti::Activity kernel = Kernel("k", Launch());
    kernel.start = asked = before.steady_ns;
    kernel.end = asked + 10;
    Cupti().add(kernel);
    Cupti().complete();
    after = ReadClocks();
  });
  const std::vector<Seen> seen = Activities(log);
  ASSERT_THAT(seen, SizeIs(1));
  const auto expected =
      static_cast<int64_t>(asked - log.content.run.start_steady_ns());
  const auto error = static_cast<int64_t>(seen[0].activity.error_ns);
  EXPECT_LT(error, 50'000'000);
  // The log's clock is a line through readings of its own: some microseconds.
  EXPECT_NEAR(seen[0].activity.start_ns, expected, error + 20'000);
}

TEST_F(KernelRecorderTest, OnlyCallsBetweenInstallAndRemoveAreNoted) {
  ASSERT_THAT(Open(), IsOk());
  ASSERT_THAT(Start(), IsOk());
  Launch();
  InstallKernels();
  EXPECT_THAT(Cupti().kinds, UnorderedElementsAre(1, 2, 10, 22));
  Launch();
  Cupti().call(2, "cudaGetDevice_v3020");
  Cupti().call(2, "cudaLaunchHostFunc_v10000");
  RemoveKernels();
  EXPECT_THAT(Cupti().kinds, IsEmpty());
  EXPECT_THAT(Cupti().enabled, IsEmpty());
  Launch();
  InstallKernels();
  Launch();
  CloseKernels();
  ASSERT_THAT(Stop(), IsOk());
  EXPECT_EQ(Log().said.launches(), 2);
}

TEST_F(KernelRecorderTest, NothingIsLeftAttached) {
  Record([] { Launch(); });
  EXPECT_EQ(Cupti().subscribers, 0);
  EXPECT_THAT(Cupti().kinds, IsEmpty());
  EXPECT_THAT(Cupti().enabled, IsEmpty());
  ASSERT_FALSE(Cupti().flushes.empty());
  EXPECT_EQ(Cupti().flushes.back(), 1);
  // And it can begin anew.
  const ReplayedLog log = Record([] {
    Cupti().add(Kernel("again", Launch()));
    Cupti().complete();
  });
  EXPECT_THAT(Names(log), ElementsAre("again"));
}

TEST_F(KernelRecorderTest, WhatIsNotOverIsCounted) {
  const ReplayedLog log = Record([] {
    Cupti().add(Kernel("over", Launch()));
    FakeCupti::Activity running = Kernel("running", Launch());
    running.end = 0;
    Cupti().add(running);
    running.start = 0;
    Cupti().add(running);
    Cupti().add(Kernel("over too", Launch()));
    // Only a forced flush brings them.
  });
  EXPECT_THAT(Names(log), ElementsAre("over", "over too"));
  ASSERT_THAT(log.chunks, Not(IsEmpty()));
  EXPECT_EQ(log.said.lost_activities(), 2);
  EXPECT_EQ(log.chunks.back().activity_loss().unfinished(), 2);
}

TEST_F(KernelRecorderTest, DropsAreCounted) {
  const ReplayedLog log = Record([] {
    Cupti().add(Kernel("k", Launch()));
    Cupti().dropped = 5;
  });
  EXPECT_THAT(Names(log), ElementsAre("k"));
  EXPECT_EQ(log.said.activities(), 1);
  EXPECT_EQ(log.said.lost_activities(), 5);
}

TEST_F(KernelRecorderTest, ManyMoreThanBuffersHold) {
  constexpr uint64_t kKernels = 100'000;
  const ReplayedLog log = Record([] {
    for (uint64_t i = 0; i < kKernels; ++i) Cupti().add(Kernel("k", 1));
  });
  EXPECT_EQ(log.said.activities() + log.said.lost_activities(), kKernels);
  EXPECT_EQ(Activities(log).size(), log.said.activities());
  EXPECT_GT(log.said.activities(), 70'000);
}

TEST_F(KernelRecorderTest, WhatMakesNoSenseIsCountedAndLeft) {
  const ReplayedLog log = Record([] {
    Cupti().add(Kernel("before", Launch()));
    FakeCupti::Activity nonsense;
    nonsense.kind = 0xdead;
    Cupti().add(nonsense);
    Cupti().add(Kernel("not found", Launch()));
    Cupti().complete();
    Cupti().add(Kernel("after", Launch()));
    FakeCupti::Activity other;
    other.kind = 46;  // that nobody asked for
    Cupti().add(other);
    Cupti().complete();
  });
  EXPECT_THAT(Names(log), ElementsAre("before", "after"));
  EXPECT_EQ(log.said.lost_activities(), 1);
}

TEST_F(KernelRecorderTest, AnotherClientIsLeftAlone) {
  Cupti().subscribers = 1;
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kFailedPrecondition,
                               HasSubstr("another client")));
  InstallKernels();
  CloseKernels();
  EXPECT_EQ(Cupti().subscribers, 1);
  EXPECT_THAT(Cupti().kinds, IsEmpty());
}

TEST_F(KernelRecorderTest, VersionsOfUnknownLayoutAreRefused) {
  for (const uint32_t version : {0u, 17u, 29u, 129999u, 130600u, 140000u}) {
    Cupti().version = version;
    EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kUnimplemented,
                                 HasSubstr(std::to_string(version))));
  }
  EXPECT_EQ(Cupti().subscribers, 0);
  for (const uint32_t version : {18u, 28u, 130000u, 130500u}) {
    Cupti().version = version;
    EXPECT_THAT(Open(), IsOk());
    CloseKernels();
  }
}

TEST_F(KernelRecorderTest, WhyThereIsNoneIsToldInCuptisWords) {
  Cupti().subscribe_result = 15;
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kUnavailable,
                               HasSubstr("CUPTI_ERROR_NOT_INITIALIZED (15)")));
}

TEST_F(KernelRecorderTest, ErrorsLaterAreSaidOnceAndRecordingGoesOn) {
  Cupti().enable_result = 999;
  const ReplayedLog log = Record([] {
    const OpScope op("aten::mm");
    Launch();
  });
  EXPECT_EQ(Said(),
            "kernels are missing: cuptiActivityEnable: CUPTI_ERROR_UNKNOWN "
            "(999)\n");
  EXPECT_THAT(log.OfKind(v1::EVENT_KIND_BEGIN), SizeIs(1));
}

TEST_F(KernelRecorderTest, BuffersComeBackAfterTheRecording) {
  Record([] { Cupti().add(Kernel("k", Launch())); });
  // What CUPTI still asks for and gives back then is not ours to read.
  for (size_t i = 0; i < 3 * ActivityBuffers::kCount; ++i) {
    Cupti().add(Kernel("late", 1));
    Cupti().complete();
  }
  EXPECT_GT(Cupti().refused_buffers, 0);
  const ReplayedLog log = Record([] {
    Cupti().add(Kernel("k", Launch()));
    Cupti().complete();
  });
  EXPECT_THAT(Names(log), ElementsAre("k"));
}

}  // namespace
}  // namespace torchtape::internal
