#include "core/model_message.h"

namespace torchtape::internal {
namespace {

void SetTensor(const ParameterFacts& facts, v1::Parameter* parameter) {
  parameter->set_defined(true);
  parameter->set_tensor(facts.tensor_address);
  parameter->set_storage(facts.memory_address);
  parameter->set_bytes(facts.bytes);
  v1::TensorType* type = parameter->mutable_type();
  type->set_dtype(facts.dtype);
  type->set_device_type(facts.device_type);
  type->set_device_index(facts.device_index);
  type->set_layout(facts.layout);
  type->set_requires_grad(facts.requires_grad);
  type->set_storage_offset(facts.offset);
  type->set_strided_explicitly(facts.strided);
  for (int64_t size : facts.sizes) type->add_sizes(size);
  for (int64_t stride : facts.strides) type->add_strides(stride);
}

}  // namespace

v1::Model ToMessage(const ModelFacts& facts) {
  v1::Model model;
  model.set_name(facts.name);
  model.set_optimizer(facts.optimizer);
  for (const ModuleFacts& module : facts.modules) {
    v1::Module* message = model.add_modules();
    message->set_path(module.path);
    message->set_type(module.type);
    message->set_parent(module.parent);
    message->set_training(module.training);
  }
  for (const ParameterFacts& parameter : facts.parameters) {
    v1::Parameter* message = model.add_parameters();
    message->set_path(parameter.path);
    message->set_module(parameter.module);
    message->set_buffer(parameter.buffer);
    for (const std::string& alias : parameter.aliases) {
      message->add_aliases(alias);
    }
    if (parameter.defined) SetTensor(parameter, message);
  }
  return model;
}

}  // namespace torchtape::internal
