#include "output/text_escape.h"
#include "source/source_json.h"
#include "summary/moment_holders.h"
#include "summary/summary_parts.h"

namespace torchtape::viewer {
namespace {

constexpr size_t kStoragesInJson = 100;

Json RolesJson(const SummaryFacts& facts, const HeldThen& held) {
  if (!KnowsRoles(facts)) return nullptr;
  Json json = Json::object();
  for (size_t i = 0; i < kMemoryRoles; ++i) {
    json[MemoryRoleName(static_cast<MemoryRole>(i))] = held.roles[i];
  }
  return json;
}

Json StoragesJson(const SummaryFacts& facts) {
  Json json = Json::array();
  for (const LiveStorage& live : facts.moment->storages) {
    if (json.size() == kStoragesInJson) break;
    Json entry = FrameJson(FrameOf(LineOfLive(live)));
    entry["storage"] = live.storage;
    entry["bytes"] = live.bytes;
    entry["device"] = DeviceOfLive(live);
    entry["role"] = KnowsRole(facts, live) ? Json(MemoryRoleName(live.role))
                                           : Json(nullptr);
    entry["module"] = ModulePath(facts, live.module);
    entry["maker"] =
        live.maker == nullptr ? Json(nullptr) : Json(ToUtf8(live.maker->name));
    entry["step"] = live.step;
    entry["time_ns"] = live.time_ns;
    json.push_back(std::move(entry));
  }
  return json;
}

}  // namespace

Json MomentJson(const SummaryFacts& facts) {
  if (!facts.moment) return nullptr;
  const MemoryAtMoment& moment = *facts.moment;
  HeldThen all;
  for (const LiveStorage& live : moment.storages) all.Add(live);
  Json json = {
      {"asked",
       moment.asked.empty() ? Json(nullptr) : Json(ToUtf8(moment.asked))},
      {"step", moment.step},
      {"time_ns", moment.time_ns},
      {"op", moment.threw == nullptr ? Json(nullptr)
                                     : Json(ToUtf8(moment.threw->name))},
      {"source", moment.threw_frame == nullptr
                     ? Json(nullptr)
                     : FrameJson(*moment.threw_frame)},
      {"live_bytes", moment.live_bytes},
      {"unknown_bytes", moment.unknown_bytes()},
      {"older_parameter_bytes", OlderParameterBytes(facts)},
      {"allocations", moment.storages.size()},
      {"roles", RolesJson(facts, all)}};
  json["devices"] = Json::array();
  for (const auto& [name, device] : HeldByDevice(moment)) {
    const AllocatorThen* allocator = device.allocator;
    json["devices"].push_back(
        {{"name", name},
         {"bytes", device.held.bytes},
         {"allocations", device.held.allocations},
         {"allocator_allocated_bytes", allocator == nullptr
                                           ? Json(nullptr)
                                           : Json(allocator->allocated_bytes)},
         {"allocator_reserved_bytes", allocator == nullptr
                                          ? Json(nullptr)
                                          : Json(allocator->reserved_bytes)}});
  }
  json["modules"] = Json::array();
  for (const auto& [module, held] : HeldBy<int>(moment, ModuleOfLive)) {
    json["modules"].push_back({{"module", ModulePath(facts, module)},
                               {"bytes", held.bytes},
                               {"allocations", held.allocations},
                               {"roles", RolesJson(facts, held)}});
  }
  json["sources"] = Json::array();
  for (const auto& [line, held] : HeldBy<Line>(moment, LineOfLive)) {
    Json entry = FrameJson(FrameOf(line));
    entry["bytes"] = held.bytes;
    entry["allocations"] = held.allocations;
    json["sources"].push_back(std::move(entry));
  }
  json["largest"] = StoragesJson(facts);
  return json;
}

}  // namespace torchtape::viewer
