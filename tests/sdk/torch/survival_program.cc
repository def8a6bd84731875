// Programs that end or fork in unusual ways while a tracker records, each as a
// mode of this one, since a file that sees LibTorch is slow to compile.
//
//   survival_program MODE LOG

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <torch/torch.h>
#include <torchtape/tracker.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>

namespace {

void Train(int steps, torchtape::Tracker* tracker) {
  const auto x = torch::ones({8, 8}, torch::requires_grad());
  for (int i = 0; i < steps; ++i) {
    x.matmul(x).tanh().sum().backward();
    if (tracker) tracker->Step();
  }
}

torchtape::Tracker& StaticTracker(const std::string& log) {
  static torchtape::Tracker tracker(log);
  return tracker;
}

int Fork(const std::string& log) {
  torchtape::Tracker tracker(log);
  const auto x = torch::ones({8, 8});
  x.neg();
  const pid_t child = fork();
  if (child == 0) {
    for (int i = 0; i < 100; ++i) x.exp();
    tracker.Step();
    torchtape::Tracker second(log + ".child");
    _exit(second.status().ok() ? 1 : 0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  x.sin();
  const bool good = tracker.Stop().ok();
  return good && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

// The child leaves through exit(), with all that destroys.
int ForkExit(const std::string& log) {
  torchtape::Tracker& tracker = StaticTracker(log);
  torch::ones({1}).neg();
  const pid_t child = fork();
  if (child == 0) std::exit(0);
  int status = 0;
  waitpid(child, &status, 0);
  torch::ones({1}).sin();
  return tracker.Stop().ok() && WIFEXITED(status) ? 0 : 1;
}

int FullDisk() {
  torchtape::Tracker tracker("/dev/full");
  Train(300, &tracker);
  std::puts(tracker.Stop().ToString().c_str());
  return 0;
}

// Calls of one operator, counted once they are recorded.
struct Counts {
  std::atomic<uint64_t> neg, exp, steps;
};

[[noreturn]] void TrainUntilKilled(const std::string& log, Counts* counts) {
  torchtape::Tracker tracker(log);
  const auto x = torch::ones({8, 8});
  std::thread negate([&] {
    for (;; ++counts->neg) x.neg();
  });
  std::thread raise([&] {
    for (;; ++counts->exp) x.exp();
  });
  for (;; ++counts->steps) Train(1, &tracker);
}

// Kills a child after another, each at a random instant; the counts go to
// standard output.
int KillMany(const std::string& logs, int kills) {
  auto* counts =
      static_cast<Counts*>(mmap(nullptr, sizeof(Counts), PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  std::mt19937 random(std::random_device{}());
  for (int i = 0; i < kills; ++i) {
    counts->neg = counts->exp = counts->steps = 0;
    const pid_t child = fork();
    if (child == 0) TrainUntilKilled(logs + std::to_string(i), counts);
    usleep(random() % 300000);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    std::printf("%llu %llu %llu\n",
                static_cast<unsigned long long>(counts->neg.load()),
                static_cast<unsigned long long>(counts->exp.load()),
                static_cast<unsigned long long>(counts->steps.load()));
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "",
                    log = argc > 2 ? argv[2] : "";
  if (mode == "no_tracker") {
    Train(3, nullptr);
    return 0;
  }
  if (mode == "static") {
    Train(3, &StaticTracker(log));
    return 0;
  }
  if (mode == "never_stopped") {
    Train(3, new torchtape::Tracker(log));
    return 0;
  }
  if (mode == "exit_on_a_thread") {
    torchtape::Tracker tracker(log);
    std::thread([&] {
      Train(3, &tracker);
      std::exit(0);
    }).join();
  }
  if (mode == "fork") return Fork(log);
  if (mode == "fork_exit") return ForkExit(log);
  if (mode == "full_disk") return FullDisk();
  if (mode == "kill") return KillMany(log, 100);
  return 2;
}
