#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "output/table.h"
#include "output/text_escape.h"
#include "output/units.h"
#include "summary/summary.h"
#include "summary/summary_parts.h"

namespace torchtape::viewer {
namespace {

// Rows that a table has unless the user says otherwise.
constexpr size_t kBackwardRows = 8;
constexpr size_t kSourceRows = 25;

// What the longest names of a line of source get.
constexpr size_t kFunctionColumns = 32;
constexpr size_t kOpsColumns = 24;

void AddTimes(const SummaryFacts& facts, const UnitTime& all,
              const UnitTime& self, std::vector<std::string>* cells) {
  cells->push_back(all.forward_count ? Time(all.forward_ns) : "-");
  cells->push_back(all.backward_count ? Time(all.backward_ns) : "-");
  cells->push_back(self.count() ? Time(self.ns()) : "-");
  cells->push_back(all.count() ? Share(all.ns(), facts.modules.all().ns())
                               : "-");
}

void AddModule(const SummaryFacts& facts, const ModuleTotal& total,
               const DeviceModuleTime* device, Table* table) {
  const Module& module = facts.attribution.tree().modules()[total.index];
  const std::optional<uint64_t> peak = facts.memory.PeakOf(total.index);
  const std::optional<uint64_t> saved = facts.memory.saved().Of(total.index);
  std::vector<std::string> cells = {
      ModuleName(module), EscapeText(ShortType(module.type)),
      total.calls ? CountText(*total.calls) : "-"};
  AddTimes(facts, total.ops, total.self_ops, &cells);
  cells.push_back(CountText(module.parameters));
  if (facts.memory.saved().all()) {
    cells.push_back(saved ? Bytes(*saved) : "-");
  }
  cells.push_back(peak ? Bytes(*peak) : "-");
  if (device != nullptr) {
    cells.push_back(Time(device->forward_ns));
    cells.push_back(Time(device->backward_ns));
  }
  table->AddRow(std::move(cells));
}

bool AnyTime(const std::vector<DeviceModuleTime>& times) {
  return std::any_of(times.begin(), times.end(), [](const auto& time) {
    return time.forward_ns || time.backward_ns;
  });
}

// What is in no module: the rows add up to the time of all ops.
void AddRest(const SummaryFacts& facts, const char* name, const UnitTime& time,
             const DeviceModuleTime* device, Table* table) {
  if (time.ns() == 0 || !facts.options.filter.empty()) return;
  std::vector<std::string> cells = {name, "", ""};
  AddTimes(facts, time, time, &cells);
  if (device != nullptr) {
    const size_t blank = facts.memory.saved().all() ? 3 : 2;
    cells.resize(cells.size() + blank);
    cells.insert(cells.end(), {Time(device->forward_ns), "-"});
  }
  table->AddRow(std::move(cells));
}

void AddGroups(const SummaryFacts& facts, Table* table) {
  if (!facts.options.filter.empty()) return;
  for (const OptimizerGroup& group : facts.groups) {
    if (group.count == 0) continue;
    UnitTime time;
    time.forward_ns = group.time_ns;
    time.forward_count = group.count;
    std::vector<std::string> cells = {
        absl::StrCat("  ", EscapeText(group.name)), EscapeText(group.type), ""};
    AddTimes(facts, time, UnitTime(), &cells);  // it is in (optimizer)
    cells.push_back(CountText(group.parameters));
    table->AddRow(std::move(cells));
  }
}

void PrintModules(const SummaryFacts& facts, std::ostream& out) {
  const std::vector<ModuleTotal> totals = facts.modules.totals();
  if (totals.empty()) return;
  const std::vector<DeviceModuleTime> devices = facts.DeviceModules();
  const bool on_device = AnyTime(devices);
  std::vector<std::string> header = {"module",   "type", "calls",   "forward",
                                     "backward", "self", "op time", "params"};
  if (facts.memory.saved().all()) header.push_back("saved");
  header.push_back("peak");
  if (on_device) header.insert(header.end(), {"device fwd", "device bwd"});
  Table table(std::move(header), 2);
  const std::vector<Module>& modules = facts.attribution.tree().modules();
  std::vector<ModuleTotal> matching;
  for (const ModuleTotal& total : totals) {
    if (absl::StrContains(modules[total.index].path, facts.options.filter)) {
      matching.push_back(total);
    }
  }
  const size_t rows = Rows(facts, kModuleRows, matching.size());
  for (size_t i = 0; i < rows; ++i) {
    AddModule(facts, matching[i],
              on_device ? &devices[matching[i].index] : nullptr, &table);
  }
  const DeviceModuleTime optimizer = {facts.devices.optimizer_ns(), {}};
  const DeviceModuleTime rest;
  AddRest(facts, "(optimizer)", facts.modules.optimizer(),
          on_device ? &optimizer : nullptr, &table);
  AddGroups(facts, &table);
  AddRest(facts, "(unattributed)", facts.modules.unattributed(),
          on_device ? &rest : nullptr, &table);
  if (table.empty()) return;
  out << '\n';
  table.Print(out, facts.options.colour);
  PrintMore(rows, matching.size(), "modules", out);
}

std::string MeanTime(const SpanTotal& total) {
  const uint64_t timed = total.count - total.untimed_count;
  return timed == 0 ? "-"
                    : TimeText(static_cast<double>(total.total_ns) / timed);
}

void PrintOps(const SummaryFacts& facts, std::ostream& out) {
  if (facts.ops.empty()) return;
  Table table({"op", "count", "self time", "%", "forward", "backward", "total",
               "per call"},
              1);
  const size_t rows = Rows(facts, kOpRows, facts.ops.size());
  for (size_t i = 0; i < rows; ++i) {
    const SpanTotal& total = facts.ops[i];
    table.AddRow({EscapeText(total.name), CountText(total.count),
                  Time(total.self_ns), Share(total.self_ns, facts.op_self_ns),
                  total.forward_count ? Time(total.forward_self_ns) : "-",
                  total.backward_count ? Time(total.backward_self_ns) : "-",
                  Time(total.total_ns), MeanTime(total)});
  }
  out << '\n';
  table.Print(out, facts.options.colour);
  PrintMore(rows, facts.ops.size(), "ops", out);
}

void PrintSpans(const SummaryFacts& facts, const char* what,
                const std::vector<SpanTotal>& totals, std::ostream& out) {
  if (totals.empty()) return;
  Table table({what, "count", "total", "self time", "per call"}, 1);
  const size_t rows = Rows(facts, kBackwardRows, totals.size());
  for (size_t i = 0; i < rows; ++i) {
    const SpanTotal& total = totals[i];
    table.AddRow({EscapeText(total.name), CountText(total.count),
                  Time(total.total_ns), Time(total.self_ns), MeanTime(total)});
  }
  out << '\n';
  table.Print(out, facts.options.colour);
  PrintMore(rows, totals.size(), "rows", out);
}

// "add, relu" of the calls of a line.
std::string OpsOf(const SourceTotal& total) {
  std::vector<std::string> names;
  for (const SpanTotal& op : total.ops) {
    names.push_back(EscapeText(absl::StripPrefix(op.name, "aten::")));
  }
  return FitText(absl::StrJoin(names, ", "), kOpsColumns);
}

std::string FunctionOf(const SourceTotal& total) {
  return FitText(EscapeText(absl::StripPrefix(total.frame.function,
                                              "(anonymous namespace)::")),
                 kFunctionColumns);
}

void AddSource(const SummaryFacts& facts, const std::string& place,
               const SourceTotal& total, Table* table) {
  const SpanTotal& sum = total.sum;
  table->AddRow({place, FunctionOf(total), OpsOf(total), CountText(sum.count),
                 Time(sum.self_ns), Share(sum.self_ns, facts.source_self_ns),
                 sum.forward_self_ns ? Time(sum.forward_self_ns) : "-",
                 sum.backward_self_ns ? Time(sum.backward_self_ns) : "-",
                 Time(sum.total_ns)});
}

// "model.cc:42"; with its folder where another file has the same name.
std::string SourceName(const SummaryFacts& facts, const SourceFrame& frame) {
  if (frame.line == 0) return "-";
  const std::filesystem::path path = frame.file;
  const auto is_like = [&path](const SourceTotal& other) {
    return other.frame.file != path &&
           std::filesystem::path(other.frame.file).filename() ==
               path.filename();
  };
  const bool ambiguous =
      std::any_of(facts.sources.begin(), facts.sources.end(), is_like);
  const std::filesystem::path name =
      ambiguous ? path.parent_path().filename() / path.filename()
                : path.filename();
  return EscapeText(absl::StrCat(name.string(), ":", frame.line));
}

void PrintSources(const SummaryFacts& facts, std::ostream& out) {
  Table table({"source", "function", "ops", "calls", "self time", "%",
               "forward", "backward", "total"},
              3);
  const size_t rows = Rows(facts, kSourceRows, facts.sources.size());
  for (size_t i = 0; i < rows; ++i) {
    const SourceTotal& total = facts.sources[i];
    AddSource(facts, SourceName(facts, total.frame), total, &table);
  }
  const bool is_rest =
      facts.no_source.sum.self_ns > 0 || facts.no_source.sum.count > 0;
  if (is_rest && facts.options.filter.empty()) {
    AddSource(facts, "(not known)", facts.no_source, &table);
  }
  if (table.empty()) return;
  out << '\n';
  table.Print(out, facts.options.colour);
  PrintMore(rows, facts.sources.size(), "lines", out);
}

}  // namespace

std::string ModuleName(const Module& module) {
  return std::string(2 * static_cast<size_t>(module.depth), ' ') +
         EscapeText(NameOf(module));
}

void PrintTables(const SummaryFacts& facts, std::ostream& out) {
  if (facts.options.by == "source") return PrintSources(facts, out);
  if (facts.options.by == "work") return PrintWorkTables(facts, out);
  if (facts.options.by == "waits") return PrintWaits(facts, out);
  if (facts.options.by == "device") return PrintIdle(facts, out);
  if (facts.options.by == "oom") return PrintMoment(facts, out);
  if (facts.options.by == "path") return PrintPath(facts, out);
  PrintModules(facts, out);
  PrintOps(facts, out);
  PrintKernelTables(facts, out);
  PrintSpans(facts, "backward node", facts.backward, out);
  PrintSpans(facts, "range", facts.ranges, out);
  PrintSpans(facts, "script", facts.scripts, out);
  PrintSpans(facts, "device call", facts.device_calls, out);
}

}  // namespace torchtape::viewer
