#ifndef TORCHTAPE_BENCHMARKS_MODELS_TRAINING_H_
#define TORCHTAPE_BENCHMARKS_MODELS_TRAINING_H_

#include <memory>

#include "model_zoo.h"
#include "modules.h"

namespace zoo {

// Trains `net` to tell the class of each of `inputs`. `net(inputs)` must give
// [any, classes] for as many targets as `inputs` has rows.
template <typename Net>
Training Classify(Net net, const Tensor& inputs, int64_t classes) {
  const Tensor targets = torch::randint(0, classes, {inputs.size(0)});
  auto optimizer = std::make_shared<torch::optim::SGD>(
      net->parameters(), torch::optim::SGDOptions(1e-3).momentum(0.9));
  const auto step = [=]() mutable {
    optimizer->zero_grad();
    F::cross_entropy(net(inputs), targets).backward();
    optimizer->step();
  };
  return {{{"net", net.ptr()}}, step};
}

// A network that tells which of 1000 things a picture shows.
template <typename Net>
Training ClassifyImages(Net net, int64_t batch = kBatch,
                        int64_t size = kImageSize) {
  Training training =
      Classify(net, torch::randn({batch, 3, size, size}), kClasses);
  training.look = [=]() mutable {
    net->eval();
    net(torch::randn({1, 3, 224, 224}));
  };
  return training;
}

}  // namespace zoo

#endif  // TORCHTAPE_BENCHMARKS_MODELS_TRAINING_H_
