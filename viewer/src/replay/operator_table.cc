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
  dictionary_ = &dictionary;
  local_.clear();
  local_.reserve(dictionary.operators_size());
  for (const v1::Operator& op : dictionary.operators()) {
    local_.push_back(Intern(op));
  }
}

const Operator* OperatorTable::Of(uint32_t signature) {
  if (signature != 0 &&
      signature <= static_cast<uint32_t>(dictionary_->signatures_size())) {
    const uint32_t op = dictionary_->signatures(signature - 1).op();
    if (op != 0 && op <= local_.size()) return local_[op - 1];
  }
  v1::Operator unknown;
  unknown.set_name("(unknown)");
  return Intern(unknown);
}

}  // namespace torchtape::viewer
