// Recordings that keep their last steps only, on a real disk.

#include <sys/stat.h>

#include <algorithm>

#include "recording.h"
#include "support/recovered.h"
#include "support/temp_folder.h"

namespace torchtape::internal {
namespace {

using testing::EventCounts;
using ::testing::IsEmpty;
using testing::IsOk;

int times_told = 0;

class RecorderKeepLastTest : public Recording {
 protected:
  RecorderKeepLastTest() {
    times_told = 0;
    Recorder::Get().set_on_keeps_all([](const absl::Status&) { ++times_told; });
  }
  ~RecorderKeepLastTest() override {
    Recorder::Get().set_on_keeps_all(nullptr);
  }

  static RecorderOptions KeepSteps(uint64_t steps) {
    RecorderOptions options = Options();
    options.encoder.max_chunk_events = 2000;
    options.retention.keep_last.steps = steps;
    options.retention.least_batch_bytes = uint64_t{64} << 10;
    options.retention.most_batch_bytes = uint64_t{64} << 10;
    return options;
  }

  // 150 events, of which no step's are like another's.
  static void MakeStep(uint64_t step) {
    ThreadRecorder& recorder = *ThreadRecorder::Current();
    const auto await_room = [&recorder] {
      while (recorder.ring()->Reserve(256, 0) == nullptr) {
        std::this_thread::yield();
      }
    };
    await_room();
    recorder.Step(step, true);
    for (int i = 0; i < 50; ++i) {
      await_room();
      const OpScope scope("op");
      if (i % 2 == 0) continue;
      const uint64_t number =
          (step - 1) * 25 + static_cast<uint64_t>(i) / 2 + 1;
      const uint64_t address = number * 0x9e3779b97f4a7c15 >> 16;
      recorder.Allocate(0, address, number);
      recorder.Free(address);
    }
  }

  struct stat Facts() const {
    struct stat facts = {};
    stat(log_.c_str(), &facts);
    return facts;
  }

  testing::TempFolder folder_;
  const std::string log_ = folder_ / "run.tape";
};

TEST_F(RecorderKeepLastTest, AnEndlessRunTakesBoundedDisk) {
  constexpr uint64_t kSteps = 15000;
  // Summaries of some 20 bytes a step, what is kept, and two batches on their
  // way; the rest is the file system's.
  constexpr int64_t kBoundBytes = 768 << 10;
  ASSERT_THAT(StartWith(KeepSteps(100), *format::CreateFile(log_)), IsOk());
  int64_t most = 0;
  for (uint64_t step = 1; step <= kSteps; ++step) {
    MakeStep(step);
    if (step % 10 == 0) most = std::max<int64_t>(most, Facts().st_blocks * 512);
  }
  ASSERT_THAT(Stop(), IsOk());
  EXPECT_LT(most, kBoundBytes);
  EXPECT_LT(Facts().st_blocks * 512, kBoundBytes);
  EXPECT_GT(Facts().st_size, 2 * kBoundBytes) << "else nothing was to release";
  const EventCounts counts(*format::OpenFile(log_));
  EXPECT_THAT(counts.problems(), IsEmpty());
  EXPECT_GE(counts.all(), 100 * 150);
  EXPECT_EQ(counts.all() + counts.summarized(), kSteps * 150);
  EXPECT_EQ(times_told, 0);
}

// As on a file system that has no holes.
TEST_F(RecorderKeepLastTest, WhereNothingCanBeGivenBackAllIsKept) {
  SlowDisk disk;
  ASSERT_THAT(StartWith(KeepSteps(10),
                        std::make_unique<SlowDisk::Sink>(&disk, &bytes_)),
              IsOk());
  EXPECT_EQ(times_told, 1);
  for (uint64_t step = 1; step <= 3000; ++step) MakeStep(step);
  ASSERT_THAT(Stop(), IsOk());
  EXPECT_EQ(times_told, 1);
  EXPECT_EQ(Log().counted.spans_begun(), 3000 * 50);
}

}  // namespace
}  // namespace torchtape::internal
