#include "source/call_site_table.h"

namespace torchtape::viewer {

const CodeObject* CallSiteTable::Intern(const v1::CodeObject& object) {
  auto [it, added] = known_objects_.try_emplace(
      std::make_pair(object.path(), object.build_id()), nullptr);
  if (added) {
    objects_.push_back({object.path(), object.build_id()});
    it->second = &objects_.back();
  }
  return it->second;
}

const CallSite* CallSiteTable::Intern(const CodeObject* object,
                                      uint64_t address) {
  auto [it, added] =
      known_sites_.try_emplace(std::make_pair(object, address), nullptr);
  if (added) {
    sites_.push_back({static_cast<uint32_t>(sites_.size()), object, address});
    it->second = &sites_.back();
  }
  return it->second;
}

void CallSiteTable::Load(const v1::Dictionary& dictionary) {
  dictionary_ = &dictionary;
  std::vector<const CodeObject*> objects;
  for (const v1::CodeObject& object : dictionary.objects()) {
    objects.push_back(Intern(object));
  }
  local_.clear();
  local_.reserve(dictionary.call_sites_size());
  for (const v1::CallSite& site : dictionary.call_sites()) {
    const uint32_t object = site.object();
    const bool known = object != 0 && object <= objects.size();
    local_.push_back(
        Intern(known ? objects[object - 1] : nullptr, site.address()));
  }
}

const CallSite* CallSiteTable::Of(uint32_t signature) const {
  if (signature == 0 ||
      signature > static_cast<uint32_t>(dictionary_->signatures_size())) {
    return nullptr;
  }
  const uint32_t site = dictionary_->signatures(signature - 1).call_site();
  return site == 0 || site > local_.size() ? nullptr : local_[site - 1];
}

}  // namespace torchtape::viewer
