#include <map>
#include <sstream>
#include <utility>

#include "output/text_escape.h"
#include "replay/log_state.h"
#include "report/report_devices.h"
#include "report/report_json.h"
#include "report/report_page.h"
#include "report/report_steps.h"
#include "source/symbolizer.h"

namespace torchtape::viewer {
namespace {

// Twice what follows from the bound on events: what is chosen is an estimate.
constexpr size_t kMostSpans = kMostReportEvents;

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

// The log is read twice, for one bar of progress; as a whole, since the page has
// the values of all steps.
VerbOptions Half(VerbOptions options, int half) {
  options.whole = true;
  const auto progress = options.progress;
  if (!progress) return options;
  options.progress = [progress, half](uint64_t done, uint64_t total) {
    progress((done + (half == 0 ? 0 : total)) / 2, total);
  };
  return options;
}

// The same numbers as the tool prints: they are what it prints.
absl::StatusOr<Json> SummaryOf(const Log& log, const VerbOptions& options,
                               std::vector<std::string>* notes) {
  VerbOptions summary = Half(options, 0);
  summary.json = true;
  summary.by = "source";
  std::ostringstream text;
  absl::StatusOr<Outcome> outcome = Summary(log, summary, text);
  if (!outcome.ok()) return outcome.status();
  *notes = std::move(outcome->notes);
  Json json = Json::parse(text.str());
  // A row for each step of an endless run is too much for a page.
  if (!json["released"].is_null()) {
    for (const char* key : {"step_rows", "values"}) json["released"].erase(key);
  }
  return json;
}

Json ChosenJson(const StepRange& range) {
  if (range.all()) return nullptr;
  return {{"first", range.first}, {"last", range.last}};
}

}  // namespace

absl::StatusOr<Outcome> Report(const Log& log, const VerbOptions& options,
                               std::ostream& out) {
  const ReportPage page = GetReportPage();
  if (page.head.empty()) {
    return absl::UnimplementedError(
        "this build of torchtape has no report: esbuild was not found when it "
        "was built");
  }
  Outcome outcome;
  absl::StatusOr<Json> summary = SummaryOf(log, options, &outcome.notes);
  if (!summary.ok()) return summary.status();
  KeptSteps kept;
  const uint64_t events = (*summary)["run"]["events"];
  if (!options.steps.all() || events > kMostReportEvents) {
    kept = ChooseSteps(*summary, kMostReportEvents);
  }

  Symbolizer symbolizer(SearchPlaces{options.symbols});
  CallSiteModules call_sites(&symbolizer);
  Attribution attribution(&call_sites);
  SourceLines lines(&symbolizer);
  LogCounts counts;
  OpWork work;
  ReportSpans spans(&kept, &attribution, &lines, &work, kMostSpans);
  ReportMemory memory(&kept, &attribution, &spans, kMostSpans);
  ReportDevices devices(!(*summary)["device_time"].is_null(), &kept, &spans);
  MemoryRoles roles([&memory](uint64_t storage, MemoryRole role) {
    memory.SetRole(storage, role);
  });
  ReportValues values;
  attribution.AddVisitor(&spans);
  attribution.AddVisitor(&memory);
  absl::StatusOr<ReplayReport> report =
      ReplayLog(log, Half(options, 1), format::StreamCursor::Columns::kAll,
                {&counts, &attribution, &lines, &work, &spans, &memory,
                 &devices, &roles, &values});
  if (!report.ok()) return report.status();

  const Json chosen = ChosenJson(options.steps);
  Json facts = ReportJson({*summary, chosen, kept, counts, *report, attribution,
                           spans, memory, outcome.notes});
  Columns columns;
  spans.TakeColumns(&columns);
  memory.TakeColumns(&columns);
  devices.TakeColumns(&columns);
  facts["device_streams"] = devices.StreamsJson();
  facts["value_names"] = values.TakeColumns(&columns);
  out << page.head << PackReport(std::move(facts), columns) << page.tail;
  return outcome;
}

}  // namespace torchtape::viewer
