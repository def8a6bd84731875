#ifndef TORCHTAPE_BENCHMARKS_MODELS_MODEL_ZOO_H_
#define TORCHTAPE_BENCHMARKS_MODELS_MODEL_ZOO_H_

// Models that people train, written as a user of LibTorch writes them, with
// random weights and batches: each as one step to repeat.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace torch::nn {
class Module;
}

namespace zoo {

struct Training {
  // By the names under which they are attached; most trainings have one.
  std::vector<std::pair<std::string, std::shared_ptr<torch::nn::Module>>>
      models;
  // Forward, backward, optimizer.
  std::function<void()> step;
  // Looks at one picture of the size for which costs are published, not in
  // training; empty where the model does not classify pictures.
  std::function<void()> look = {};
};

struct Model {
  std::string name;
  // Of all its modules, shared ones once: what was published, or for designs of
  // our own what the comment at the model adds up to.
  int64_t parameters;
  std::function<Training()> make;
};

// By file.
std::vector<Model> SmallModels();
std::vector<Model> ResNets();
std::vector<Model> DenseNets();
std::vector<Model> GoogLeNets();
std::vector<Model> ShuffleNets();
std::vector<Model> MobileNets();
std::vector<Model> Gpts();
std::vector<Model> Berts();
std::vector<Model> VisionTransformers();
std::vector<Model> Whispers();
std::vector<Model> LanguageModels();
std::vector<Model> UNets();
std::vector<Model> ConvNeXts();
std::vector<Model> Gans();
std::vector<Model> Dqns();
std::vector<Model> Detectors();
std::vector<Model> HrNets();

// Those that are built: all with TORCHTAPE_WHOLE_ZOO, else the first few.
std::vector<Model> Models();

}  // namespace zoo

#endif  // TORCHTAPE_BENCHMARKS_MODELS_MODEL_ZOO_H_
