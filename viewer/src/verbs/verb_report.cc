#include <algorithm>
#include <filesystem>
#include <numeric>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "output/text_escape.h"
#include "replay/log_state.h"
#include "report/rank_clocks.h"
#include "report/report_log.h"
#include "report/report_page.h"
#include "torchtape/viewer/rank_logs.h"

namespace torchtape::viewer {
namespace {

// Each log is read twice, for one bar of progress: `before` bytes were read
// before it, of twice `all`. As a whole, since the page has the values of all
// steps.
VerbOptions After(VerbOptions options, uint64_t before, uint64_t all) {
  options.whole = true;
  const auto progress = options.progress;
  if (!progress) return options;
  options.progress = [progress, before, all](uint64_t done, uint64_t) {
    progress((before + done) / 2, all);
  };
  return options;
}

uint64_t BytesOf(const std::vector<Log>& logs) {
  uint64_t bytes = 0;
  for (const Log& log : logs) bytes += log.source->size();
  return bytes;
}

// A log with what was read of it.
struct ReadLog {
  const Log* log;
  v1::Run run;
  LogSummary summary;
};

// By rank, then by name.
void SortByRank(std::vector<ReadLog>* logs) {
  const auto key = [](const ReadLog& each) {
    return std::make_tuple(!each.run.has_rank(), each.run.rank(),
                           each.log->name);
  };
  std::stable_sort(
      logs->begin(), logs->end(),
      [&key](const ReadLog& a, const ReadLog& b) { return key(a) < key(b); });
}

// What the page knows of the logs together.
Json RanksJson(const std::vector<ReadLog>& logs,
               const std::vector<UnreadLog>& unread) {
  std::vector<v1::Run> runs;
  for (const ReadLog& each : logs) runs.push_back(each.run);
  const std::vector<RankClock> clocks = AlignRanks(runs);
  Json json = {{"format", "torchtape ranks 1"},
               {"same_clock_error_ns", kSameClockErrorNs}};
  json["logs"] = Json::array();
  for (size_t i = 0; i < logs.size(); ++i) {
    json["logs"].push_back(
        {{"log", ToUtf8(logs[i].log->name)},
         {"offset_ns", clocks[i].offset_ns},
         {"clock", clocks[i].clock ? Json(*clocks[i].clock) : Json(nullptr)}});
  }
  json["unread"] = Json::array();
  for (const UnreadLog& each : unread) {
    json["unread"].push_back(
        {{"log", ToUtf8(each.name)}, {"problem", EscapeText(each.problem)}});
  }
  return json;
}

// Where events are too many, each log gets the steps that all get, and of the
// room what part of the events it has.
absl::Status WriteLogs(const std::vector<ReadLog>& logs, uint64_t bytes,
                       const VerbOptions& options, std::ostream& out) {
  std::vector<ReportSteps> steps;
  for (const ReadLog& each : logs) steps.push_back(each.summary.steps);
  const uint64_t events = std::accumulate(
      steps.begin(), steps.end(), uint64_t{0},
      [](uint64_t sum, const ReportSteps& each) { return sum + each.events; });
  KeptSteps kept;
  if (!options.steps.all() || events > kMostReportEvents) {
    kept = ChooseSteps(steps, kMostReportEvents);
  }
  uint64_t before = bytes;
  for (size_t i = 0; i < logs.size(); ++i) {
    // Twice what follows from the bound on events: what is chosen is an
    // estimate.
    const double share = static_cast<double>(steps[i].events) /
                         static_cast<double>(std::max<uint64_t>(events, 1));
    const double most = static_cast<double>(kMostReportEvents) * share;
    absl::StatusOr<std::string> packed = PackLog(
        *logs[i].log, After(options, before, bytes), logs[i].summary, kept,
        logs.size() == 1 ? kMostReportEvents : static_cast<size_t>(most) + 1);
    if (!packed.ok()) return packed.status();
    out << (i == 0 ? "" : ",") << *packed;
    before += logs[i].log->source->size();
  }
  return absl::OkStatus();
}

// The path itself, or all logs of a folder.
std::vector<std::string> LogsAt(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) return {path};
  std::vector<std::string> logs;
  for (std::filesystem::directory_iterator it(path, error), end;
       !error && it != end; it.increment(error)) {
    if (it->path().extension() == ".tape") logs.push_back(it->path().string());
  }
  std::sort(logs.begin(), logs.end());
  return logs;
}

}  // namespace

absl::StatusOr<RankLogs> OpenRanks(const std::vector<std::string>& paths) {
  RankLogs ranks;
  absl::Status first;
  for (const std::string& path : paths) {
    const std::vector<std::string> found = LogsAt(path);
    if (found.empty()) {
      first.Update(absl::NotFoundError(
          absl::StrCat(path, ": the folder has no logs, no *.tape")));
    }
    for (const std::string& each : found) {
      absl::StatusOr<Log> log = OpenLog(each);
      if (log.ok()) {
        ranks.logs.push_back(*std::move(log));
        continue;
      }
      first.Update(log.status());
      ranks.unread.push_back(
          {each, std::string(absl::StripPrefix(log.status().message(),
                                               absl::StrCat(each, ": ")))});
    }
  }
  if (ranks.logs.empty()) return first;
  return ranks;
}

absl::StatusOr<Outcome> ReportRanks(const RankLogs& ranks,
                                    const VerbOptions& options,
                                    std::ostream& out) {
  const ReportPage page = GetReportPage();
  if (page.head.empty()) {
    return absl::UnimplementedError(
        "this build of torchtape has no report: esbuild was not found when it "
        "was built");
  }
  std::vector<ReadLog> logs;
  std::vector<UnreadLog> unread = ranks.unread;
  absl::Status first;
  const uint64_t bytes = BytesOf(ranks.logs);
  uint64_t before = 0;
  for (const Log& log : ranks.logs) {
    absl::StatusOr<v1::Run> run = ReadRun(log);
    absl::StatusOr<LogSummary> summary =
        run.ok() ? SummarizeLog(log, After(options, before, bytes))
                 : absl::StatusOr<LogSummary>(run.status());
    before += log.source->size();
    if (summary.ok()) {
      logs.push_back({&log, *std::move(run), *std::move(summary)});
    } else {
      first.Update(summary.status());
      unread.push_back({log.name, std::string(summary.status().message())});
    }
  }
  if (logs.empty()) return first;
  SortByRank(&logs);
  Outcome outcome;
  const bool alone = logs.size() + unread.size() == 1;
  for (const ReadLog& each : logs) {
    for (const std::string& note : each.summary.notes) {
      outcome.notes.push_back(alone ? note
                                    : absl::StrCat(each.log->name, ": ", note));
    }
  }
  for (const UnreadLog& each : unread) {
    outcome.notes.push_back(
        absl::StrCat(each.name, ": left out: ", each.problem));
  }
  out << page.head;
  absl::Status written = WriteLogs(logs, bytes, options, out);
  if (!written.ok()) return written;
  if (!alone) out << "," << PackReport(RanksJson(logs, unread), {});
  out << page.tail;
  return outcome;
}

absl::StatusOr<Outcome> Report(const Log& log, const VerbOptions& options,
                               std::ostream& out) {
  return ReportRanks({{log}, {}}, options, out);
}

}  // namespace torchtape::viewer
