#include "totals/device_memory_totals.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "viewer/sample_run.h"

namespace torchtape::viewer {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

constexpr uint32_t kCuda = 1 << 8 | 1;

// Thread 1 allocates on the CPU, thread 2 on cuda:0.
LogBuilder TwoDevices() {
  LogBuilder log;
  const uint32_t op = log.Op("a");
  log.Begin(1, 100, op);
  log.Allocate(1, 110, 1, 4096);
  log.End(1, 120);
  log.Allocate(2, 130, 2, 1024, kCuda);
  log.Allocate(2, 140, 3, 2048, kCuda);
  log.DeviceMemory(140, 5000, 8192);
  log.Step(1, 150);
  log.Free(2, 160, 2);
  log.Allocate(2, 170, 4, 512, kCuda);
  log.Free(2, 180, 3);
  log.DeviceMemory(180, 2000, 8192);
  log.Step(2, 190);
  return log;
}

Json MemoryOf(const Json& summary, const std::string& device) {
  return Entry(summary["memory"]["devices"], "name", device);
}

TEST(DeviceMemoryTotals, EachDeviceHasItsOwn) {
  const std::string bytes = TwoDevices().Finish();
  const Json summary = JsonOf(Summary, bytes);
  const Json cuda = MemoryOf(summary, "cuda:0");
  EXPECT_EQ(cuda["alloc_count"], 3);
  EXPECT_EQ(cuda["free_count"], 2);
  EXPECT_EQ(cuda["allocated_bytes"], 3584);
  EXPECT_EQ(cuda["peak_bytes"], 3072);
  EXPECT_EQ(cuda["allocator_peak_bytes"], 5000);
  EXPECT_EQ(cuda["allocator_reserved_peak_bytes"], 8192);
  const Json cpu = MemoryOf(summary, "cpu");
  EXPECT_EQ(cpu["peak_bytes"], 4096);
  EXPECT_EQ(cpu["allocator_peak_bytes"], nullptr);
  EXPECT_EQ(summary["memory"]["peak_bytes"], 4096 + 3072);
  EXPECT_THAT(TextOf(Summary, bytes),
              HasSubstr("cuda:0 peak 3.0 KiB   3 allocations of 3.5 KiB   its "
                        "allocator gave out 4.9 KiB, held 8.0 KiB"));
}

TEST(DeviceMemoryTotals, AStepBeginsWithWhatIsLive) {
  VerbOptions options;
  options.steps = {1, 1, "--step 1"};
  const Json cuda =
      MemoryOf(JsonOf(Summary, TwoDevices().Finish(), options), "cuda:0");
  EXPECT_EQ(cuda["alloc_count"], 1);
  EXPECT_EQ(cuda["peak_bytes"], 3072);
  EXPECT_EQ(cuda["allocator_peak_bytes"], 2000);
}

TEST(DeviceMemoryTotals, CpuAloneHasNoLineOfItsOwn) {
  EXPECT_THAT(TextOf(Summary, SampleRun().Finish()),
              Not(HasSubstr("cpu peak")));
}

TEST(DeviceMemoryTotals, PeakIsUnknownWhereFreesWereLost) {
  LogBuilder log;
  log.Allocate(2, 100, 1, 1024, kCuda);
  log.NewChunk();
  log.Free(2, 200, 1);
  log.NewChunk();
  log.Allocate(2, 300, 2, 1024, kCuda);
  std::string bytes = log.Finish();
  bytes[log.offsets()[1] + 50] ^= 1;
  const Json cuda = MemoryOf(JsonOf(Summary, bytes), "cuda:0");
  EXPECT_EQ(cuda["peak_bytes"], nullptr);
  EXPECT_EQ(cuda["alloc_count"], 2);
}

}  // namespace
}  // namespace torchtape::viewer
