#ifndef TORCHTAPE_BENCHMARKS_TRAININGS_H_
#define TORCHTAPE_BENCHMARKS_TRAININGS_H_

// Four small trainings, each as one step to repeat. Tiny on purpose: the
// smaller the ops, the more a recorder costs beside them.

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
// RMSprop. Always the same weights and batches.
std::vector<Training> MakeTrainings();

}  // namespace torchtape::benchmarks

#endif  // TORCHTAPE_BENCHMARKS_TRAININGS_H_
