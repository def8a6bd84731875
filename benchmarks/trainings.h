#ifndef TORCHTAPE_BENCHMARKS_TRAININGS_H_
#define TORCHTAPE_BENCHMARKS_TRAININGS_H_

// Trainings, each as one step to repeat.

#include <functional>
#include <string>
#include <vector>

namespace torch::nn {
class Module;
}

namespace torchtape::benchmarks {

struct Training {
  std::string name;
  std::function<void()> step;
  const torch::nn::Module* model;  // lives as long as `step`
};

// mlp with Adam, cnn with SGD, transformer encoder with AdamW, lstm with
// RMSprop. Always the same weights and batches. Tiny on purpose: the smaller
// the ops, the more a recorder costs beside them.
std::vector<Training> MakeTrainings();

// A convolutional network on digits, a transformer and an lstm on letters: real
// data, from examples/data, and steps of 5 ms and more on one core.
std::vector<Training> MakeRealTrainings(const std::string& data_folder);

}  // namespace torchtape::benchmarks

#endif  // TORCHTAPE_BENCHMARKS_TRAININGS_H_
