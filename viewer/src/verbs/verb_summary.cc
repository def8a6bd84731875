#include <algorithm>

#include "absl/strings/match.h"
#include "summary/kernel_json.h"
#include "summary/summary.h"

namespace torchtape::viewer {
namespace {

std::vector<SpanTotal> Shown(const SpanTotals& spans, v1::SpanKind kind,
                             const VerbOptions& options) {
  std::vector<SpanTotal> totals = spans.OfKind(kind);
  FilterTotals(options.filter, &totals);
  SortTotals(options.sort, &totals);
  return totals;
}

std::vector<Step> Chosen(const StepTotals& steps, const StepRange& range) {
  std::vector<Step> chosen;
  for (const Step& step : steps.steps()) {
    if (range.Contains(step.number)) chosen.push_back(step);
  }
  return chosen;
}

std::vector<ValueTotal> Matching(const ValueTotals& values,
                                 const std::string& filter) {
  std::vector<ValueTotal> matching;
  for (const ValueTotal& total : values.totals()) {
    if (absl::StrContains(total.name, filter)) matching.push_back(total);
  }
  return matching;
}

// Those whose line, op or call contains what was asked for.
std::vector<WaitTotal> Matching(const WaitTotals& waits,
                                const std::string& filter) {
  std::vector<WaitTotal> matching;
  for (WaitTotal& wait : waits.totals()) {
    if (absl::StrContains(NameOf(wait.frame), filter) ||
        absl::StrContains(wait.op, filter) ||
        absl::StrContains(wait.call, filter)) {
      matching.push_back(std::move(wait));
    }
  }
  return matching;
}

// Not killed, and not still going on.
bool CameToItsEnd(const Log& log, const ReplayReport& report) {
  return log.is_being_recorded ||
         (report.index && !report.index->statistics().has_recovered_events());
}

void AddSources(const SourceTotals& sources, SummaryFacts* facts) {
  const VerbOptions& options = facts->options;
  std::vector<SourceTotal> totals = sources.totals();
  facts->no_source = totals[0];
  for (const SourceTotal& total : totals) {
    facts->source_self_ns += total.sum.self_ns;
  }
  for (size_t i = 1; i < totals.size(); ++i) {
    if (!absl::StrContains(totals[i].sum.name, options.filter)) continue;
    // Lines that only other steps reached have nothing.
    if (totals[i].ops.empty() && totals[i].backward.empty()) continue;
    facts->sources.push_back(std::move(totals[i]));
  }
  std::stable_sort(facts->sources.begin(), facts->sources.end(),
                   [&options](const SourceTotal& a, const SourceTotal& b) {
                     return ComesBefore(options.sort, a.sum, b.sum);
                   });
}

}  // namespace

absl::StatusOr<Outcome> Summary(const Log& log, const VerbOptions& options,
                                std::ostream& out) {
  absl::StatusOr<v1::Run> run = ReadRun(log);
  if (!run.ok()) return run.status();
  LogCounts counts;
  StepTotals steps(run->options().schedule().empty());
  SpanTotals spans(options.steps);
  ValueTotals values(options.steps);
  Symbolizer symbolizer(SearchPlaces{options.symbols});
  CallSiteModules call_sites(&symbolizer);
  Attribution attribution(&call_sites);
  ModuleTotals modules(options.steps, &attribution);
  MemoryTotals memory(options.steps, &attribution);
  SourceLines lines(&symbolizer);
  MemoryMoment moment(options.steps, &attribution, &lines);
  const bool by_moment = options.by == "oom";
  MemoryRoles roles([&](uint64_t storage, MemoryRole role) {
    memory.SetRole(storage, role);
    if (by_moment) moment.SetRole(storage, role);
  });
  OptimizerGroups groups(options.steps, &attribution);
  OpWork op_work;
  WorkTotals work(options.steps, &op_work, &attribution);
  DeviceTotals devices(*run, options.steps, &attribution);
  Launches launches(&attribution);
  KernelTotals kernels(options.steps, &attribution, &launches);
  HostStates hosts(&attribution, &lines);
  DeviceIdle idle(options.steps, run->options().device_calls(), &launches,
                  &hosts);
  LaunchBound launch_bound(options.steps, &attribution);
  DeviceMemoryTotals device_memory(options.steps);
  for (UnitVisitor* visitor : std::initializer_list<UnitVisitor*>{
           &modules, &groups, &memory, &work, &devices, &kernels}) {
    attribution.AddVisitor(visitor);
  }
  std::vector<Visitor*> visitors = {
      &counts,  &steps,   &spans,         &values,   &attribution,
      &modules, &memory,  &roles,         &groups,   &op_work,
      &work,    &devices, &device_memory, &launches, &kernels};
  if (options.by == "device") visitors.push_back(&lines);
  if (WantsKernels(run->options())) {
    visitors.insert(visitors.end(), {&hosts, &idle, &launch_bound});
    for (UnitVisitor* visitor :
         std::initializer_list<UnitVisitor*>{&hosts, &idle, &launch_bound}) {
      attribution.AddVisitor(visitor);
    }
  }
  SourceTotals sources(options.steps, &lines);
  WaitTotals waits(options.steps, &attribution, &lines);
  if (options.by == "source") {
    visitors.insert(visitors.end(), {&lines, &sources});
  } else if (options.by == "waits") {
    visitors.insert(visitors.end(), {&lines, &waits});
    attribution.AddVisitor(&waits);
  } else if (by_moment) {
    visitors.insert(std::find(visitors.begin(), visitors.end(), &roles),
                    &moment);
    visitors.push_back(&lines);
    attribution.AddVisitor(&moment);
  }
  PathTotals path(options.steps,
                  run->options().device_time() == v1::DEVICE_TIME_LEVEL_OPS,
                  &counts, &attribution);
  if (options.by == "path") {
    visitors.push_back(&path);
    attribution.AddVisitor(&path);
  }
  VerbOptions reading = options;
  reading.whole |= by_moment;  // only the end tells of one
  absl::StatusOr<ReplayReport> report =
      ReplayLog(log, reading, format::StreamCursor::Columns::kAll, visitors);
  if (!report.ok()) return report.status();
  absl::Status covered = steps.Covers(options.steps);
  if (!covered.ok()) return covered;
  if (!report->whole) counts = LogCounts::Of(*report->index);

  SummaryFacts facts = {log,          options,       *run,           *report,
                        counts,       attribution,   modules,        memory,
                        work,         devices,       kernels,        idle,
                        launch_bound, device_memory, groups.groups()};
  facts.steps = Chosen(steps, options.steps);
  facts.ops = Shown(spans, v1::SPAN_KIND_OP, options);
  facts.backward = Shown(spans, v1::SPAN_KIND_BACKWARD, options);
  facts.ranges = Shown(spans, v1::SPAN_KIND_RANGE, options);
  facts.scripts = Shown(spans, v1::SPAN_KIND_SCRIPT, options);
  facts.device_calls = Shown(spans, v1::SPAN_KIND_DEVICE_CALL, options);
  facts.values = Matching(values, options.filter);
  for (const SpanTotal& total : spans.OfKind(v1::SPAN_KIND_OP)) {
    facts.op_self_ns += total.self_ns;
  }
  if (options.by == "source") AddSources(sources, &facts);
  for (const WaitTotal& wait : waits.totals()) facts.wait_ns += wait.wait_ns;
  facts.waits = Matching(waits, options.filter);
  if (options.by == "path") facts.path = &path;
  if (by_moment) facts.moment = moment.moment(CameToItsEnd(log, *report));
  const bool any_recorded =
      std::any_of(facts.steps.begin(), facts.steps.end(),
                  [](const Step& step) { return step.recorded; });
  // The run facts may be damaged while the events are not.
  if ((run->options().memory() && any_recorded) || counts.allocations > 0) {
    facts.peak = memory.peak();
  }
  if (options.json) {
    out << SummaryJson(facts).dump(2) << '\n';
  } else {
    PrintSummary(facts, out);
  }
  Outcome outcome{0, NotesOf(log, *report)};
  for (std::string& note : lines.Notes()) {
    outcome.notes.push_back(std::move(note));
  }
  return outcome;
}

}  // namespace torchtape::viewer
