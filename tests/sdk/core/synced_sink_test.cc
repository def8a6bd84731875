// What is on the disk when the power goes.

#include "core/synced_sink.h"

#include <atomic>
#include <chrono>
#include <functional>
#include <thread>

#include "recording.h"

namespace torchtape::internal {
namespace {

using std::chrono::milliseconds;
using testing::IsOk;
using testing::StatusIs;

// Keeps what was appended in a cache, and of it on the disk what was synced.
class Disk {
 public:
  class Sink : public format::ByteSink {
   public:
    explicit Sink(Disk* disk) : disk_(*disk) {}
    absl::Status Append(absl::string_view bytes) override {
      std::lock_guard<std::mutex> lock(disk_.mutex_);
      disk_.cache_.append(bytes.data(), bytes.size());
      return absl::OkStatus();
    }
    absl::Status Sync() override {
      std::unique_lock<std::mutex> lock(disk_.mutex_);
      ++disk_.syncs_;
      disk_.changed_.wait(lock, [this] { return !disk_.stuck_; });
      if (disk_.broken_) return absl::UnavailableError("the test's disk broke");
      disk_.disk_ = disk_.cache_;
      disk_.changed_.notify_all();
      return absl::OkStatus();
    }
    absl::Status Release(uint64_t, uint64_t, absl::string_view) override {
      std::lock_guard<std::mutex> lock(disk_.mutex_);
      disk_.at_release_ = disk_.disk_;
      return absl::OkStatus();
    }
    absl::Status CanRelease() const override { return absl::OkStatus(); }
    absl::Status Close() override { return absl::OkStatus(); }

   private:
    Disk& disk_;
  };

  // While it is stuck, a sync does not end.
  void set_stuck(bool stuck) {
    std::lock_guard<std::mutex> lock(mutex_);
    stuck_ = stuck;
    changed_.notify_all();
  }
  void set_broken() {
    std::lock_guard<std::mutex> lock(mutex_);
    broken_ = true;
  }
  // What a loss of power leaves.
  std::string content() {
    std::lock_guard<std::mutex> lock(mutex_);
    return disk_;
  }
  // The same, when something was given back.
  std::string content_at_release() {
    std::lock_guard<std::mutex> lock(mutex_);
    return at_release_;
  }
  int syncs() {
    std::lock_guard<std::mutex> lock(mutex_);
    return syncs_;
  }
  // Waits until that is so. A machine may be busy; it is not for ever.
  bool Await(const std::function<bool()>& condition) {
    const auto end =
        std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::sleep_for(milliseconds(1));
    }
    return true;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string cache_, disk_, at_release_;
  int syncs_ = 0;
  bool stuck_ = false;
  bool broken_ = false;
};

TEST(SyncedSinkTest, WhatIsAppendedReachesTheDiskByItself) {
  Disk disk;
  SyncedSink sink(std::make_unique<Disk::Sink>(&disk), milliseconds(5));
  ASSERT_THAT(sink.Append("one"), IsOk());
  EXPECT_TRUE(disk.Await([&] { return disk.content() == "one"; }));
  ASSERT_THAT(sink.Append("two"), IsOk());
  EXPECT_TRUE(disk.Await([&] { return disk.content() == "onetwo"; }));
}

TEST(SyncedSinkTest, NothingNewIsNotSynced) {
  Disk disk;
  SyncedSink sink(std::make_unique<Disk::Sink>(&disk), milliseconds(1));
  ASSERT_THAT(sink.Append("one"), IsOk());
  ASSERT_TRUE(disk.Await([&] { return disk.syncs() == 1; }));
  std::this_thread::sleep_for(milliseconds(20));
  EXPECT_EQ(disk.syncs(), 1);
}

TEST(SyncedSinkTest, AppendingDoesNotWaitForTheDisk) {
  Disk disk;
  disk.set_stuck(true);
  SyncedSink sink(std::make_unique<Disk::Sink>(&disk), milliseconds(1));
  ASSERT_THAT(sink.Append("one"), IsOk());
  ASSERT_TRUE(disk.Await([&] { return disk.syncs() == 1; }));
  EXPECT_THAT(sink.Append("two"), IsOk());  // hangs if it waits
  EXPECT_EQ(disk.content(), "");
  disk.set_stuck(false);
  EXPECT_TRUE(disk.Await([&] { return disk.content() == "onetwo"; }));
}

TEST(SyncedSinkTest, ADiskThatBreaksIsTold) {
  Disk disk;
  disk.set_broken();
  SyncedSink sink(std::make_unique<Disk::Sink>(&disk), milliseconds(1));
  ASSERT_THAT(sink.Append("one"), IsOk());
  EXPECT_TRUE(disk.Await([&] { return !sink.Append("").ok(); }));
  EXPECT_THAT(sink.Close(), StatusIs(absl::StatusCode::kUnavailable,
                                     ::testing::HasSubstr("disk broke")));
}

class PowerLossTest : public Recording {
 protected:
  // Before the disk is gone.
  void TearDown() override { Stop().IgnoreError(); }

