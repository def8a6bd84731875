#include "model_zoo.h"

#include <iterator>

namespace zoo {

std::vector<Model> Models() {
  std::vector<Model> all;
  for (auto* family :
       {SmallModels, ResNets, DenseNets, GoogLeNets, ShuffleNets, MobileNets,
        Gpts, Berts, VisionTransformers, Whispers, LanguageModels, UNets,
        ConvNeXts, Gans, Dqns, Detectors, HrNets}) {
    std::vector<Model> models = family();
    std::move(models.begin(), models.end(), std::back_inserter(all));
  }
  return all;
}

}  // namespace zoo
