#include "modules/parameter_use.h"

#include "ops/schema.h"
#include "replay/value_reader.h"

namespace torchtape::viewer {
namespace {

bool IsTensor(const v1::Value& value) {
  return value.kind_case() == v1::Value::kTensor;
}

}  // namespace

int ParameterUses::OwnerOf(uint64_t storage) const {
  if (storage == 0) return kNoModule;
  const int owner = tree_.OwnerOf(storage);
  if (owner != kNoModule || derived_.empty()) return owner;
  const auto it = derived_.find(storage);
  return it == derived_.end() ? kNoModule : it->second;
}

ParameterUse ParameterUses::Of(const Operator& op, const Values& inputs) {
  ParameterUse use;
  bool reads = false, apart = false, parameter = false;
  use.only = !inputs.tensors.empty();
  for (const format::TensorId& id : inputs.tensors) {
    const int owner = OwnerOf(id.storage);
    if (owner == kNoModule) {
      use.only = false;
      continue;
    }
    parameter |= tree_.HoldsParameter(id.storage);
    use.module = reads ? tree_.CommonOf(use.module, owner) : owner;
    apart |= use.module == kNoModule;
    reads = true;
  }
  if (apart) use.module = kNoModule;
  use.changes = parameter && ChangesParameter(op, inputs);
  return use;
}

void ParameterUses::NoteDerived(int module, const Values& outputs) {
  for (const format::TensorId& id : outputs.tensors) {
    if (id.storage == 0 || tree_.OwnerOf(id.storage) != kNoModule) continue;
    derived_[id.storage] = module;
  }
}

const std::vector<bool>& ParameterUses::WrittenBy(const Operator& op) {
  const auto [it, added] = written_.try_emplace(op.id);
  if (added) {
    for (const Argument& argument : SchemaArguments(op.schema)) {
      it->second.push_back(argument.written);
    }
  }
  return it->second;
}

bool ParameterUses::ChangesParameter(const Operator& op, const Values& inputs) {
  if (inputs.signature == nullptr) return false;
  const std::vector<bool>& written = WrittenBy(op);
  ValueReader reader(inputs);
  bool found = false;
  const auto look = [&](const v1::Value& value, bool is_written) {
    if (!IsTensor(value)) return;
    const uint64_t storage = reader.TakeTensor().storage;
    found |= is_written && tree_.HoldsParameter(storage);
  };
  const auto& values = inputs.signature->values();
  for (int i = 0; i < values.size(); ++i) {
    const bool is_written =
        static_cast<size_t>(i) < written.size() && written[i];
    look(values[i], is_written);
    for (const v1::Value& element : values[i].list().values()) {
      look(element, is_written);
    }
  }
  return found;
}

}  // namespace torchtape::viewer
