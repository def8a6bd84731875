// A training that knows nothing of torchtape, and is not linked with it.
//
//   plain_training train STEPS   prints the weights' sum, to the last bit
//   plain_training adversarial STEPS   two optimizers that take turns
//   plain_training exit CODE
//   plain_training wait          prints "ready", then waits for a signal; on
//                                SIGTERM it prints "stopped" and ends with 3
//   plain_training start PROGRAM...    runs it as a child

#include <signal.h>
#include <sys/wait.h>
#include <torch/torch.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

// As programs do that choose one at run time.
void Step(torch::optim::Optimizer& optimizer) { optimizer.step(); }

int Train(int steps) {
  torch::manual_seed(1);
  torch::nn::Sequential net(torch::nn::Linear(4, 8), torch::nn::ReLU(),
                            torch::nn::Linear(8, 2));
  torch::optim::SGD optimizer(net->parameters(), /*lr=*/0.1);
  for (int i = 0; i < steps; ++i) {
    optimizer.zero_grad();
    torch::mse_loss(net->forward(torch::randn({8, 4})), torch::randn({8, 2}))
        .backward();
    Step(optimizer);
  }
  double sum = 0;
  for (const auto& weight : net->parameters()) {
    sum += weight.sum().item<double>();
  }
  std::printf("%a\n", sum);
  return 0;
}

int Adversarial(int steps) {
  torch::nn::Linear one(4, 4), other(4, 4);
  torch::optim::Adam first(one->parameters()), second(other->parameters());
  for (int i = 0; i < steps; ++i) {
    for (auto* optimizer : {&first, &second}) {
      optimizer->zero_grad();
      other(one(torch::ones({2, 4}))).sum().backward();
      Step(*optimizer);
    }
  }
  return 0;
}

void OnTerminate(int) {
  [[maybe_unused]] const auto unused = write(STDOUT_FILENO, "stopped\n", 8);
  std::exit(3);
}

int Wait() {
  Train(1);
  signal(SIGTERM, OnTerminate);
  std::puts("ready");
  std::fflush(stdout);
  for (;;) pause();
}

int Start(char** command) {
  const pid_t child = fork();
  if (child == 0) {
    execvp(command[0], command);
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  Train(2);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  const int number = argc > 2 ? std::atoi(argv[2]) : 0;
  if (mode == "train") return Train(number);
  if (mode == "adversarial") return Adversarial(number);
  if (mode == "exit") return number;
  if (mode == "wait") return Wait();
  if (mode == "start") return Start(argv + 2);
  return 2;
}
