#include <algorithm>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "output/table.h"
#include "output/text_escape.h"
#include "source/source_json.h"
#include "summary/kernel_json.h"
#include "summary/summary.h"
#include "summary/summary_parts.h"

namespace torchtape::viewer {
namespace {

constexpr size_t kIdleRows = 15;

void PrintUse(const SummaryFacts& facts, std::ostream& out) {
  Table table({"device", "kernels", "only copies", "idle", "busy", "gaps",
               "longest gap"},
              1);
  for (const auto& [number, use] : facts.idle.devices()) {
    table.AddRow({absl::StrCat("cuda:", number), Time(use.kernel_ns),
                  Time(use.copy_ns), Time(use.all_idle_ns()),
                  Share(use.kernel_ns + use.copy_ns, use.all_ns()),
                  CountText(use.gaps), Time(use.longest_gap_ns)});
  }
  out << '\n';
  table.Print(out, facts.options.colour);
}

// Of the gaps of a cause that one op ended, those in one place.
struct GapRow {
  const IdleTotal* total;
  const IdlePlace* place;
};

bool Matches(const SummaryFacts& facts, const GapRow& row) {
  const std::string& filter = facts.options.filter;
  return absl::StrContains(row.total->op, filter) ||
         absl::StrContains(NameOf(row.place->frame), filter) ||
         (row.place->module != kNoModule &&
          absl::StrContains(ModulePathText(facts, row.place->module, ""),
                            filter));
}

void PrintGaps(const SummaryFacts& facts, std::ostream& out) {
  const std::vector<IdleTotal> totals = facts.idle.totals().totals();
  std::vector<GapRow> matching;
  uint64_t idle_ns = 0;
  for (const IdleTotal& total : totals) {
    idle_ns += total.total_ns;
    for (const IdlePlace& place : total.places) {
      const GapRow row = {&total, &place};
      if (Matches(facts, row)) matching.push_back(row);
    }
  }
  if (matching.empty()) return;
  std::stable_sort(matching.begin(), matching.end(),
                   [](const GapRow& a, const GapRow& b) {
                     return a.place->total_ns > b.place->total_ns;
                   });
  Table table({"idle because of", "device", "the host was in", "at",
               "until this was launched", "gaps", "total", "%", "longest"},
              5);
  const size_t rows = Rows(facts, kIdleRows, matching.size());
  for (size_t i = 0; i < rows; ++i) {
    const IdleTotal& total = *matching[i].total;
    const IdlePlace& place = *matching[i].place;
    table.AddRow({IdleCauseName(total.cause),
                  absl::StrCat("cuda:", total.device),
                  ModulePathText(facts, place.module,
                                 place.optimizer ? "(optimizer)" : "-"),
                  place.frame.file.empty() ? "-" : LineText(place.frame),
                  total.op.empty() ? "-" : EscapeText(total.op),
                  CountText(place.count), Time(place.total_ns),
                  Share(place.total_ns, idle_ns), Time(place.longest_ns)});
  }
  out << '\n';
  table.Print(out, facts.options.colour);
  PrintMore(rows, matching.size(), "causes", out);
}

Json PlacesJson(const SummaryFacts& facts, const IdleTotal& total) {
  Json json = Json::array();
  for (const IdlePlace& place : total.places) {
    Json entry = FrameJson(place.frame);
    entry["module"] = ModulePath(facts, place.module);
    entry["optimizer"] = place.optimizer;
    entry["count"] = place.count;
    entry["total_ns"] = place.total_ns;
    entry["longest_ns"] = place.longest_ns;
    json.push_back(std::move(entry));
  }
  return json;
}

}  // namespace

std::string DeviceUseText(const SummaryFacts& facts, uint32_t device) {
  const auto found = facts.idle.devices().find(device);
  if (found == facts.idle.devices().end()) return "";
  const DeviceUse& use = found->second;
  const uint64_t idle_ns = use.all_idle_ns();
  if (idle_ns == 0) return "";
  std::string text = absl::StrCat("idle ", Time(idle_ns), " in ",
                                  Plural(use.gaps, "gap"), ":");
  for (size_t i = 0; i < kIdleCauses; ++i) {
    if (use.idle_ns[i] == 0) continue;
    absl::StrAppend(&text, "   ", IdleCauseName(static_cast<IdleCause>(i)), " ",
                    Share(use.idle_ns[i], idle_ns));
  }
  return text;
}

void PrintIdle(const SummaryFacts& facts, std::ostream& out) {
  const v1::Options& options = facts.run.options();
  if (facts.idle.devices().empty()) {
    out << '\n'
        << (WantsKernels(options)
                ? "no kernels are in the log"
                : "kernels were not recorded (device_time=kernels)")
        << ", so when a device was idle is not known\n";
    return;
  }
  PrintUse(facts, out);
  PrintGaps(facts, out);
  PrintLaunchBound(facts, out);
  if (!options.device_calls()) {
    out << "\ndevice calls were not recorded, so of most gaps it is not known "
           "whether the host\nwaited or was too slow\n";
  }
}

Json GapsJson(const SummaryFacts& facts) {
  Json json = Json::array();
  for (const IdleTotal& total : facts.idle.totals().totals()) {
    json.push_back(
        {{"device", absl::StrCat("cuda:", total.device)},
         {"cause", IdleCauseName(total.cause)},
         {"op", total.op.empty() ? Json(nullptr) : Json(ToUtf8(total.op))},
         {"count", total.count},
         {"total_ns", total.total_ns},
         {"longest_ns", total.longest_ns},
         {"meanwhile", PlacesJson(facts, total)}});
  }
  return json;
}

}  // namespace torchtape::viewer
