// What a program does that forks while it records.

#include <sys/wait.h>
#include <unistd.h>

#include "recording.h"

namespace torchtape::internal {
namespace {

using testing::IsOk;
using testing::ReplayedLog;
using ::testing::SizeIs;

class RecorderForkTest : public Recording {
 protected:
  // Runs `body` in a child; whether it returned true.
  template <typename Body>
  static bool InChild(Body body) {
    const pid_t child = fork();
    if (child == 0) _exit(body() ? 0 : 1);
    int status = -1;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }
  static bool Fails(const absl::Status& status) {
    return status.code() == absl::StatusCode::kFailedPrecondition;
  }
};

TEST_F(RecorderForkTest, ChildRecordsNothing) {
  ASSERT_THAT(Start(), IsOk());
  { const OpScope scope("parent"); }
  EXPECT_TRUE(InChild([] {
    const OpScope scope("child");
    return ThreadRecorder::Current() == nullptr && Recorder::Get().forked();
  }));
  ASSERT_THAT(Stop(), IsOk());
}

TEST_F(RecorderForkTest, ChildMayNeitherStartNorStop) {
  ASSERT_THAT(Start(), IsOk());
  EXPECT_TRUE(InChild([this] { return Fails(Start()) && Fails(Stop()); }));
  EXPECT_TRUE(InChild([] { return Recorder::Get().status().ok(); }));
  ASSERT_THAT(Stop(), IsOk());
}

TEST_F(RecorderForkTest, LogOfTheParentIsWhole) {
  ASSERT_THAT(Start(), IsOk());
  {
    const OpScope around("around");
    EXPECT_TRUE(InChild([] {
      const OpScope scope("child");
      return true;
    }));
  }
  { const OpScope scope("after"); }
  ASSERT_THAT(Stop(), IsOk());
  const ReplayedLog log = Log();
  ASSERT_THAT(log.events, SizeIs(4));
  EXPECT_EQ(log.events[2].op, "after");
  EXPECT_FALSE(Recorder::Get().forked());
}

#if !defined(__SANITIZE_THREAD__)  // which lets no such child make threads
TEST_F(RecorderForkTest, ChildOfAProcessThatDoesNotRecordMayRecord) {
  EXPECT_TRUE(InChild([this] {
    if (!Start().ok()) return false;
    { const OpScope scope("child"); }
    return Stop().ok() && Log().events.size() == 2;
  }));
}
#endif

}  // namespace
}  // namespace torchtape::internal
