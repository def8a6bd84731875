#include "replay/log_state.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "output/units.h"
#include "torchtape/format/journal.h"
#include "torchtape/format/recovery.h"

namespace torchtape::viewer {
namespace {

// What the index knows of the chunks that were lost.
struct Loss {
  uint64_t chunks = 0, events = 0, all_events = 0;
  uint64_t first_step = 0, last_step = 0;
  bool steps = false;
};

bool IsDamaged(const std::vector<Damage>& damage, const v1::IndexEntry& entry) {
  const uint64_t end = entry.offset() + entry.stored_bytes();
  return std::any_of(damage.begin(), damage.end(), [&](const Damage& each) {
    return each.offset < end && entry.offset() < each.end;
  });
}

Loss LossOf(const ReplayReport& report) {
  Loss loss;
  for (const v1::IndexEntry& entry : report.index->chunks()) {
    loss.all_events += entry.events();
    if (!IsDamaged(report.damage, entry)) continue;
    ++loss.chunks;
    loss.events += entry.events();
    if (entry.kind() != v1::CHUNK_KIND_EVENTS) continue;
    if (!loss.steps) loss.first_step = entry.first_step();
    loss.last_step = entry.last_step();
    loss.steps = true;
  }
  return loss;
}

std::string LossText(const ReplayReport& report) {
  const Loss loss = LossOf(report);
  std::string text = absl::StrCat(
      loss.chunks, " of ", report.index->chunks_size(), " chunks damaged");
  if (loss.events > 0) {
    absl::StrAppend(&text, ", ",
                    ShareText(static_cast<double>(loss.events),
                              static_cast<double>(loss.all_events)),
                    " of events");
  }
  if (!loss.steps) return text;
  absl::StrAppend(&text,
                  loss.first_step == loss.last_step ? ", step " : ", steps ",
                  loss.first_step);
  if (loss.first_step != loss.last_step) {
    absl::StrAppend(&text, " to ", loss.last_step);
  }
  return text;
}

std::string DamageLine(const Damage& damage) {
  std::string line =
      absl::StrCat("offset ", damage.offset, ": ", damage.reason);
  if (damage.end > damage.offset) {
    absl::StrAppend(&line, "; ", damage.end - damage.offset, " bytes skipped");
  }
  return line;
}

bool IsFinished(const Log& log) {
  absl::StatusOr<format::LogReader> reader =
      format::LogReader::Open(log.source);
  // What cannot be read at all, its verb will tell.
  return !reader.ok() || reader->index().has_value();
}

// Tells what a journal gave.
void Note(const format::Recovery& recovery, Log* log) {
  std::string note = absl::StrCat("the run was killed; recovered ",
                                  recovery.events, " events from the journal");
  if (recovery.torn_bytes > 0) {
    absl::StrAppend(&note, ", in place of a chunk of which ",
                    recovery.torn_bytes, " bytes were written");
  }
  log->notes.push_back(std::move(note));
  for (const std::string& problem : recovery.problems) {
    log->journal_problems.push_back(
        absl::StrCat(format::JournalPath(log->name), ": ", problem));
  }
  if (log->journal_problems.empty()) return;
  log->notes.push_back(log->journal_problems[0]);
  if (log->journal_problems.size() > 1) {
    absl::StrAppend(&log->notes.back(), ", and ",
                    log->journal_problems.size() - 1, " more");
  }
}

// Takes in what the journal beside the log holds, if there is one.
void AddJournal(Log* log) {
  const std::string path = format::JournalPath(format::TargetOf(log->name));
  absl::StatusOr<bool> live = format::IsBeingRecorded(path);
  if (absl::IsNotFound(live.status())) return;
  if (live.ok() && *live) {
    log->is_being_recorded = true;
    return;
  }
  absl::StatusOr<std::unique_ptr<format::ByteSource>> journal =
      format::OpenFile(path);
  absl::Status status = journal.status();
  if (status.ok()) {
    absl::StatusOr<format::Recovery> recovery =
        format::Recover(log->source, **journal);
    if (recovery.ok()) {
      log->source = recovery->log;
      return Note(*recovery, log);
    }
    status = recovery.status();
  }
  log->journal_problems.push_back(absl::StrCat(path, ": ", status.message()));
  log->notes.push_back(log->journal_problems[0]);
}

}  // namespace

absl::StatusOr<ReplayReport> ReplayLog(const Log& log,
                                       const VerbOptions& options,
                                       format::StreamCursor::Columns columns,
                                       absl::Span<Visitor* const> visitors) {
  absl::StatusOr<format::LogReader> reader =
      format::LogReader::Open(log.source);
  if (!reader.ok()) return reader.status();
  ReplayOptions replay;
  if (!options.whole) replay.steps = options.steps;
  replay.columns = columns;
  replay.progress = options.progress;
  absl::StatusOr<ReplayReport> report = Replay(replay, visitors, &*reader);
  if (!report.ok()) return report.status();
  if (report->chunks == 0 && !reader->has_run()) {
    return absl::DataLossError(
        report->damage.empty() ? "nothing in it can be read"
                               : absl::StrCat("nothing in it can be read; ",
                                              DamageLine(report->damage[0])));
  }
  return report;
}

absl::StatusOr<Log> OpenLog(const std::string& path) {
  absl::StatusOr<std::unique_ptr<format::ByteSource>> source =
      format::OpenFile(path);
  if (!source.ok()) return source.status();
  Log log{path, *std::move(source), false, {}, {}};
  if (!IsFinished(log)) AddJournal(&log);
  return log;
}

absl::StatusOr<Outcome> RecoverLog(const std::string& path,
                                   const std::string& to_path) {
  absl::StatusOr<format::Recovery> recovery =
      format::RecoverFile(path, to_path.empty() ? path : to_path);
  if (!recovery.ok()) return recovery.status();
  Log log{path, recovery->log, false, {}, {}};
  Note(*recovery, &log);
  return Outcome{0, std::move(log.notes)};
}

absl::StatusOr<v1::Run> ReadRun(const Log& log) {
  absl::StatusOr<format::LogReader> reader =
      format::LogReader::Open(log.source);
  if (!reader.ok()) return reader.status();
  return reader->run();
}

std::vector<std::string> DamageLines(const ReplayReport& report) {
  std::vector<std::string> lines;
  for (const Damage& damage : report.damage) {
    lines.push_back(DamageLine(damage));
  }
  return lines;
}

std::vector<std::string> NotesOf(const Log& log, const ReplayReport& report) {
  std::vector<std::string> notes = log.notes;
  if (log.is_being_recorded) {
    notes.push_back(
        "the run is still recording; shown is what the finished chunks hold");
  } else if (!report.index) {
    notes.push_back(
        "not finished: the run was killed or still goes on; shown is what is "
        "there");
  }
  if (report.released.any()) {
    notes.push_back(absl::StrCat("released: ", ReleasedText(report.released),
                                 "; totals are of what is in full"));
  }
  if (report.damage.empty()) return notes;
  std::string note = DamageLine(report.damage[0]);
  if (report.damage.size() > 1) {
    absl::StrAppend(&note, ", and ", report.damage.size() - 1, " more");
  }
  if (report.index) absl::StrAppend(&note, "; ", LossText(report));
  notes.push_back(std::move(note));
  return notes;
}

}  // namespace torchtape::viewer
