#include "source/call_site_table.h"

namespace torchtape::viewer {
namespace {

constexpr size_t kMostCallers = 64;  // more than any recorder tells

}  // namespace

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
                                      uint64_t address,
                                      const CallSite* caller) {
  auto [it, added] = known_sites_.try_emplace(
      std::make_tuple(object, address, caller), nullptr);
  if (added) {
    sites_.push_back(
        {static_cast<uint32_t>(sites_.size()), object, address, caller});
    it->second = &sites_.back();
  }
  return it->second;
}

void CallSiteTable::Load(const v1::Dictionary& dictionary) {
  std::vector<const CodeObject*> objects;
  for (const v1::CodeObject& object : dictionary.objects()) {
    objects.push_back(Intern(object));
  }
  std::vector<const CallSite*> local = {nullptr};
  std::vector<size_t> callers = {0};
  local.reserve(dictionary.call_sites_size() + 1);
  for (const v1::CallSite& site : dictionary.call_sites()) {
    const uint32_t object = site.object();
    const bool known = object != 0 && object <= objects.size();
    // Earlier ones and few, so that there is an end.
    uint32_t caller = site.caller() < local.size() ? site.caller() : 0;
    if (callers[caller] == kMostCallers) caller = 0;
    callers.push_back(caller == 0 ? 0 : callers[caller] + 1);
    local.push_back(Intern(known ? objects[object - 1] : nullptr,
                           site.address(), local[caller]));
  }
  of_signature_.assign(1, nullptr);
  of_signature_.reserve(dictionary.signatures_size() + 1);
  for (const v1::Signature& signature : dictionary.signatures()) {
    const uint32_t site = signature.call_site();
    of_signature_.push_back(site < local.size() ? local[site] : nullptr);
  }
}

}  // namespace torchtape::viewer
