#include "absl/strings/str_cat.h"
#include "graph_json.h"
#include "graph_recorder.h"
#include "log_state.h"

namespace torchtape::viewer {
namespace {

// The step that was asked for; else the last recorded one that is whole, else
// the last recorded one.
absl::StatusOr<Step> Choose(const std::vector<Step>& steps,
                            const StepRange& range) {
  const Step* chosen = nullptr;
  for (const Step& step : steps) {
    if (!range.all()) {
      if (step.number == range.first) chosen = &step;
      continue;
    }
    if (!step.recorded || step.spans == 0) continue;
    const bool better =
        chosen == nullptr || step.duration_ns || !chosen->duration_ns;
    if (better) chosen = &step;
  }
  if (chosen == nullptr) {
    return absl::DataLossError("no step was recorded");
  }
  if (!chosen->recorded) {
    return absl::OutOfRangeError(
        absl::StrCat(range.flag, ": events were not recorded in this step"));
  }
  return *chosen;
}

}  // namespace

absl::StatusOr<Outcome> ExportJson(const Log& log, const VerbOptions& options,
                                   std::ostream& out) {
  absl::StatusOr<v1::Run> run = ReadRun(log);
  if (!run.ok()) return run.status();
  StepTotals steps(run->options().schedule().empty());
  absl::StatusOr<ReplayReport> report =
      ReplayLog(log, options, format::StreamCursor::Columns::kOps, {&steps});
  if (!report.ok()) return report.status();
  absl::Status covered = steps.Covers(options.steps);
  if (!covered.ok()) return covered;
  absl::StatusOr<Step> step = Choose(steps.steps(), options.steps);
  if (!step.ok()) return step.status();

  Symbolizer symbolizer(SearchPlaces{options.symbols});
  CallSiteModules call_sites(&symbolizer);
  Attribution attribution(&call_sites);
  SourceLines lines(&symbolizer);
  GraphRecorder recorder(step->number, &attribution, &lines);
  attribution.AddVisitor(&recorder);
  report = ReplayLog(log, options, format::StreamCursor::Columns::kAll,
                     {&attribution, &lines, &recorder});
  if (!report.ok()) return report.status();
  PrintGraph({*run, recorder.graph(), attribution.tree(), lines, *step,
              options.level, run->options().memory()},
             out);
  return Outcome{0, NotesOf(log, *report)};
}

}  // namespace torchtape::viewer
