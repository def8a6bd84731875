#include "report/report_log.h"

#include <map>
#include <sstream>
#include <utility>

#include "output/text_escape.h"
#include "replay/log_state.h"
#include "report/report_devices.h"
#include "report/report_json.h"
#include "source/symbolizer.h"

namespace torchtape::viewer {
namespace {

class ReportValues : public Visitor {
 public:
  void OnValue(const v1::LoggedValue& value) override {
    const auto [it, is_new] = names_.try_emplace(value.name(), names_.size());
    name_.Add(it->second);
    step_.Add(value.step());
    value_.AddReal(value.value());
  }

  // Also the names, by number.
  Json TakeColumns(Columns* columns) {
    Json names = Json::array();
    for (size_t i = 0; i < names_.size(); ++i) names.push_back("");
    for (const auto& [name, number] : names_) names[number] = ToUtf8(name);
    columns->emplace_back("value_name", std::move(name_));
    columns->emplace_back("value_step", std::move(step_));
    columns->emplace_back("value_number", std::move(value_));
    return names;
  }

 private:
  std::map<std::string, size_t> names_;
  Column name_, step_, value_;
};

Json ChosenJson(const StepRange& range) {
  if (range.all()) return nullptr;
  return {{"first", range.first}, {"last", range.last}};
}

}  // namespace

// The same numbers as the tool prints: they are what it prints.
absl::StatusOr<LogSummary> SummarizeLog(const Log& log,
                                        const VerbOptions& options) {
  VerbOptions by_source = options;
  by_source.json = true;
  by_source.by = "source";
  std::ostringstream text;
  absl::StatusOr<Outcome> outcome = Summary(log, by_source, text);
  if (!outcome.ok()) return outcome.status();
  LogSummary summary;
  summary.notes = std::move(outcome->notes);
  Json json = Json::parse(text.str());
  // A row for each step of an endless run is too much for a page.
  if (!json["released"].is_null()) {
    for (const char* key : {"step_rows", "values"}) json["released"].erase(key);
  }
  summary.steps = ReportStepsOf(json);
  summary.json = json.dump();
  return summary;
}

absl::StatusOr<std::string> PackLog(const Log& log, const VerbOptions& options,
                                    const LogSummary& summary,
                                    const KeptSteps& kept, size_t most_spans) {
  const Json totals = Json::parse(summary.json);
  Symbolizer symbolizer(SearchPlaces{options.symbols});
  CallSiteModules call_sites(&symbolizer);
  Attribution attribution(&call_sites);
  SourceLines lines(&symbolizer);
  LogCounts counts;
  OpWork work;
  ReportSpans spans(&kept, &attribution, &lines, &work, most_spans);
  ReportMemory memory(&kept, &attribution, &spans, most_spans);
  ReportDevices devices(
      {!totals["device_time"].is_null(), !totals["kernels"].is_null()}, &kept,
      &spans, most_spans);
  MemoryRoles roles([&memory](uint64_t storage, MemoryRole role) {
    memory.SetRole(storage, role);
  });
  ReportValues values;
  attribution.AddVisitor(&spans);
  attribution.AddVisitor(&memory);
  absl::StatusOr<ReplayReport> report =
      ReplayLog(log, options, format::StreamCursor::Columns::kAll,
                {&counts, &attribution, &lines, &work, &spans, &memory,
                 &devices, &roles, &values});
  if (!report.ok()) return report.status();

  const Json chosen = ChosenJson(options.steps);
  Json facts = ReportJson({totals, chosen, kept, counts, *report, attribution,
                           spans, memory, devices, summary.notes});
  Columns columns;
  spans.TakeColumns(&columns);
  memory.TakeColumns(&columns);
  devices.TakeColumns(&columns);
  facts["device_streams"] = devices.StreamsJson();
  facts["activities"] = devices.ActivitiesJson();
  facts["value_names"] = values.TakeColumns(&columns);
  return PackReport(std::move(facts), columns);
}

}  // namespace torchtape::viewer
