#include <memory>

#include "absl/strings/match.h"
#include "dump/dump.h"
#include "dump/pending_lines.h"
#include "replay/log_state.h"
#include "totals/step_totals.h"

namespace torchtape::viewer {
namespace {

// Passes on what is chosen by step, filter and number of lines.
class Selection : public Visitor {
 public:
  Selection(const VerbOptions& options, DumpFormat* format, PendingLines* lines)
      : options_(options), format_(*format), pending_(*lines) {}

  void OnModel(const v1::Model& model) override {
    if (!options_.steps.all() || !Take("")) return;
    format_.Model(model);
    pending_.Take();
  }
  void OnStep(const StepStart& start) override {
    step_ = start.number;
    if (!Take("")) return;
    format_.Step(start);
    pending_.Take();
  }
  void OnWindow(const v1::Window& window) override {
    if (!Take("")) return;
    format_.Window(window);
    pending_.Take();
  }
  void OnBegin(const SpanBegin& begin) override {
    // It is only known now that it began before.
    if (begin.resumed && !options_.steps.Contains(begin.frame.step)) return;
    if (!Take(begin.frame.op->name)) return;
    format_.Begin(begin, step_);
    pending_.TakeBegin(begin.thread.facts.number());
  }
  void OnEnd(const SpanEnd& end) override {
    if (!Take(end.frame.op->name)) return;
    format_.End(end, step_);
    pending_.Take();
  }
  void OnAllocate(const Allocation& allocation) override {
    if (!Take(NameOf(allocation))) return;
    format_.Allocate(allocation, step_);
    pending_.Take();
  }
  void OnFree(const Allocation& free) override {
    if (!Take(NameOf(free))) return;
    format_.Free(free, step_);
    pending_.Take();
  }
  void OnSave(const SavedTensor& saved) override {
    if (!Take(NameOf(saved))) return;
    format_.Save(saved, step_);
    pending_.Take();
  }
  void OnRelease(const SavedTensor& released) override {
    if (!Take(NameOf(released))) return;
    format_.Release(released, step_);
    pending_.Take();
  }
  void OnValue(const v1::LoggedValue& value) override {
    if (!Take(value.name())) return;
    format_.Value(value);
    pending_.Take();
  }
  void OnDrop(const v1::Drop& drop) override {
    if (!Take("")) return;
    format_.Drop(drop);
    pending_.Take();
  }

 private:
  // Of the span around it.
  template <typename MemoryEvent>
  static absl::string_view NameOf(const MemoryEvent& event) {
    const std::vector<Frame>& stack = event.thread.stack;
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
  PendingLines& pending_;
  uint64_t step_ = 0;
  uint64_t lines_ = 0;
};

}  // namespace

absl::StatusOr<Outcome> DumpSteps(const Log& log, const VerbOptions& options,
                                  Visitor* beside, std::ostream& out) {
  Symbolizer symbolizer(SearchPlaces{options.symbols});
  SourceLines lines(&symbolizer);
  CallSiteModules call_sites(&symbolizer);
  Attribution attribution(&call_sites);
  std::ostringstream text;
  const std::unique_ptr<DumpFormat> format =
      options.json ? DumpAsJson(&lines, &text) : DumpAsText(&lines, &text);
  PendingLines pending(format.get(), &attribution, &text, &out);
  attribution.AddVisitor(&pending);
  Selection selection(options, format.get(), &pending);
  absl::StatusOr<ReplayReport> report =
      ReplayLog(log, options, format::StreamCursor::Columns::kAll,
                {beside, &attribution, &lines, &selection});
  if (!report.ok()) return report.status();
  return Outcome{0, NotesOf(log, *report)};
}

absl::StatusOr<Outcome> Dump(const Log& log, const VerbOptions& options,
                             std::ostream& out) {
  StepTotals steps(true);
  absl::StatusOr<Outcome> outcome = DumpSteps(log, options, &steps, out);
  if (!outcome.ok()) return outcome;
  const absl::Status covered = steps.Covers(options.steps);
  if (!covered.ok()) return covered;
  return outcome;
}

}  // namespace torchtape::viewer
