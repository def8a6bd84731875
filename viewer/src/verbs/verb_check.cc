#include "absl/strings/str_cat.h"
#include "output/text_escape.h"
#include "output/units.h"
#include "replay/log_counts.h"
#include "replay/log_state.h"

namespace torchtape::viewer {
namespace {

struct Comparison {
  const char* name;
  uint64_t said;
  uint64_t counted;
};

// The statistics at the end of the log against what was counted, and what the
// summaries of released chunks say of these.
std::vector<std::string> StatisticsProblems(const v1::Statistics& said,
                                            const LogCounts& counted,
                                            const v1::Statistics& released) {
  const Comparison comparisons[] = {
      {"begun spans", said.spans_begun(),
       counted.spans_begun + released.spans_begun()},
      {"ended spans", said.spans_ended(),
       counted.spans_ended + released.spans_ended()},
      {"cut spans", said.cut_spans(), counted.cut_spans + released.cut_spans()},
      {"allocations", said.allocations(),
       counted.allocations + released.allocations()},
      {"frees", said.frees(), counted.frees + released.frees()},
      {"saved tensors", said.saves(), counted.saves + released.saves()},
      {"released tensors", said.releases(),
       counted.releases + released.releases()},
      {"dropped events", said.dropped_events(),
       counted.dropped_events + released.dropped_events()},
      {"steps", said.steps(), counted.step_marks + released.steps()},
      {"device times", said.device_times(),
       counted.device_times + released.device_times()},
      {"lost device times", said.lost_device_times(),
       counted.lost_device_times() + released.lost_device_times()},
      {"activities", said.activities(),
       counted.activities + released.activities()},
      {"lost activities", said.lost_activities(),
       counted.lost_activities() + released.lost_activities()},
      {"launches", said.launches(), counted.launches + released.launches()},
  };
  std::vector<std::string> problems;
  for (const Comparison& each : comparisons) {
    if (each.said == each.counted) continue;
    problems.push_back(absl::StrCat("statistics: ", each.said, " ", each.name,
                                    ", but there are ", each.counted));
  }
  return problems;
}

// Compares the index with the chunks, in order.
class IndexCheck : public Visitor {
 public:
  void OnChunk(const ChunkStart& start) override {
    if (start.chunk.kind == v1::CHUNK_KIND_INDEX) return;
    Seen seen;
    seen.entry.set_kind(start.chunk.kind);
    seen.entry.set_offset(start.chunk.offset);
    seen.entry.set_stored_bytes(start.chunk.stored_bytes);
    if (start.events != nullptr) {
      seen.entry.set_start_time_ns(start.events->start_time_ns());
      seen.entry.set_end_time_ns(start.events->end_time_ns());
      seen.events = start.event_count;
    }
    seen_.push_back(std::move(seen));
  }

  std::vector<std::string> Problems(const v1::Index& index) const {
    std::vector<std::string> problems;
    size_t next = 0;
    for (const v1::IndexEntry& entry : index.chunks()) {
      if (entry.kind() == v1::CHUNK_KIND_RUN) continue;
      const bool there =
          next < seen_.size() && seen_[next].entry.offset() == entry.offset();
      if (!there) {
        problems.push_back(absl::StrCat("index: no readable chunk at offset ",
                                        entry.offset()));
        continue;
      }
      if (!Agrees(entry, seen_[next++])) {
        problems.push_back(absl::StrCat("index: differs from the chunk at ",
                                        "offset ", entry.offset()));
      }
    }
    if (next < seen_.size()) {
      problems.push_back(absl::StrCat("index: the chunk at offset ",
                                      seen_[next].entry.offset(),
                                      " is missing"));
    }
    return problems;
  }

 private:
  struct Seen {
    v1::IndexEntry entry;
    uint64_t events = 0;
  };

  static bool Agrees(const v1::IndexEntry& entry, const Seen& seen) {
    if (entry.kind() != seen.entry.kind() ||
        entry.stored_bytes() != seen.entry.stored_bytes()) {
      return false;
    }
    return entry.kind() != v1::CHUNK_KIND_EVENTS ||
           (entry.events() == seen.events &&
            entry.start_time_ns() == seen.entry.start_time_ns() &&
            entry.end_time_ns() == seen.entry.end_time_ns());
  }

  std::vector<Seen> seen_;
};

Json CheckJson(const Log& log, const ReplayReport& report,
               const LogCounts& counts,
               const std::vector<std::string>& problems) {
  return {
      {"log", ToUtf8(log.name)},
      {"released", report.released.any() ? ReleasedCountsJson(report.released)
                                         : Json(nullptr)},
      {"ok", problems.empty() && report.index.has_value()},
      {"finished", report.index.has_value()},
      {"problems", problems},
      {"chunks", report.chunks + 1},
      {"events", counts.events()},
      {"dropped_events", counts.dropped_events}};
}

void PrintText(const Log& log, const ReplayReport& report,
               const LogCounts& counts,
               const std::vector<std::string>& problems, std::ostream& out) {
  for (const std::string& problem : problems) {
    out << EscapeText(problem) << '\n';
  }
  const char* verdict = !problems.empty() ? "damaged"
                        : report.index    ? "ok"
                                          : "not finished, but undamaged";
  out << EscapeText(log.name) << ": " << verdict << ": " << report.chunks + 1
      << " chunks, " << CountText(counts.spans_begun) << " spans, "
      << CountText(counts.allocations) << " allocations, "
      << CountText(counts.frees) << " frees, " << counts.step_marks
      << " step marks";
  if (report.released.any()) {
    out << "; released: " << ReleasedText(report.released);
  }
  if (counts.dropped_events > 0) {
    out << "; " << counts.dropped_events << " events were dropped, as told";
  }
  out << '\n';
}

}  // namespace

absl::StatusOr<Outcome> Check(const Log& log, const VerbOptions& options,
                              std::ostream& out) {
  LogCounts counts;
  IndexCheck index;
  absl::StatusOr<ReplayReport> report = ReplayLog(
      log, options, format::StreamCursor::Columns::kAll, {&counts, &index});
  if (!report.ok()) return report.status();
  std::vector<std::string> problems = DamageLines(*report);
  problems.insert(problems.end(), log.journal_problems.begin(),
                  log.journal_problems.end());
  // A finished log without damage must also agree with itself.
  if (report->index && problems.empty()) {
    problems = index.Problems(*report->index);
    for (std::string& problem :
         StatisticsProblems(report->index->statistics(), counts,
                            report->released.summary().counts)) {
      problems.push_back(std::move(problem));
    }
    if (counts.resumed > 0) {
      problems.push_back(
          absl::StrCat("nesting: ", counts.resumed, " open spans never began"));
    }
  }
  if (options.json) {
    out << CheckJson(log, *report, counts, problems).dump(2) << '\n';
  } else {
    PrintText(log, *report, counts, problems, out);
  }
  std::vector<std::string> notes = log.notes;
  if (log.is_being_recorded) notes.push_back("the run is still recording");
  return Outcome{report->index && problems.empty() ? 0 : 1, std::move(notes)};
}

}  // namespace torchtape::viewer
