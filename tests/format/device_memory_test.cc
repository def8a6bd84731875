#include "torchtape/format/device_memory.h"

#include <tuple>
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
using ::testing::IsEmpty;
using testing::IsOk;
using testing::ParseText;
using testing::Records;
using testing::ReplayedLog;
using testing::StatusIs;

constexpr uint32_t kFirst = 1 << 8 | 1;   // cuda:0
constexpr uint32_t kSecond = 1 << 8 | 2;  // cuda:1

// Device index, time, allocated, reserved.
using Entry = std::tuple<int32_t, uint64_t, uint64_t, uint64_t>;

std::vector<Entry> EntriesOf(const ReplayedLog& log) {
  std::vector<Entry> entries;
  for (const v1::Events& events : log.chunks) {
    EXPECT_THAT(ReadDeviceMemory(events,
                                 [&](const DeviceMemory& memory) {
                                   entries.emplace_back(memory.device_index,
                                                        memory.time_ns,
                                                        memory.allocated_bytes,
                                                        memory.reserved_bytes);
                                 }),
                IsOk());
  }
  return entries;
}

TEST(DeviceMemory, IsWhatTheAllocatorSaidAtEachChange) {
  Records main(1);
  main.AllocateOn(kFirst, 10, 0x1000, 64, 64, 4096)
      .AllocateOn(kSecond, 20, 0x9000, 100, 300, 8192)
      .Allocate(25, 0x500, 7)
      .FreeOn(kFirst, 30, 0x1000, 0, 4096);
  const ReplayedLog log = Encoding().Finish({&main});
  EXPECT_THAT(log.problems, IsEmpty());
  EXPECT_THAT(EntriesOf(log),
              ElementsAre(Entry(0, 10, 64, 4096), Entry(0, 30, 0, 4096),
                          Entry(1, 20, 300, 8192)));
  const auto allocations = log.OfKind(v1::EVENT_KIND_ALLOCATE);
  ASSERT_EQ(allocations.size(), 3u);
  EXPECT_EQ(allocations[1].event.device_type, 1u);
  EXPECT_EQ(allocations[1].event.device_index, 1);
  EXPECT_EQ(log.said.frees(), 1u);
}

TEST(DeviceMemory, EachChunkDecodesAlone) {
  Records main(1);
  Encoding encoding;
  main.AllocateOn(kFirst, 10, 0x1000, 64, 64, 4096);
  ASSERT_THAT(encoding.Consume({&main}), IsOk());
  ASSERT_THAT(encoding.Flush(), IsOk());
  main.FreeOn(kFirst, 30, 0x1000, 0, 4096);
  const ReplayedLog log = encoding.Finish({&main});
  EXPECT_EQ(log.chunks.size(), 2u);
  EXPECT_THAT(EntriesOf(log),
              ElementsAre(Entry(0, 10, 64, 4096), Entry(0, 30, 0, 4096)));
}

TEST(DeviceMemory, IsNotToldOutsideOfWindows) {
  EncoderOptions options;
  options.recording = false;
  Records main(1);
  main.AllocateOn(kFirst, 10, 0x1000, 64, 64, 4096)
      .Window(15, true)
      .AllocateOn(kFirst, 20, 0x2000, 64, 128, 4096);
  EXPECT_THAT(EntriesOf(Encoding(options).Finish({&main})),
              ElementsAre(Entry(0, 20, 128, 4096)));
}

TEST(DeviceMemory, ColumnsOfDifferentLengthsAreDamage) {
  const auto events = ParseText<v1::Events>(
      "device_memory { times: [1, 1] allocated: [1, 1] reserved: 1 }");
  EXPECT_THAT(ReadDeviceMemory(events, [](const DeviceMemory&) { FAIL(); }),
              StatusIs(absl::StatusCode::kDataLoss, _));
}

}  // namespace
}  // namespace torchtape::format
