#include "replay/operator_table.h"

#include <utility>

namespace torchtape::viewer {

const Operator* OperatorTable::Intern(const v1::Operator& op) {
  auto [it, added] = by_content_.try_emplace(op.SerializeAsString(), nullptr);
  if (added) {
    operators_.push_back(Operator{static_cast<uint32_t>(operators_.size()),
                                  op.kind(), op.name(), op.overload(),
                                  op.schema(), op.module_source()});
    it->second = &operators_.back();
  }
  return it->second;
}

void OperatorTable::Load(const v1::Dictionary& dictionary) {
  std::vector<const Operator*> local = {nullptr};
  local.reserve(dictionary.operators_size() + 1);
  for (const v1::Operator& op : dictionary.operators()) {
    local.push_back(Intern(op));
  }
  of_signature_.assign(1, nullptr);
  of_signature_.reserve(dictionary.signatures_size() + 1);
  for (const v1::Signature& signature : dictionary.signatures()) {
    of_signature_.push_back(
        signature.op() < local.size() ? local[signature.op()] : nullptr);
  }
}

const Operator* OperatorTable::Unknown() {
  v1::Operator unknown;
  unknown.set_name("(unknown)");
  return Intern(unknown);
}

}  // namespace torchtape::viewer
