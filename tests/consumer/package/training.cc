// Trains and records. Built with -O0 -g and without NDEBUG, as a user's program
// may be, while LibTorch and the SDK are not.

#include <ATen/ATen.h>
#include <torchtape/tracker.h>

#ifdef NDEBUG
#error "this consumer is about programs without NDEBUG"
#endif

extern "C" int Train(const char* log_path) {
  torchtape::Tracker tracker(log_path);
  at::Tensor weight = at::zeros({4}).requires_grad_();
  for (int step = 0; step < 20; ++step) {
    at::Tensor loss = (weight - at::ones({4})).square().sum();
    loss.backward();
    weight.data().sub_(weight.grad(), 0.1);
    weight.mutable_grad().reset();
    tracker.Log("loss", loss.item<double>());
    tracker.Step();
  }
  const bool learned = (weight - 1).abs().max().item<double>() < 0.1;
  return tracker.Stop().ok() && learned ? 0 : 1;
}