  Disk disk_;
};

// The bound is that of the flush and of the sync. The writer's turn, a chunk's
// compression and a busy machine come on top, so the test grants them time.
TEST_F(PowerLossTest, EventsAreOnTheDiskWithinTheBound) {
  constexpr milliseconds kFlush(150), kSync(50), kGranted(20000);
  RecorderOptions options = Options();
  options.flush_ns = std::chrono::nanoseconds(kFlush).count();
  ASSERT_THAT(
      StartWith(options, std::make_unique<SyncedSink>(
                             std::make_unique<Disk::Sink>(&disk_), kSync)),
      IsOk());
  for (size_t recorded = 1; recorded <= 5; ++recorded) {
    const auto begin = std::chrono::steady_clock::now();
    { const OpScope op("aten::add"); }
    // Nobody stops the recording: the power just goes.
    size_t kept = 0;
    while (kept < recorded) {
      ASSERT_LT(std::chrono::steady_clock::now() - begin,
                kFlush + kSync + kGranted)
          << kept << " of " << recorded;
      std::this_thread::sleep_for(milliseconds(5));
      kept = testing::Replay(disk_.content()).OfKind(v1::EVENT_KIND_END).size();
    }
    EXPECT_EQ(kept, recorded);
  }
}

// After a loss of power either what is given back is there, or what tells of
// it.
TEST(SyncedSinkTest, NothingIsGivenBackBeforeWhatTellsOfItIsOnTheDisk) {
  Disk disk;
  SyncedSink sink(std::make_unique<Disk::Sink>(&disk), milliseconds(1));
  disk.set_stuck(true);
  ASSERT_THAT(sink.Append("chunk"), IsOk());
  ASSERT_TRUE(disk.Await([&] { return disk.syncs() == 1; }));
  ASSERT_THAT(sink.Append("summary"), IsOk());
  ASSERT_THAT(sink.Release(0, 5, "head"), IsOk());
  EXPECT_EQ(disk.content_at_release(), "");
  disk.set_stuck(false);
  ASSERT_TRUE(disk.Await([&] { return disk.content_at_release() != ""; }));
  EXPECT_EQ(disk.content_at_release(), "chunksummary");
}

TEST(SyncedSinkTest, WhatIsToBeGivenBackIsBeforeTheEnd) {
  Disk disk;
  SyncedSink sink(std::make_unique<Disk::Sink>(&disk), std::chrono::hours(1));
  ASSERT_THAT(sink.Append("summary"), IsOk());
  ASSERT_THAT(sink.Release(0, 5, "head"), IsOk());
  ASSERT_THAT(sink.Close(), IsOk());
  EXPECT_EQ(disk.content_at_release(), "summary");
}

}  // namespace
}  // namespace torchtape::internal
