#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <tuple>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "output/table.h"
#include "output/text_escape.h"
#include "source/source_json.h"
#include "summary/summary.h"
#include "summary/summary_parts.h"
#include "torchtape/format/names.h"

namespace torchtape::viewer {
namespace {

constexpr size_t kMomentModules = 15, kMomentLines = 10, kMomentStorages = 15;
constexpr size_t kStoragesInJson = 100;

// Of those that share something.
struct HeldThen {
  uint64_t bytes = 0, allocations = 0;
  std::array<uint64_t, kMemoryRoles> roles = {};

  void Add(const LiveStorage& live) {
    bytes += live.bytes;
    ++allocations;
    roles[static_cast<size_t>(live.role)] += live.bytes;
  }
};

template <typename Key>
using Holders = std::vector<std::pair<Key, HeldThen>>;

// The largest first.
template <typename Key, typename KeyOf>
Holders<Key> HeldBy(const MemoryAtMoment& moment, KeyOf key_of) {
  std::map<Key, HeldThen> held;
  for (const LiveStorage& live : moment.storages) held[key_of(live)].Add(live);
  Holders<Key> holders(held.begin(), held.end());
  std::stable_sort(holders.begin(), holders.end(),
                   [](const auto& a, const auto& b) {
                     return a.second.bytes > b.second.bytes;
                   });
  return holders;
}

using Line = std::tuple<std::string, uint32_t, std::string>;

Line LineOfLive(const LiveStorage& live) {
  if (live.frame == nullptr) return {};
  return {live.frame->file, live.frame->line, live.frame->function};
}

SourceFrame FrameOf(const Line& line) {
  SourceFrame frame;
  std::tie(frame.file, frame.line, frame.function) = line;
  return frame;
}

int ModuleOfLive(const LiveStorage& live) { return live.module; }

std::string DeviceOfLive(const LiveStorage& live) {
  return format::DeviceName(live.device_type, live.device_index);
}

// Parameters and buffers whose allocation was not recorded are in no sum.
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

Json RolesJson(const SummaryFacts& facts, const HeldThen& held) {
  if (!KnowsRoles(facts)) return nullptr;
  Json json = Json::object();
  for (size_t i = 0; i < kMemoryRoles; ++i) {
    json[MemoryRoleName(static_cast<MemoryRole>(i))] = held.roles[i];
  }
  return json;
}

Json PathJsonOf(const SummaryFacts& facts, int module) {
  if (module == kNoModule) return nullptr;
  return ToUtf8(facts.attribution.tree().modules()[module].path);
}

Json StoragesJson(const SummaryFacts& facts) {
  Json json = Json::array();
  for (const LiveStorage& live : facts.moment->storages) {
    if (json.size() == kStoragesInJson) break;
    Json entry = FrameJson(FrameOf(LineOfLive(live)));
    entry["storage"] = live.storage;
    entry["bytes"] = live.bytes;
    entry["device"] = DeviceOfLive(live);
    entry["role"] = KnowsRoles(facts) || live.role == MemoryRole::kParameter
                        ? Json(MemoryRoleName(live.role))
                        : Json(nullptr);
    entry["module"] = PathJsonOf(facts, live.module);
    entry["maker"] =
        live.maker == nullptr ? Json(nullptr) : Json(ToUtf8(live.maker->name));
    entry["step"] = live.step;
    entry["time_ns"] = live.time_ns;
    json.push_back(std::move(entry));
  }
  return json;
}

std::string ModuleText(const SummaryFacts& facts, int module) {
  if (module == kNoModule) return "(none)";
  return EscapeText(facts.attribution.tree().modules()[module].path);
}

std::string LineText(const Line& line) {
  const std::filesystem::path file = std::get<0>(line);
  if (file.empty()) return "(not known)";
  return EscapeText(
      absl::StrCat(file.filename().string(), ":", std::get<1>(line)));
}

void PrintHead(const SummaryFacts& facts, std::ostream& out) {
  const MemoryAtMoment& moment = *facts.moment;
  out << '\n';
  if (moment.asked.empty()) {
    out << "the run was killed in step " << moment.step << ", at "
        << Time(moment.time_ns);
  } else {
    out << "out of memory: " << EscapeText(moment.asked) << ", in step "
        << moment.step << ", at " << Time(moment.time_ns);
  }
  if (moment.threw != nullptr) {
    out << ", in " << EscapeText(moment.threw->name);
  }
  if (moment.threw_frame != nullptr) {
    out << " at " << FrameText(*moment.threw_frame);
  }
  out << "\nlive then: " << Bytes(moment.live_bytes) << " in "
      << Plural(moment.storages.size(), "allocation");
  for (const auto& [device, held] : HeldBy<std::string>(moment, DeviceOfLive)) {
    out << "   " << device << ' ' << Bytes(held.bytes);
  }
  out << '\n';
  if (const uint64_t unknown = moment.unknown_bytes(); unknown != 0) {
    out << Bytes(unknown)
        << " of them by allocations that are not in the log\n";
  }
  if (const uint64_t older = OlderParameterBytes(facts); older != 0) {
    out << "parameters and buffers of " << Bytes(older)
        << " from before the recording are not in it\n";
  }
}

void PrintHeldByModule(const SummaryFacts& facts, std::ostream& out) {
  const bool roles = KnowsRoles(facts);
  std::vector<std::string> header = {"held by module", "bytes", "%"};
  if (roles) {
    header.insert(header.end(), {"parameters", "gradients", "optimizer",
                                 "saved", "temporary"});
  }
  Table table(std::move(header), 1);
  const MemoryAtMoment& moment = *facts.moment;
  const auto holders = HeldBy<int>(moment, ModuleOfLive);
  const size_t rows = Rows(facts, kMomentModules, holders.size());
  for (size_t i = 0; i < rows; ++i) {
    const HeldThen& held = holders[i].second;
    std::vector<std::string> cells = {ModuleText(facts, holders[i].first),
                                      Bytes(held.bytes),
                                      Share(held.bytes, moment.live_bytes)};
    for (size_t k = roles ? kMemoryRoles : 0; k-- > 0;) {
      cells.push_back(held.roles[k] == 0 ? "-" : Bytes(held.roles[k]));
    }
    table.AddRow(std::move(cells));
  }
  out << '\n';
  table.Print(out, facts.options.colour);
  PrintMore(rows, holders.size(), "modules", out);
}

void PrintHeldByLine(const SummaryFacts& facts, std::ostream& out) {
  const MemoryAtMoment& moment = *facts.moment;
  const auto holders = HeldBy<Line>(moment, LineOfLive);
  if (holders.size() == 1 && std::get<0>(holders[0].first).empty()) return;
  Table table({"held by line", "function", "bytes", "%", "allocations"}, 2);
  const size_t rows = Rows(facts, kMomentLines, holders.size());
  for (size_t i = 0; i < rows; ++i) {
    const auto& [line, held] = holders[i];
    table.AddRow({LineText(line), EscapeText(std::get<2>(line)),
                  Bytes(held.bytes), Share(held.bytes, moment.live_bytes),
                  CountText(held.allocations)});
  }
  out << '\n';
  table.Print(out, facts.options.colour);
  PrintMore(rows, holders.size(), "lines", out);
}

void PrintLargest(const SummaryFacts& facts, std::ostream& out) {
  const std::vector<LiveStorage>& storages = facts.moment->storages;
  Table table({"largest", "module", "source", "role", "bytes", "from step"}, 4);
  const size_t rows = Rows(facts, kMomentStorages, storages.size());
  for (size_t i = 0; i < rows; ++i) {
    const LiveStorage& live = storages[i];
    const bool known = KnowsRoles(facts) || live.role == MemoryRole::kParameter;
    const std::string maker =
        live.maker == nullptr ? "(outside of ops)" : live.maker->name;
    table.AddRow({EscapeText(absl::StripPrefix(maker, "aten::")),
                  ModuleText(facts, live.module), LineText(LineOfLive(live)),
                  known ? MemoryRoleName(live.role) : "-", Bytes(live.bytes),
                  absl::StrCat(live.step)});
  }
  out << '\n';
  table.Print(out, facts.options.colour);
  PrintMore(rows, storages.size(), "allocations", out);
}

}  // namespace

void PrintMoment(const SummaryFacts& facts, std::ostream& out) {
  if (!facts.run.options().memory() && facts.counts.allocations == 0) {
    out << "\nmemory was not recorded\n";
    return;
  }
  if (!facts.moment) {
    out << "\nmemory did not run out, and the run came to its end\n";
    return;
  }
  PrintHead(facts, out);
  if (facts.moment->storages.empty()) return;
  PrintHeldByModule(facts, out);
  PrintHeldByLine(facts, out);
  PrintLargest(facts, out);
}

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
  for (const auto& [device, held] : HeldBy<std::string>(moment, DeviceOfLive)) {
    json["devices"].push_back({{"name", device},
                               {"bytes", held.bytes},
                               {"allocations", held.allocations}});
  }
  json["modules"] = Json::array();
  for (const auto& [module, held] : HeldBy<int>(moment, ModuleOfLive)) {
    json["modules"].push_back({{"module", PathJsonOf(facts, module)},
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
