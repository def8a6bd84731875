#include <algorithm>

#include "absl/strings/str_cat.h"
#include "output/table.h"
#include "output/text_escape.h"
#include "output/units.h"
#include "summary/summary.h"
#include "summary/summary_parts.h"

namespace torchtape::viewer {
namespace {

constexpr size_t kPathRows = 15;

// A name's share of the paths, the largest first.
using Shares = std::vector<std::pair<std::string, uint64_t>>;

void SortShares(Shares* shares) {
  std::stable_sort(
      shares->begin(), shares->end(),
      [](const auto& a, const auto& b) { return a.second > b.second; });
}

Shares ModuleShares(const SummaryFacts& facts) {
  Shares shares;
  const std::vector<Module>& modules = facts.attribution.tree().modules();
  for (const auto& [module, ns] : facts.path->modules()) {
    const bool known = module != kNoModule;
    shares.emplace_back(
        known ? modules[static_cast<size_t>(module)].path : std::string(), ns);
  }
  SortShares(&shares);
  return shares;
}

Shares OpShares(const SummaryFacts& facts) {
  const auto& ops = facts.path->ops();
  Shares shares(ops.begin(), ops.end());
  SortShares(&shares);
  return shares;
}

bool HasDevices(const SummaryFacts& facts) {
  return facts.run.options().device_time() == v1::DEVICE_TIME_LEVEL_OPS;
}

Json SumJson(const SummaryFacts& facts, const PathSum& sum) {
  return {
      {"op_ns", sum.op_ns},
      {"backward_ns", sum.backward_ns},
      {"device_ns", HasDevices(facts) ? Json(sum.device_ns) : Json(nullptr)},
      {"between_ns", sum.between_ns},
      {"beside_ns", sum.beside_ns},
      {"parts", sum.parts}};
}

Json SharesJson(const Shares& shares, const char* key) {
  Json json = Json::array();
  for (const auto& [name, ns] : shares) {
    json.push_back({{key, name.empty() ? Json(nullptr) : Json(ToUtf8(name))},
                    {"path_ns", ns}});
  }
  return json;
}

void PrintShares(const SummaryFacts& facts, const char* heading,
                 const Shares& shares, std::ostream& out) {
  Table table({heading, "on the path", "%"}, 1);
  const size_t rows = Rows(facts, kPathRows, shares.size());
  for (size_t i = 0; i < rows; ++i) {
    const auto& [name, ns] = shares[i];
    table.AddRow({name.empty() ? "(no module)" : EscapeText(name), Time(ns),
                  Share(ns, facts.path->all().on_path_ns())});
  }
  out << '\n';
  table.Print(out, facts.options.colour);
  PrintMore(rows, shares.size(), absl::StrCat(heading, "s").c_str(), out);
}

}  // namespace

Json PathJson(const SummaryFacts& facts) {
  Json json = SumJson(facts, facts.path->all());
  json["steps"] = Json::array();
  for (const Step& step : facts.steps) {
    const PathSum* sum = facts.path->OfStep(step.number);
    if (sum == nullptr) continue;
    Json entry = SumJson(facts, *sum);
    entry["number"] = step.number;
    json["steps"].push_back(std::move(entry));
  }
  json["modules"] = SharesJson(ModuleShares(facts), "path");
  json["ops"] = SharesJson(OpShares(facts), "name");
  return json;
}

void PrintPath(const SummaryFacts& facts, std::ostream& out) {
  const PathSum& all = facts.path->all();
  const uint64_t ns = all.on_path_ns();
  if (ns == 0) {
    out << "\nno step with ops, so no critical path\n";
    return;
  }
  out << "\ncritical path   other ops " << Share(all.op_ns, ns)
      << "   backward " << Share(all.backward_ns, ns);
  if (HasDevices(facts)) out << "   device " << Share(all.device_ns, ns);
  out << "   between " << Share(all.between_ns, ns) << "   beside it "
      << Time(all.beside_ns) << " of ops\n";
  PrintShares(facts, "module", ModuleShares(facts), out);
  PrintShares(facts, "op", OpShares(facts), out);
}

}  // namespace torchtape::viewer
