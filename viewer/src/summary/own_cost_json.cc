#include "summary/own_cost_json.h"

#include "totals/own_cost.h"

namespace torchtape::viewer {

Json OwnCostJson(const v1::Statistics& statistics, const LogCounts& counts) {
  const std::vector<CostEntry> entries = CostEntries(statistics);
  if (entries.empty()) return nullptr;
  const uint64_t end_ns = statistics.end_time_ns();
  const uint64_t recorded_ns =
      counts.RecordedNs(end_ns > 0 ? end_ns : counts.end_ns);
  const double slowdown = Slowdown(entries, recorded_ns);
  Json json = {{"recorded_ns", recorded_ns},
               {"slowdown", slowdown < 0 ? Json(nullptr) : Json(slowdown)},
               {"calls", Json::array()}};
  for (const CostEntry& entry : entries) {
    json["calls"].push_back({{"thread", entry.thread},
                             {"kind", CostKindText(entry.kind)},
                             {"samples", entry.samples},
                             {"ns_per_call", entry.ns_per_call},
                             {"total_ns", entry.total_ns}});
  }
  return json;
}

}  // namespace torchtape::viewer
