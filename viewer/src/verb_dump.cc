#include <memory>

#include "absl/strings/match.h"
#include "dump.h"
#include "log_state.h"
#include "step_totals.h"

namespace torchtape::viewer {
namespace {

// Passes on what is chosen by step, filter and number of lines.
class Selection : public Visitor {
 public:
  Selection(const VerbOptions& options, DumpFormat* format)
      : options_(options), format_(*format) {}

  void OnModel(const v1::Model& model) override {
    if (options_.steps.all() && Take("")) format_.Model(model);
  }
  void OnStep(const StepStart& start) override {
    step_ = start.number;
    if (Take("")) format_.Step(start);
  }
  void OnWindow(const v1::Window& window) override {
    if (Take("")) format_.Window(window);
  }
  void OnBegin(const SpanBegin& begin) override {
    if (Take(begin.frame.op->name)) format_.Begin(begin, step_);
  }
  void OnEnd(const SpanEnd& end) override {
    if (Take(end.frame.op->name)) format_.End(end, step_);
  }
  void OnAllocate(const Allocation& allocation) override {
    if (Take(NameOf(allocation))) format_.Allocate(allocation, step_);
  }
  void OnFree(const Allocation& free) override {
    if (Take(NameOf(free))) format_.Free(free, step_);
  }
  void OnValue(const v1::LoggedValue& value) override {
    if (Take(value.name())) format_.Value(value);
  }
  void OnDrop(const v1::Drop& drop) override {
    if (Take("")) format_.Drop(drop);
  }

 private:
  static absl::string_view NameOf(const Allocation& allocation) {
    const std::vector<Frame>& stack = allocation.thread.stack;
    return stack.empty() ? "" : absl::string_view(stack.back().op->name);
  }

  // What has no name passes only without a filter.
  bool Take(absl::string_view name) {
    if (!options_.steps.Contains(step_)) return false;
    if (!absl::StrContains(name, options_.filter)) return false;
    if (options_.top != 0 && lines_ >= options_.top) return false;
    ++lines_;
    return true;
  }

  const VerbOptions& options_;
  DumpFormat& format_;
  uint64_t step_ = 0;
  uint64_t lines_ = 0;
};

}  // namespace

absl::StatusOr<Outcome> Dump(const Log& log, const VerbOptions& options,
                             std::ostream& out) {
  Symbolizer symbolizer(SearchPlaces{options.symbols});
  SourceLines lines(&symbolizer);
  const std::unique_ptr<DumpFormat> format =
      options.json ? DumpAsJson(&lines, &out) : DumpAsText(&lines, &out);
  Selection selection(options, format.get());
  StepTotals steps(true);
  absl::StatusOr<ReplayReport> report =
      ReplaySteps(log, options, format::StreamCursor::Columns::kAll,
                  {&steps, &lines, &selection});
  if (!report.ok()) return report.status();
  absl::Status covered = steps.Covers(options.steps);
  if (!covered.ok()) return covered;
  return Outcome{0, NotesOf(log, *report)};
}

}  // namespace torchtape::viewer
