// What was computed and moved, in words.

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "output/table.h"
#include "output/text_escape.h"
#include "summary/summary_parts.h"

namespace torchtape::viewer {
namespace {

std::string Flop(absl::uint128 flops) {
  return absl::StrCat(AmountText(static_cast<double>(flops)), "FLOP");
}

// In a column: a dash where there is nothing to count.
std::string Amount(absl::uint128 amount) {
  if (amount == 0) return "-";
  return std::string(
      absl::StripAsciiWhitespace(AmountText(static_cast<double>(amount))));
}

// Empty if it is not known.
std::string RateText(const WorkSum& sum) {
  if (sum.timed_flops == 0 || sum.timed_ns == 0) return "";
  const double seconds = static_cast<double>(sum.timed_ns) / 1e9;
  return AmountText(static_cast<double>(sum.timed_flops) / seconds);
}

std::string IntensityText(const WorkSum& sum) {
  if (sum.flops() == 0 || sum.moved_bytes == 0) return "-";
  return absl::StrFormat("%.1f", static_cast<double>(sum.flops()) /
                                     static_cast<double>(sum.moved_bytes));
}

std::string MovedText(const WorkSum& sum) {
  if (sum.counted_ops == 0) return "-";
  return BytesText(static_cast<double>(sum.moved_bytes));
}

void AddWork(const DirectedWork& work, std::vector<std::string> names,
             Table* table) {
  const WorkSum sum = work.Both();
  names.push_back(Amount(sum.matrix_flops));
  names.push_back(Amount(sum.arithmetic_flops));
  names.push_back(Amount(sum.transcendental_calls));
  names.push_back(sum.flops() == 0
                      ? "-"
                      : ShareText(static_cast<double>(work.backward.flops()),
                                  static_cast<double>(sum.flops())));
  names.push_back(MovedText(sum));
  const std::string rate = RateText(sum);
  names.push_back(rate.empty() ? "-"
                               : std::string(absl::StripAsciiWhitespace(rate)));
  names.push_back(IntensityText(sum));
  names.push_back(sum.unknown_ops == 0 ? "-" : CountText(sum.unknown_ops));
  table->AddRow(std::move(names));
}

std::vector<std::string> Header(std::vector<std::string> names) {
  for (const char* name : {"products", "other", "transc.", "backward", "moved",
                           "FLOP/s", "FLOP/B", "unknown"}) {
    names.push_back(name);
  }
  return names;
}

void PrintModuleWork(const SummaryFacts& facts, std::ostream& out) {
  const std::vector<Module>& modules = facts.attribution.tree().modules();
  const std::vector<DirectedWork> work = facts.work.WithinModules();
  Table table(Header({"module"}), 1);
  std::vector<int> matching;
  for (int index : facts.attribution.tree().Order()) {
    const Module& module = modules[static_cast<size_t>(index)];
    if (absl::StrContains(module.path, facts.options.filter)) {
      matching.push_back(index);
    }
  }
  const size_t rows = Rows(facts, kModuleRows, matching.size());
  for (size_t i = 0; i < rows; ++i) {
    const auto index = static_cast<size_t>(matching[i]);
    AddWork(work[index], {ModuleName(modules[index])}, &table);
  }
  if (facts.options.filter.empty() && !modules.empty()) {
    AddWork(facts.work.optimizer(), {"(optimizer)"}, &table);
    AddWork(facts.work.unattributed(), {"(unattributed)"}, &table);
  }
  if (table.empty()) return;
  out << '\n';
  table.Print(out, facts.options.colour);
  PrintMore(rows, matching.size(), "modules", out);
}

void PrintOpWork(const SummaryFacts& facts, std::ostream& out) {
  std::vector<std::pair<std::string, DirectedWork>> ops;
  for (const SpanTotal& total : facts.ops) {
    DirectedWork work = facts.work.OfName(total.name);
    const WorkSum sum = work.Both();
    const bool counts = sum.flops() > 0 || sum.transcendental_calls > 0 ||
                        sum.moved_bytes > 0 || sum.unknown_ops > 0;
    if (counts) ops.emplace_back(total.name, std::move(work));
  }
  std::stable_sort(ops.begin(), ops.end(), [](const auto& a, const auto& b) {
    return a.second.Both().flops() > b.second.Both().flops();
  });
  if (ops.empty()) return;
  Table table(Header({"op"}), 1);
  const size_t rows = Rows(facts, kOpRows, ops.size());
  for (size_t i = 0; i < rows; ++i) {
    AddWork(ops[i].second, {EscapeText(ops[i].first)}, &table);
  }
  out << '\n';
  table.Print(out, facts.options.colour);
  PrintMore(rows, ops.size(), "ops", out);
}

}  // namespace

void PrintWork(const SummaryFacts& facts, std::ostream& out) {
  const WorkSum sum = facts.work.all().Both();
  if (sum.empty()) return;
  if (sum.flops() > 0) {
    out << "work      " << Flop(sum.matrix_flops) << " in products, "
        << Flop(sum.arithmetic_flops) << " other, "
        << ShareText(static_cast<double>(facts.work.all().backward.flops()),
                     static_cast<double>(sum.flops()))
        << " backward   " << MovedText(sum) << " moved";
    if (const std::string rate = RateText(sum); !rate.empty()) {
      out << "   " << rate << "FLOP/s";
    }
    out << '\n';
  }
  if (sum.unknown_ops > 0) {
    out << (sum.flops() > 0 ? "          " : "work      ")
        << Plural(sum.unknown_ops, "op") << " without a formula, "
        << Share(sum.unknown_ns, facts.op_self_ns) << " of the ops' time\n";
  }
}

void PrintWorkTables(const SummaryFacts& facts, std::ostream& out) {
  PrintModuleWork(facts, out);
  PrintOpWork(facts, out);
}

}  // namespace torchtape::viewer
