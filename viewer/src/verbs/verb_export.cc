#include <algorithm>

#include "absl/strings/str_cat.h"
#include "graph/graph_json.h"
#include "graph/graph_recorder.h"
#include "graph/picture_dot.h"
#include "graph/picture_render.h"
#include "output/text_escape.h"
#include "replay/log_state.h"

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

// A step of a log as a graph.
class StepGraph {
 public:
  explicit StepGraph(const std::vector<std::string>& symbols)
      : symbolizer_(SearchPlaces{symbols}) {}

  absl::StatusOr<Outcome> Read(const Log& log, const VerbOptions& options) {
    absl::StatusOr<v1::Run> run = ReadRun(log);
    if (!run.ok()) return run.status();
    run_ = *std::move(run);
    StepTotals steps(run_.options().schedule().empty());
    absl::StatusOr<ReplayReport> first =
        ReplayLog(log, options, format::StreamCursor::Columns::kOps, {&steps});
    if (!first.ok()) return first.status();
    absl::Status covered = steps.Covers(options.steps);
    if (!covered.ok()) return covered;
    absl::StatusOr<Step> step = Choose(steps.steps(), options.steps);
    if (!step.ok()) return step.status();
    step_ = *step;

    recorder_.emplace(step_.number, &attribution_, &lines_);
    attribution_.AddVisitor(&*recorder_);
    std::vector<Visitor*> visitors = {&attribution_, &lines_, &*recorder_};
    if (run_.options().device_time() != v1::DEVICE_TIME_LEVEL_OFF) {
      devices_.emplace(step_.number, &launches_);
      visitors.insert(visitors.end(), {&launches_, &*devices_});
    }
    absl::StatusOr<ReplayReport> report =
        ReplayLog(log, options, format::StreamCursor::Columns::kAll, visitors);
    if (!report.ok()) return report.status();
    report_ = *std::move(report);
    return Outcome{0, NotesOf(log, report_)};
  }

  const v1::Run& run() const { return run_; }
  const Step& step() const { return step_; }
  const Graph& graph() const { return recorder_->graph(); }
  const ModuleTree& tree() const { return attribution_.tree(); }
  const SourceLines& lines() const { return lines_; }
  // Null: times of devices were not recorded.
  const GraphDevices* devices() const {
    return devices_ ? &*devices_ : nullptr;
  }

 private:
  Symbolizer symbolizer_;
  CallSiteModules call_sites_{&symbolizer_};
  Attribution attribution_{&call_sites_};
  SourceLines lines_{&symbolizer_};
  std::optional<GraphRecorder> recorder_;
  Launches launches_{&attribution_};
  std::optional<GraphDevices> devices_;
  v1::Run run_;
  Step step_;
  ReplayReport report_;  // owns what the graph points to
};

// More than this takes Graphviz minutes and nobody can read it.
constexpr size_t kMostBoxes = 3000, kMostEdges = 9000;

absl::Status CheckSize(const Picture& picture) {
  const auto shown = static_cast<size_t>(
      std::count_if(picture.boxes.begin(), picture.boxes.end(),
                    [](const PictureBox& box) { return box.shown; }));
  if (shown <= kMostBoxes && picture.edges.size() <= kMostEdges) {
    return absl::OkStatus();
  }
  return absl::ResourceExhaustedError(absl::StrCat(
      "a picture of ", shown, " boxes and ", picture.edges.size(),
      " edges is too large: take a higher --level or open fewer modules"));
}

}  // namespace

absl::StatusOr<Outcome> ExportJson(const Log& log, const VerbOptions& options,
                                   std::ostream& out) {
  StepGraph read(options.symbols);
  absl::StatusOr<Outcome> outcome = read.Read(log, options);
  if (!outcome.ok()) return outcome;
  const v1::Options& recorded = read.run().options();
  PrintGraph({read.run(), read.graph(), read.tree(), read.lines(), read.step(),
              options.level, recorded.memory(), read.devices(),
              recorded.device_time() == v1::DEVICE_TIME_LEVEL_KERNELS},
             out);
  return outcome;
}

absl::StatusOr<Outcome> ExportPicture(const Log& log,
                                      const VerbOptions& options,
                                      std::ostream& out) {
  StepGraph read(options.symbols);
  absl::StatusOr<Outcome> outcome = read.Read(log, options);
  if (!outcome.ok()) return outcome;
  absl::StatusOr<Picture> picture =
      DrawPicture(read.graph(), read.tree(),
                  {options.level, options.open, options.open_all});
  if (!picture.ok()) return picture.status();
  absl::Status size = CheckSize(*picture);
  if (!size.ok()) return size;
  const std::string dot =
      PictureDot(*picture, absl::StrCat(ToUtf8(read.run().program()), ", step ",
                                        read.step().number));
  if (options.format == "dot") {
    out << dot;
    return outcome;
  }
  absl::StatusOr<std::string> drawn = RenderDot(dot, options.format);
  if (!drawn.ok()) return drawn.status();
  out << *drawn;
  return outcome;
}

}  // namespace torchtape::viewer
