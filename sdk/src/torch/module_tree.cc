#include "torch/module_tree.h"

#include <c10/util/Type.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/nn/module.h>
#include <torch/optim/optimizer.h>

#include <string>
#include <typeinfo>
#include <unordered_map>

#include "torch/tensor_facts.h"

namespace torchtape::internal {
namespace {

class Describer {
 public:
  explicit Describer(absl::string_view name) {
    model_.name = std::string(name);
  }

  void Add(const torch::nn::Module& module, const std::string& path,
           uint32_t parent) {
    // Not name(), which may say anything: MultiheadAttentionImpl calls itself
    // something else.
    const uint32_t index = AddModule(path, c10::demangle(typeid(module).name()),
                                     parent, module.is_training());
    ModuleFacts& facts = model_.modules.back();
    facts.address = &module;
    facts.instance = module.weak_from_this();
    facts.owned = !facts.instance.expired();
    for (const auto& parameter : module.named_parameters(/*recurse=*/false)) {
      AddTensor(parameter.value(), path + "." + parameter.key(), index, false);
    }
    for (const auto& buffer : module.named_buffers(/*recurse=*/false)) {
      AddTensor(buffer.value(), path + "." + buffer.key(), index, true);
    }
    for (const auto& child : module.named_children()) {
      Add(*child.value(), path + "." + child.key(), index);
    }
  }

  void Add(const torch::jit::Module& module, const std::string& path,
           uint32_t parent) {
    const auto type = module.type()->name();
    const uint32_t index =
        AddModule(path, type ? type->name() : "", parent, module.is_training());
    for (const auto& parameter : module.named_parameters(/*recurse=*/false)) {
      AddTensor(parameter.value, path + "." + parameter.name, index, false);
    }
    for (const auto& buffer : module.named_buffers(/*recurse=*/false)) {
      AddTensor(buffer.value, path + "." + buffer.name, index, true);
    }
    for (const auto& child : module.named_children()) {
      Add(child.value, path + "." + child.name, index);
    }
  }

  void Add(const torch::optim::Optimizer& optimizer, const std::string& path,
           const std::string& type) {
    model_.optimizer = true;
    const uint32_t root = AddModule(path, type, /*parent=*/0, true);
    size_t number = 0;
    for (const auto& group : optimizer.param_groups()) {
      const std::string name = path + "." + std::to_string(number++);
      const uint32_t index = AddModule(name, "", root, true);
      size_t parameter = 0;
      for (const at::Tensor& tensor : group.params()) {
        AddTensor(tensor, name + "." + std::to_string(parameter++), index,
                  false);
      }
    }
  }

  ModelFacts Take() { return std::move(model_); }

 private:
  uint32_t AddModule(const std::string& path, const std::string& type,
                     uint32_t parent, bool training) {
    ModuleFacts& module = model_.modules.emplace_back();
    module.path = path;
    module.type = type;
    module.parent = parent;
    module.training = training;
    return static_cast<uint32_t>(model_.modules.size());
  }

  void AddTensor(const at::Tensor& tensor, const std::string& path,
                 uint32_t module, bool buffer) {
    if (tensor.defined()) {
      auto [it, added] = known_.try_emplace(tensor.unsafeGetTensorImpl(),
                                            model_.parameters.size());
      if (!added) {
        model_.parameters[it->second].aliases.push_back(path);
        return;
      }
    }
    ParameterFacts& parameter = model_.parameters.emplace_back();
    parameter.path = path;
    parameter.module = module;
    parameter.buffer = buffer;
    TensorFacts facts;
    if (!tensor.defined() || !ReadTensor(tensor, &facts)) return;
    parameter.bytes =
        static_cast<uint64_t>(tensor.numel()) * tensor.element_size();
    Fill(facts, &parameter);
  }

  static void Fill(const TensorFacts& facts, ParameterFacts* parameter) {
    parameter->defined = true;
    parameter->tensor_address = facts.tensor_address;
    parameter->memory_address = facts.memory_address;
    parameter->dtype = facts.dtype;
    parameter->device_type = facts.device_type;
    parameter->device_index = int32_t{facts.device_index_plus_1} - 1;
    parameter->layout = facts.layout;
    parameter->requires_grad = facts.requires_grad;
    parameter->offset = facts.offset;
    parameter->sizes.assign(facts.sizes, facts.sizes + facts.dimensions);
    parameter->strided = facts.strides != nullptr;
    if (facts.strides != nullptr) {
      parameter->strides.assign(facts.strides,
                                facts.strides + facts.dimensions);
    }
  }

  ModelFacts model_;
  std::unordered_map<const void*, size_t> known_;
};

template <typename Module>
ModelFacts Describe(const Module& model, absl::string_view name) {
  Describer describer(name);
  describer.Add(model, std::string(name), 0);
  return describer.Take();
}

}  // namespace

ModelFacts DescribeModel(const torch::nn::Module& model,
                         absl::string_view name) {
  return Describe(model, name);
}

ModelFacts DescribeModel(const torch::jit::Module& model,
                         absl::string_view name) {
  return Describe(model, name);
}

ModelFacts DescribeOptimizer(const torch::optim::Optimizer& optimizer,
                             absl::string_view name, absl::string_view type) {
  Describer describer(name);
  describer.Add(optimizer, std::string(name), std::string(type));
  return describer.Take();
}

}  // namespace torchtape::internal
