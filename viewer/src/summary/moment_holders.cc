#include "summary/moment_holders.h"

#include "absl/container/flat_hash_set.h"
#include "torchtape/format/names.h"

namespace torchtape::viewer {

std::string DeviceOfLive(const LiveStorage& live) {
  return format::DeviceName(live.device_type, live.device_index);
}

std::vector<std::pair<std::string, DeviceThen>> HeldByDevice(
    const MemoryAtMoment& moment) {
  std::vector<std::pair<std::string, DeviceThen>> devices;
  for (auto& [name, held] : HeldBy<std::string>(moment, DeviceOfLive)) {
    devices.push_back({name, {held, nullptr}});
  }
  for (const AllocatorThen& then : moment.allocators) {
    const std::string name =
        format::DeviceName(then.device_type, then.device_index);
    const auto device =
        std::find_if(devices.begin(), devices.end(),
                     [&name](const auto& one) { return one.first == name; });
    if (device != devices.end()) {
      device->second.allocator = &then;
    } else {
      devices.push_back({name, {{}, &then}});
    }
  }
  return devices;
}

uint64_t OlderParameterBytes(const SummaryFacts& facts) {
  absl::flat_hash_set<uint64_t> seen;
  for (const LiveStorage& live : facts.moment->storages) {
    seen.insert(live.storage);
  }
  uint64_t bytes = 0;
  for (const v1::Model& model : facts.attribution.tree().models()) {
    for (const v1::Parameter& parameter : model.parameters()) {
      const uint64_t storage = parameter.storage();
      if (storage == 0 || !seen.insert(storage).second) continue;
      bytes += parameter.bytes();
    }
  }
  return bytes;
}

bool KnowsRoles(const SummaryFacts& facts) {
  return facts.memory.saved().all().has_value();
}

bool KnowsRole(const SummaryFacts& facts, const LiveStorage& live) {
  return KnowsRoles(facts) || live.role == MemoryRole::kParameter;
}

}  // namespace torchtape::viewer
