// A thread that has recorded before enters neither the kernel nor a lock to
// record. The kernel itself is the witness: it signals each system call of a
// thread that asked for it.

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <thread>

#include "recording.h"

namespace torchtape::internal {
namespace {

using testing::IsOk;

std::atomic<int> system_calls{0};

void CountSystemCall(int) { ++system_calls; }

// From here on each system call of this thread, but for its raw exit and the
// return from a signal, raises SIGSYS and is not made. Uncontended locks make
// no system call, so the test holds them against threads that do contend.
bool WatchThisThread() {
  struct sigaction action = {};
  action.sa_handler = &CountSystemCall;
  sigaction(SIGSYS, &action, nullptr);
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  sock_fprog program = {sizeof code / sizeof code[0], code};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

// Runs `body` twice on a thread of its own, the second time watched. Returns
// how many system calls that made; -1 if the kernel cannot tell.
template <typename Body>
int SystemCallsOf(Body body) {
  std::atomic<int> result{-1};
  std::thread([&] {
    body();
    if (WatchThisThread()) {
      system_calls = 0;
      body();
      result = system_calls.load();
    }
    // What else a thread does at its end needs the kernel too.
    syscall(SYS_exit, 0);
  }).join();
  return result;
}

class NoSystemCallTest : public Recording {
 protected:
  void SetUp() override { ASSERT_THAT(Start(), IsOk()); }

  static void RecordOps() {
    ThreadRecorder* recorder = ThreadRecorder::Current();
    for (int i = 0; i < 20000; ++i) {
      const OpScope op("aten::add");
      recorder->Allocate(0, 0x1000, 64);
      recorder->Free(0x1000);
      recorder->values().Clear();
      recorder->values().Integer(i);
      recorder->SignatureOf(0);
    }
  }
};

// Else the tests below would say nothing.
TEST_F(NoSystemCallTest, SystemCallsAreSeen) {
  EXPECT_EQ(SystemCallsOf([] { syscall(SYS_getppid); }), 1);
}

TEST_F(NoSystemCallTest, RecordingMakesNone) {
  EXPECT_EQ(SystemCallsOf(&RecordOps), 0);
}

// Joining takes the recorder's lock; recording must not, so threads that join
// all the time do not hold up one that records.
TEST_F(NoSystemCallTest, RecordingMakesNoneWhileOtherThreadsJoin) {
  std::atomic<bool> stop{false};
  std::thread others([&] {
    while (!stop) std::thread([] { ThreadRecorder::Current(); }).join();
  });
  EXPECT_EQ(SystemCallsOf(&RecordOps), 0);
  stop = true;
  others.join();
}

}  // namespace
}  // namespace torchtape::internal
