// The journal of a recording that ends in an orderly way, forks, or cannot have
// one. Kills: kill_test.cc.

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>

#include "recording.h"
#include "support/recovered.h"
#include "support/temp_folder.h"

namespace torchtape::internal {
namespace {

using testing::EventCounts;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOk;

std::string no_journal;  // what was said of it
int times_told = 0;

class RecorderJournalTest : public Recording {
 protected:
  RecorderJournalTest() {
    no_journal.clear();
    times_told = 0;
    Recorder::Get().set_on_no_journal([](const absl::Status& status) {
      no_journal = status.ToString();
      ++times_told;
    });
  }
  ~RecorderJournalTest() override {
    Recorder::Get().set_on_no_journal(nullptr);
  }

  absl::Status StartInFolder() {
    RecorderOptions options = Options();
    options.journal_path = journal_;
    auto sink = format::CreateFile(log_);
    if (!sink.ok()) return sink.status();
    return StartWith(options, *std::move(sink));
  }
  static format::JournalRing* RingInJournal() {
    return ThreadRecorder::Current()->ring()->journal();
  }
  uint64_t EventsInLog() {
    const EventCounts counts(*format::OpenFile(log_));
    EXPECT_THAT(counts.problems(), IsEmpty());
    EXPECT_TRUE(counts.finished());
    return counts.all();
  }

  testing::TempFolder folder_;
  const std::string log_ = folder_ / "run.tape";
  const std::string journal_ = format::JournalPath(log_);
};

TEST_F(RecorderJournalTest, AfterACleanStopOnlyTheLogRemains) {
  ASSERT_THAT(StartInFolder(), IsOk());
  EXPECT_TRUE(std::filesystem::exists(journal_));
  { const OpScope scope("op"); }
  ASSERT_THAT(Stop(), IsOk());
  EXPECT_FALSE(std::filesystem::exists(journal_));
  EXPECT_EQ(EventsInLog(), 2);
}

TEST_F(RecorderJournalTest, RecordsAreThereOncePublished) {
  ASSERT_THAT(StartInFolder(), IsOk());
  { const OpScope scope("op"); }
  auto recovery = testing::RecoverLog(log_);  // as if it had been killed
  ASSERT_THAT(recovery, IsOk());
  EXPECT_EQ(recovery->events, 2);
}

// A thread whose ring is full when it is killed has no room to tell.
TEST_F(RecorderJournalTest, DropsThatNoRecordTellsOfAreThere) {
  ASSERT_THAT(StartInFolder(), IsOk());
  { const OpScope scope("op"); }
  ThreadRecorder::Current()->ring()->SetDrops(7, Ticks(), Ticks());
  auto recovery = testing::RecoverLog(log_);  // as if it had been killed
  ASSERT_THAT(recovery, IsOk());
  EXPECT_EQ(recovery->events, 2);
  EXPECT_EQ(EventCounts(recovery->log).dropped(), 7);
}

TEST_F(RecorderJournalTest, ManyMoreRecordsThanTheRingHolds) {
  constexpr uint64_t kSpans = 20000;
  ASSERT_THAT(StartInFolder(), IsOk());
  for (uint64_t i = 0; i < kSpans; ++i) {
    while (ThreadRecorder::Current()->ring()->Reserve(64, 0) == nullptr) {
      std::this_thread::yield();
    }
    const OpScope scope("op");
  }
  ASSERT_THAT(Stop(), IsOk());
  EXPECT_EQ(EventsInLog(), 2 * kSpans);
}

// There is memory for two rings only: a ring is free once its records are in
// the log.
TEST_F(RecorderJournalTest, ThreadsThatComeAndGoReuseRings) {
  RecorderOptions options = RingsOf(1 << 11, 2);
  options.journal_path = journal_;
  ASSERT_THAT(StartWith(options, *format::CreateFile(log_)), IsOk());
  const uint64_t start = SteadyNs();
  uint64_t with_ring = 0;
  while (with_ring < 20 && SteadyNs() - start < uint64_t{60} * 1000000000) {
    std::thread([&] {
      if (ThreadRecorder::Current()->ring() == nullptr) return;
      const OpScope scope("op");
      ++with_ring;
    }).join();
  }
  ASSERT_THAT(Stop(), IsOk());
  EXPECT_EQ(EventsInLog(), 2 * with_ring);
}

TEST_F(RecorderJournalTest, RecordingsMayFollowEachOther) {
  for (int i = 0; i < 20; ++i) {
    ASSERT_THAT(StartInFolder(), IsOk());
    { const OpScope scope("op"); }
    ASSERT_NE(RingInJournal(), nullptr);
    ASSERT_THAT(Stop(), IsOk());
    EXPECT_EQ(EventsInLog(), 2);
  }
}

TEST_F(RecorderJournalTest, ChildNeverWritesIntoTheJournalOfItsParent) {
  ASSERT_THAT(StartInFolder(), IsOk());
  { const OpScope scope("op"); }
  uint64_t* const words = RingInJournal()->words();
  const uint64_t before = words[0];
  const pid_t child = fork();
  if (child == 0) {
    for (size_t i = 0; i < kRingWords; ++i) words[i] = ~uint64_t{0};
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status)) << "its memory is private, and there";
  EXPECT_EQ(words[0], before);
  ASSERT_THAT(Stop(), IsOk());
  EXPECT_EQ(EventsInLog(), 2);
}

TEST_F(RecorderJournalTest, ChildThatLivesOnDoesNotKeepTheJournalLocked) {
  const pid_t recorder = fork();
  if (recorder == 0) {
    if (!StartInFolder().ok()) _exit(1);
    { const OpScope scope("op"); }
    int ready[2];
    if (pipe(ready) != 0) _exit(2);
    char byte = 0;
    if (fork() == 0) {
      if (write(ready[1], &byte, 1) != 1) _exit(1);
      sleep(5);
      _exit(0);
    }
    if (read(ready[0], &byte, 1) == 1) kill(getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(waitpid(recorder, &status, 0), recorder);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_THAT(format::IsBeingRecorded(journal_), IsOk());
  EXPECT_FALSE(*format::IsBeingRecorded(journal_));
}

TEST_F(RecorderJournalTest, WithoutAJournalMemoryMustDoAndIsToldOnce) {
  std::filesystem::create_directory(journal_);
  ASSERT_THAT(StartInFolder(), IsOk());
  { const OpScope scope("op"); }
  EXPECT_EQ(RingInJournal(), nullptr);
  ASSERT_THAT(Stop(), IsOk());
  EXPECT_EQ(EventsInLog(), 2);
  EXPECT_EQ(times_told, 1);
  EXPECT_THAT(no_journal, HasSubstr("run.tape.journal: is a folder"));
}

// A file that may grow no further is a signal that kills, unless one asks.
TEST_F(RecorderJournalTest, FileSizeLimitDoesNotEndTheProgram) {
  const pid_t child = fork();
  if (child == 0) {
    rlimit limit = {uint64_t{1} << 20, uint64_t{1} << 20};
    setrlimit(RLIMIT_FSIZE, &limit);
    if (!StartInFolder().ok()) _exit(1);
    { const OpScope scope("op"); }
    _exit(Stop().ok() && times_told == 1 ? 0 : 2);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace torchtape::internal
