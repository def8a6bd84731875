#include "model_zoo.h"

#include <iterator>

namespace zoo {

std::vector<Model> Models() {
  std::vector<Model> all;
  // CMake says which are built.
  for (auto* family : {ZOO_FAMILIES}) {
    std::vector<Model> models = family();
    std::move(models.begin(), models.end(), std::back_inserter(all));
  }
  return all;
}

}  // namespace zoo
