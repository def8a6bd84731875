#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "output/table.h"
#include "summary/summary.h"
#include "summary/summary_parts.h"

namespace torchtape::viewer {
namespace {

constexpr size_t kLaunchRows = 25;

// Where waits are not known, neither is how long the host takes to launch. What
// works for nobody is no module.
std::optional<bool> Verdict(const SummaryFacts& facts,
                            const LaunchTotal& total) {
  if (!facts.run.options().device_calls()) return {};
  if (total.module == kNoModule && !total.optimizer) return {};
  return total.IsLaunchBound();
}

std::string OwnerText(const SummaryFacts& facts, const LaunchTotal& total) {
  return ModulePathText(facts, total.module,
                        total.optimizer ? "(optimizer)" : "(none)");
}

std::string TimeOrDash(uint64_t ns) { return ns == 0 ? "-" : Time(ns); }

}  // namespace

// Modules that gave devices nothing to do, and let none wait, are left out.
void PrintLaunchBound(const SummaryFacts& facts, std::ostream& out) {
  std::vector<LaunchTotal> matching;
  for (LaunchTotal& total :
       facts.launch_bound.totals(facts.kernels, facts.idle)) {
    if (total.kernels.count == 0 && total.idle_ns == 0) continue;
    if (!absl::StrContains(OwnerText(facts, total), facts.options.filter)) {
      continue;
    }
    matching.push_back(std::move(total));
  }
  if (matching.empty()) return;
  Table table({"module", "kernels", "on the device", "on the host",
               "of it waiting", "idle because of it", "launch-bound"},
              1);
  const size_t rows = Rows(facts, kLaunchRows, matching.size());
  for (size_t i = 0; i < rows; ++i) {
    const LaunchTotal& total = matching[i];
    const std::optional<bool> verdict = Verdict(facts, total);
    table.AddRow({OwnerText(facts, total), CountText(total.kernels.count),
                  Time(total.kernels.total_ns), Time(total.host_ns),
                  TimeOrDash(total.wait_ns), TimeOrDash(total.idle_ns),
                  !verdict   ? "-"
                  : *verdict ? "yes"
                             : "no"});
  }
  out << '\n';
  table.Print(out, facts.options.colour);
  PrintMore(rows, matching.size(), "modules", out);
}

// Null: the log has no kernels.
Json LaunchBoundJson(const SummaryFacts& facts) {
  if (facts.counts.activities == 0) return nullptr;
  Json json = Json::array();
  for (const LaunchTotal& total :
       facts.launch_bound.totals(facts.kernels, facts.idle)) {
    const std::optional<bool> verdict = Verdict(facts, total);
    json.push_back(
        {{"module", ModulePath(facts, total.module)},
         {"optimizer", total.optimizer},
         {"count", total.kernels.count},
         {"total_ns", total.kernels.total_ns},
         {"host_ns", total.host_ns},
         {"wait_ns", facts.run.options().device_calls() ? Json(total.wait_ns)
                                                        : Json(nullptr)},
         {"idle_ns", total.idle_ns},
         {"launch_bound", verdict ? Json(*verdict) : Json(nullptr)}});
  }
  return json;
}

}  // namespace torchtape::viewer
