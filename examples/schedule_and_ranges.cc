// Records a few steps of a long training, with parts of the loop named and
// numbers logged:  schedule_and_ranges [LOG] [STEPS]

#include <torch/torch.h>
#include <torchtape/range.h>
#include <torchtape/tracker.h>

#include <cstdlib>
#include <iostream>

int main(int argc, char** argv) {
  const int steps = argc > 2 ? std::atoi(argv[2]) : 100;

  torchtape::TrackerOptions options;
  options.log_path = argc > 1 ? argv[1] : "schedule_and_ranges.tape";
  // Ten steps in peace; then, twice: seven steps not recorded, one recorded and
  // thrown away, two kept.
  options.schedule.skip_first = 10;
  options.schedule.wait = 7;
  options.schedule.warmup = 1;
  options.schedule.active = 2;
  options.schedule.repeat = 2;

  torch::manual_seed(1);
  torch::nn::Sequential net(torch::nn::Linear(1, 32), torch::nn::Tanh(),
                            torch::nn::Linear(32, 1));
  torch::optim::SGD optimizer(net->parameters(), 0.05);

  torchtape::Tracker tracker(options);
  tracker.Attach(*net, "net");
  for (int step = 0; step < steps; ++step) {
    torch::Tensor x, y;
    {
      torchtape::Range range("make batch");
      x = torch::rand({64, 1}) * 6 - 3;
      y = torch::sin(x);
    }
    torch::Tensor loss;
    {
      torchtape::Range range("learn");
      loss = torch::mse_loss(net->forward(x), y);
      optimizer.zero_grad();
      loss.backward();
      optimizer.step();
    }
    tracker.Log("loss", loss.item<double>());
    tracker.Log("largest weight",
                net->parameters()[0].abs().max().item<double>());
    tracker.Step();
  }

  // Also tells of anything that went wrong on the way.
  const absl::Status status = tracker.Stop();
  std::cout << "schedule_and_ranges: log: " << tracker.log_path() << " ("
            << status << ")\n";
  return status.ok() ? 0 : 1;
}
