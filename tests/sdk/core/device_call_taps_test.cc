#include "core/device_call_taps.h"

#include <dlfcn.h>

#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "recording.h"

namespace torchtape::internal {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::ReplayedLog;
using testing::SeenEvent;
using ::testing::SizeIs;

// What loads a runtime, which is a stand-in. Never unloaded.
struct Device {
  Device() {
    void* const library = dlopen(TORCHTAPE_USES_DEVICE, RTLD_NOW | RTLD_LOCAL);
    EXPECT_NE(library, nullptr) << dlerror();
    if (library == nullptr) return;
    use = reinterpret_cast<int (*)()>(dlsym(library, "UseDevice"));
    take_calls =
        reinterpret_cast<const char* (*)()>(dlsym(library, "TakeCalls"));
    set_error = reinterpret_cast<void (*)(int)>(dlsym(library, "Return"));
  }
  static Device& Get() {
    static Device* const device = new Device;
    return *device;
  }

  int (*use)() = nullptr;
  const char* (*take_calls)() = nullptr;
  void (*set_error)(int) = nullptr;
};

class DeviceCallTaps : public Recording {
 protected:
  DeviceCallTaps() { Device::Get().set_error(0); }
  ~DeviceCallTaps() override { RemoveDeviceCallTaps(); }

  // What is recorded of `body`, with the taps placed.
  template <typename Body>
  ReplayedLog Record(Body body) {
    EXPECT_THAT(Start(), IsOk());
    InstallDeviceCallTaps();
    body();
    RemoveDeviceCallTaps();
    EXPECT_THAT(Stop(), IsOk());
    return Log();
  }

  static std::vector<SeenEvent> Begins(const ReplayedLog& log) {
    return log.OfKind(v1::EVENT_KIND_BEGIN);
  }
};

TEST_F(DeviceCallTaps, EachCallIsASpanWithBytesAndStream) {
  const std::vector<SeenEvent> begins =
      Begins(Record([] { Device::Get().use(); }));
  std::vector<std::string> calls;
  for (const SeenEvent& begin : begins) {
    calls.push_back(begin.op +
                    absl::StrReplaceAll(
                        begin.values,
                        {{"integer:", ","}, {";", ""}, {"\n", ""}, {" ", ""}}));
  }
  EXPECT_THAT(
      calls, ElementsAre("cudaLaunchKernel,112", "cudaLaunchKernelExC,119",
                         "cudaGraphLaunch,113", "cudaMemcpy,4096,1",
                         "cudaMemcpyAsync,1099511627776,2,114",
                         "cudaMemsetAsync,512,115", "cudaStreamSynchronize,116",
                         "cudaEventSynchronize", "cudaDeviceSynchronize"));
}

TEST_F(DeviceCallTaps, TheRuntimeGetsWhatItWouldGetWithoutThem) {
  Device& device = Device::Get();
  device.take_calls();
  device.use();
  const std::string without = device.take_calls();
  const std::vector<std::string> lines = absl::StrSplit(without, '\n');
  EXPECT_THAT(lines, SizeIs(10));  // the last is empty
  EXPECT_THAT(without, HasSubstr("0x22 1 2 3 4 5 6 0x11 99 0x70"));
  std::string with;
  Record([&] {
    device.use();
    with = device.take_calls();
  });
  EXPECT_EQ(with, without);
}

TEST_F(DeviceCallTaps, ErrorsArePassedOnAndTold) {
  Device& device = Device::Get();
  device.set_error(700);
  int sum = 0;
  const ReplayedLog log = Record([&] { sum = device.use(); });
  EXPECT_EQ(sum, 9 * 700);
  const std::vector<SeenEvent> ends = log.OfKind(v1::EVENT_KIND_END);
  ASSERT_THAT(ends, SizeIs(9));
  for (const SeenEvent& end : ends) EXPECT_NE(end.event.result, 0) << end.op;
}

TEST_F(DeviceCallTaps, NothingIsTappedBeforeAndAfter) {
  Device& device = Device::Get();
  ASSERT_THAT(Start(), IsOk());
  device.use();
  InstallDeviceCallTaps();
  RemoveDeviceCallTaps();
  device.use();
  ASSERT_THAT(Stop(), IsOk());
  EXPECT_THAT(Log().events, IsEmpty());
}

TEST_F(DeviceCallTaps, CallsNestInTheOpThatMakesThem) {
  const ReplayedLog log = Record([] {
    const OpScope op("aten::item");
    Device::Get().use();
  });
  const std::vector<SeenEvent> begins = Begins(log);
  ASSERT_THAT(begins, SizeIs(10));
  EXPECT_EQ(begins[0].op, "aten::item");
  EXPECT_EQ(begins[9].event.depth, 1);
}

}  // namespace
}  // namespace torchtape::internal
