#include "modules/model_json.h"

#include "output/text_escape.h"
#include "torchtape/format/names.h"

namespace torchtape::viewer {
namespace {

// Path of a 1-based module; null if there is none.
Json PathOf(const v1::Model& model, uint32_t module) {
  if (module == 0 || module > static_cast<uint32_t>(model.modules_size())) {
    return nullptr;
  }
  return ToUtf8(model.modules(static_cast<int>(module) - 1).path());
}

Json IdJson(uint64_t id) { return id == 0 ? Json(nullptr) : Json(id); }

Json ParameterJson(const v1::Model& model, const v1::Parameter& parameter) {
  const v1::TensorType& type = parameter.type();
  Json json = {{"path", ToUtf8(parameter.path())},
               {"module", PathOf(model, parameter.module())},
               {"buffer", parameter.buffer()},
               {"defined", parameter.defined()}};
  json["aliases"] = Json::array();
  for (const std::string& alias : parameter.aliases()) {
    json["aliases"].push_back(ToUtf8(alias));
  }
  if (!parameter.defined()) return json;
  json["tensor"] = IdJson(parameter.tensor());
  json["storage"] = IdJson(parameter.storage());
  json["dtype"] = format::DtypeName(type.dtype());
  json["shape"] = Json::array();
  for (int64_t size : type.sizes()) json["shape"].push_back(size);
  json["strides"] = StridesOf(type);
  json["offset"] = type.storage_offset();
  json["device"] = format::DeviceName(type.device_type(), type.device_index());
  json["requires_grad"] = type.requires_grad();
  json["bytes"] = parameter.bytes();
  return json;
}

}  // namespace

Json ModelJson(const v1::Model& model) {
  Json json = {{"name", ToUtf8(model.name())}, {"time_ns", model.time_ns()}};
  json["modules"] = Json::array();
  for (const v1::Module& module : model.modules()) {
    json["modules"].push_back({{"path", ToUtf8(module.path())},
                               {"type", ToUtf8(module.type())},
                               {"parent", PathOf(model, module.parent())},
                               {"training", module.training()}});
  }
  json["parameters"] = Json::array();
  for (const v1::Parameter& parameter : model.parameters()) {
    json["parameters"].push_back(ParameterJson(model, parameter));
  }
  return json;
}

}  // namespace torchtape::viewer
