#include "core/module_table.h"

#include <algorithm>
#include <utility>

namespace torchtape::internal {

ModuleTable::Entry* ModuleTable::Add(const ModuleInstance& instance,
                                     uint32_t op) {
  if ((used_ + 1) * 2 > entries_.size()) Grow();
  Entry& entry = Place(instance);
  entry = {instance, op, 0};
  ++used_;
  return &entry;
}

void ModuleTable::ForgetSignatures() {
  for (Entry& entry : entries_) entry.signature = 0;
}

void ModuleTable::Clear(uint64_t names) {
  names_ = names;
  used_ = 0;
  std::fill(entries_.begin(), entries_.end(), Entry());
}

void ModuleTable::Grow() {
  if (entries_.empty()) {
    entries_.resize(kFirstPlaces);
    return;
  }
  // Modules that are made as training goes must not fill the memory.
  if (entries_.size() == kMostPlaces) return Clear(names_);
  std::vector<Entry> before(entries_.size() * 2);
  before.swap(entries_);
  for (const Entry& entry : before) {
    if (entry.instance.address != 0) Place(entry.instance) = entry;
  }
}

}  // namespace torchtape::internal
