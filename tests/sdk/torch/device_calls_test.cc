// A tracker in a program that has a device's runtime library, which is a
// stand-in.

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <torchtape/tracker.h>

#include <algorithm>
#include <string>
#include <vector>

#include "support/recorded.h"
#include "support/temp_folder.h"

namespace torchtape::testing {
namespace {

// What is recorded of a use of the device that is loaded while recording goes
// on, or not loaded.
std::vector<std::string> CallsOf(bool device_calls, bool load) {
  const TempFolder folder;
  TrackerOptions options;
  options.log_path = folder / "run.tape";
  options.device_calls = device_calls;
  Tracker tracker(options);
  if (load) {
    void* const library = dlopen(USES_DEVICE, RTLD_NOW | RTLD_LOCAL);
    EXPECT_NE(library, nullptr) << dlerror();
    tracker.Step();  // looks at what was loaded
    if (library != nullptr) {
      reinterpret_cast<int (*)()>(dlsym(library, "UseDevice"))();
    }
  }
  EXPECT_TRUE(tracker.Stop().ok());
  std::vector<std::string> calls;
  for (const RecordedSpan& span : ReadRecorded(options.log_path).spans) {
    calls.push_back(span.name);
    EXPECT_TRUE(span.ended);
    EXPECT_EQ(span.call_site.rfind("libuses_device", 0), 0) << span.call_site;
  }
  return calls;
}

// In this order: the runtime is loaded for good.
TEST(DeviceCalls, AreRecordedWhenAskedForAsSoonAsThereIsARuntime) {
  EXPECT_EQ(CallsOf(true, false), std::vector<std::string>());
  const std::vector<std::string> calls = CallsOf(true, true);
  EXPECT_EQ(calls.size(), 9u);
  EXPECT_EQ(std::count(calls.begin(), calls.end(), "cudaMemcpyAsync"), 1);
  EXPECT_EQ(CallsOf(false, true), std::vector<std::string>());
  EXPECT_EQ(CallsOf(true, true).size(), 9u);
}

}  // namespace
}  // namespace torchtape::testing
