#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"
#include "modules/attribution.h"
#include "modules/attribution_shares.h"
#include "output/text_escape.h"
#include "output/units.h"
#include "replay/log_counts.h"
#include "replay/log_state.h"
#include "summary/device_json.h"
#include "summary/kernel_json.h"
#include "summary/own_cost_json.h"
#include "torchtape/format/layout.h"
#include "totals/own_cost.h"
#include "totals/step_totals.h"

namespace torchtape::viewer {
namespace {

struct Facts {
  const Log& log;
  const v1::Run& run;
  const ReplayReport& report;
  const LogCounts& counts;
  const std::vector<Step>& steps;
  const AttributionShares& shares;

  uint64_t size() const { return log.source->size(); }
  // When recording stopped, or the last that is known of it.
  uint64_t end_ns() const {
    const uint64_t end =
        report.index ? report.index->statistics().end_time_ns() : 0;
    return end > 0 ? end : counts.end_ns;
  }
};

double Ratio(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / whole;
}

std::string ProgramText(const v1::Run& run) {
  std::string text = absl::StrCat(EscapeText(run.program()), ", pid ",
                                  run.pid(), " on ", EscapeText(run.host()));
  if (run.has_rank()) absl::StrAppend(&text, ", rank ", run.rank());
  if (run.has_world_size()) absl::StrAppend(&text, " of ", run.world_size());
  return text;
}

std::string OptionsText(const v1::Options& options) {
  std::vector<std::string> on;
  if (options.shapes()) on.push_back("shapes");
  if (options.identities()) on.push_back("identities");
  if (options.arguments()) on.push_back("arguments");
  if (options.memory()) on.push_back("memory");
  if (options.saved_tensors()) on.push_back("saved tensors");
  if (options.backward()) on.push_back("backward");
  if (options.device_calls()) on.push_back("device calls");
  if (options.device_time() != v1::DEVICE_TIME_LEVEL_OFF) {
    on.push_back(absl::StrCat("device time of ",
                              DeviceTimeLevelName(options.device_time())));
  }
  std::string text = on.empty() ? "times only" : absl::StrJoin(on, ", ");
  if (!options.schedule().empty()) {
    absl::StrAppend(&text, "; ", EscapeText(options.schedule()));
  }
  if (options.keep_last_steps() != 0) {
    absl::StrAppend(&text, "; keep the last ",
                    CountText(options.keep_last_steps()), " steps");
  }
  if (options.keep_last_bytes() != 0) {
    absl::StrAppend(&text, "; keep the last ",
                    BytesText(static_cast<double>(options.keep_last_bytes())));
  }
  return text;
}

std::string RecordedText(const Facts& facts) {
  const absl::Time start =
      absl::FromUnixNanos(static_cast<int64_t>(facts.run.start_wall_ns()));
  return absl::StrCat(
      absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", start, absl::UTCTimeZone()),
      ", for ", TimeText(static_cast<double>(facts.end_ns())), ", by ",
      EscapeText(facts.run.op_source()));
}

// The parts add up to the whole: a span begins and ends.
std::string EventsText(const LogCounts& counts) {
  std::string text = absl::StrCat(
      CountText(counts.events()), " events: ", CountText(counts.spans_begun),
      " spans begin (", CountText(counts.ops), " ops, ",
      CountText(counts.backward_nodes), " backward nodes");
  const uint64_t told = counts.ops + counts.backward_nodes;
  if (counts.spans_begun > told) {
    absl::StrAppend(&text, ", ", CountText(counts.spans_begun - told),
                    " others");
  }
  absl::StrAppend(&text, ") and ", CountText(counts.spans_ended), " end, ",
                  CountText(counts.allocations), " allocations, ",
                  CountText(counts.frees), " frees");
  if (counts.threw > 0) absl::StrAppend(&text, "; ", counts.threw, " threw");
  return text;
}

std::string SizeText(const Facts& facts) {
  const LogCounts& counts = facts.counts;
  std::string text = absl::StrCat(BytesText(static_cast<double>(facts.size())),
                                  " in ", facts.report.chunks + 1,
                                  " chunks, format ", format::kMajorVersion);
  if (counts.spans_begun == 0) return text;
  absl::StrAppendFormat(&text, "; %.1f bytes an op, %.1f bytes an event",
                        Ratio(counts.events_bytes, counts.spans_begun),
                        Ratio(counts.events_bytes, counts.events()));
  return text;
}

std::string DropText(const v1::Drop& drop) {
  const std::string whose = drop.thread() == 0
                                ? "of threads without a buffer"
                                : absl::StrCat("of thread ", drop.thread());
  return absl::StrCat(drop.events(), " events ", whose, " from ",
                      InstantText(drop.start_time_ns()), " to ",
                      InstantText(drop.end_time_ns()));
}

std::string CostText(const Facts& facts) {
  const v1::Statistics& statistics = facts.report.index->statistics();
  return absl::StrCat(TimeText(static_cast<double>(statistics.writer_cpu_ns())),
                      " of processor time on the writer's thread, ",
                      ShareText(static_cast<double>(statistics.writer_cpu_ns()),
                                static_cast<double>(facts.end_ns())),
                      " of the run");
}

// "about 31.2 ms on the program's threads, which made it 2.6 % slower while
// recorded: ops 61 ns a call, memory 30 ns"
std::string OwnCostText(const std::vector<CostEntry>& entries,
                        const Facts& facts) {
  std::map<v1::CostKind, std::pair<double, double>> by_kind;  // ns and calls
  double total_ns = 0;
  for (const CostEntry& entry : entries) {
    auto& [ns, calls] = by_kind[entry.kind];
    ns += entry.total_ns;
    calls += entry.total_ns / std::max(entry.ns_per_call, 1e-9);
    total_ns += entry.total_ns;
  }
  std::string text =
      absl::StrCat("about ", TimeText(total_ns), " of the program's threads");
  const double slowdown =
      Slowdown(entries, facts.counts.RecordedNs(facts.end_ns()));
  if (slowdown >= 0) {
    absl::StrAppendFormat(&text, ", which made it %.1f %% slower",
                          100 * slowdown);
  }
  const char* separator = ": ";
  for (const auto& [kind, sums] : by_kind) {
    absl::StrAppend(&text, separator, CostKindText(kind), " ",
                    TimeText(sums.first / std::max(sums.second, 1.0)),
                    " a call");
    separator = ", ";
  }
  return text;
}

std::string AuditText(const v1::Audit& audit) {
  const uint64_t all = audit.tapped_ops() + audit.missed_ops();
  std::string text =
      absl::StrCat("taps saw ", CountText(audit.tapped_ops()), " of ",
                   CountText(all), " calls of operators at ",
                   TimeText(static_cast<double>(audit.time_ns())));
  if (audit.missed_ops() != 0) {
    absl::StrAppend(&text, "; callbacks record the others");
  }
  return text;
}

// "parameter 61 %, inferred 30 %, none 9 % of op time"
std::string ModulesText(const AttributionShares& shares) {
  std::vector<std::string> parts;
  for (ModuleSource source : kModuleSources) {
    if (shares.ns(source) == 0) continue;
    parts.push_back(absl::StrCat(
        absl::StrReplaceAll(ModuleSourceName(source), {{"_", " "}}), " ",
        ShareText(static_cast<double>(shares.ns(source)),
                  static_cast<double>(shares.all_ns()))));
  }
  return absl::StrCat(absl::StrJoin(parts, ", "), " of op time");
}

class Lines {
 public:
  explicit Lines(std::ostream& out) : out_(out) {}

  // Repeats of a label are left blank.
  void Add(const std::string& label, const std::string& text) {
    out_ << absl::StreamFormat("%-10s %s\n", label == last_ ? "" : label, text);
    last_ = label;
  }

 private:
  std::ostream& out_;
  std::string last_;
};

// Level, count and losses.
std::string DeviceTimesText(const Facts& facts) {
  const v1::Options& options = facts.run.options();
  std::string text =
      absl::StrCat("of ", DeviceTimesName(options.device_time()));
  if (!options.no_device_time().empty()) {
    return absl::StrCat(text, ": none, since ",
                        EscapeText(options.no_device_time()));
  }
  absl::StrAppend(&text, ": ", CountText(facts.counts.device_times));
  const v1::DeviceLoss& loss = facts.counts.device_loss;
  const std::pair<uint64_t, const char*> losses[] = {
      {loss.exhausted(), "for want of timing events"},
      {loss.capturing(), "in the capture of a graph"},
      {loss.failed(), "by an error of the device"},
      {loss.unresolved(), "not over in time"}};
  for (const auto& [count, why] : losses) {
    if (count != 0) absl::StrAppend(&text, "; ", count, " lost ", why);
  }
  return text;
}

// Count and losses, or why there are none.
std::string ActivitiesText(const Facts& facts) {
  const v1::Options& options = facts.run.options();
  if (!options.no_kernels().empty()) {
    return absl::StrCat("none, since ", EscapeText(options.no_kernels()));
  }
  std::string text = absl::StrCat(CountText(facts.counts.activities),
                                  " kernels, copies and memsets of ",
                                  CountText(facts.counts.launches),
                                  " calls, by CUPTI ", options.cupti_version());
  const v1::ActivityLoss& loss = facts.counts.activity_loss;
  const std::pair<uint64_t, const char*> losses[] = {
      {loss.dropped(), "for want of buffers"},
      {loss.unfinished(), "not over in time"},
      {loss.unreadable(), "since they make no sense"}};
  for (const auto& [count, why] : losses) {
    if (count != 0) absl::StrAppend(&text, "; ", count, " lost ", why);
  }
  return text;
}

void PrintLosses(const Facts& facts, Lines* lines) {
  const LogCounts& counts = facts.counts;
  if (WantsKernels(facts.run.options())) {
    lines->Add("kernels", ActivitiesText(facts));
  }
  if (facts.run.options().device_time() != v1::DEVICE_TIME_LEVEL_OFF) {
    lines->Add("dev. times", DeviceTimesText(facts));
  }
  constexpr size_t kShownDrops = 10;
  for (const v1::Audit& audit : counts.audits) {
    lines->Add("coverage", AuditText(audit));
  }
  if (counts.drops.empty()) lines->Add("dropped", "nothing");
  for (size_t i = 0; i < counts.drops.size() && i < kShownDrops; ++i) {
    lines->Add("dropped", DropText(counts.drops[i]));
  }
  if (counts.drops.size() > kShownDrops) {
    lines->Add("dropped",
               absl::StrCat(counts.dropped_events, " events in all, at ",
                            counts.drops.size(), " times"));
  }
  if (facts.report.index) {
    const v1::Statistics& statistics = facts.report.index->statistics();
    if (statistics.has_recovered_events()) {
      lines->Add("recovered",
                 absl::StrCat(statistics.recovered_events(),
                              " events from the journal of a run that was "
                              "killed"));
    } else {
      lines->Add("cost", CostText(facts));
    }
    const std::vector<CostEntry> own_costs = CostEntries(statistics);
    if (!own_costs.empty()) lines->Add("", OwnCostText(own_costs, facts));
    const std::string& error = statistics.first_error();
    if (!error.empty()) lines->Add("error", EscapeText(error));
  }
  lines->Add("finished", facts.report.index ? "yes" : "no");
  for (const std::string& line : DamageLines(facts.report)) {
    lines->Add("damage", line);
  }
}

void PrintText(const Facts& facts, std::ostream& out) {
  const v1::Run& run = facts.run;
  Lines lines(out);
  lines.Add("log", EscapeText(facts.log.name));
  lines.Add("program", ProgramText(run));
  lines.Add("LibTorch", EscapeText(run.torch_version()));
  for (const v1::Device& device : run.devices()) {
    lines.Add("device", absl::StrCat(EscapeText(device.name()), " ",
                                     EscapeText(device.model())));
  }
  if (run.command_line_size() > 0) {
    lines.Add("command", EscapeText(absl::StrJoin(run.command_line(), " ")));
  }
  lines.Add("recorded", RecordedText(facts));
  lines.Add("switches", OptionsText(run.options()));
  lines.Add("size", SizeText(facts));
  lines.Add("steps", CountText(facts.steps.size()));
  if (facts.report.released.any()) {
    lines.Add("released", ReleasedText(facts.report.released));
    for (const std::string& text : PinTexts(facts.report.released)) {
      lines.Add("kept", text);
    }
  }
  lines.Add("events", EventsText(facts.counts));
  if (facts.shares.all_ns() > 0) {
    lines.Add("modules by", ModulesText(facts.shares));
  }
  for (const auto& [number, thread] : facts.counts.threads) {
    lines.Add("thread", absl::StrCat(number, " ", EscapeText(thread.name()),
                                     ", tid ", thread.os_id()));
  }
  PrintLosses(facts, &lines);
}

Json CountsJson(const LogCounts& counts) {
  return {{"events", counts.events()},
          {"spans_begun", counts.spans_begun},
          {"spans_ended", counts.spans_ended},
          {"cut_spans", counts.cut_spans},
          {"ops", counts.ops},
          {"backward_nodes", counts.backward_nodes},
          {"threw", counts.threw},
          {"allocations", counts.allocations},
          {"frees", counts.frees},
          {"values", counts.values},
          {"threads", counts.threads.size()},
          {"dropped_events", counts.dropped_events}};
}

Json DropsJson(const LogCounts& counts) {
  Json drops = Json::array();
  for (const v1::Drop& drop : counts.drops) {
    drops.push_back({{"thread", drop.thread()},
                     {"start_time_ns", drop.start_time_ns()},
                     {"end_time_ns", drop.end_time_ns()},
                     {"events", drop.events()}});
  }
  return drops;
}

Json ThreadsJson(const LogCounts& counts) {
  Json threads = Json::array();
  for (const auto& [number, thread] : counts.threads) {
    threads.push_back({{"number", number},
                       {"name", ToUtf8(thread.name())},
                       {"os_id", thread.os_id()},
                       {"torch_id", thread.torch_id()}});
  }
  return threads;
}

Json InfoJson(const Facts& facts) {
  const LogCounts& counts = facts.counts;
  Json json;
  json["log"] = ToUtf8(facts.log.name);
  json["run"] = RunJson(facts.run);
  json["run"]["end_time_ns"] = facts.end_ns();
  json["format"] = {{"major", format::kMajorVersion},
                    {"size_bytes", facts.size()},
                    {"chunks", facts.report.chunks + 1},
                    {"events_bytes", counts.events_bytes}};
  if (counts.spans_begun > 0) {
    json["format"]["bytes_per_op"] =
        Ratio(counts.events_bytes, counts.spans_begun);
    json["format"]["bytes_per_event"] =
        Ratio(counts.events_bytes, counts.events());
  }
  json["steps"] = facts.steps.size();
  json["counts"] = CountsJson(counts);
  if (facts.shares.all_ns() > 0) {
    for (ModuleSource source : kModuleSources) {
      json["attribution"][ModuleSourceName(source)] =
          Ratio(facts.shares.ns(source), facts.shares.all_ns());
    }
  }
  json["threads"] = ThreadsJson(counts);
  json["drops"] = DropsJson(counts);
  json["audits"] = Json::array();
  for (const v1::Audit& audit : counts.audits) {
    json["audits"].push_back({{"time_ns", audit.time_ns()},
                              {"tapped_ops", audit.tapped_ops()},
                              {"missed_ops", audit.missed_ops()}});
  }
  json["device_time"] = {
      {"level", DeviceTimeLevelName(facts.run.options().device_time())},
      {"absent_because",
       facts.run.options().no_device_time().empty()
           ? Json(nullptr)
           : Json(ToUtf8(facts.run.options().no_device_time()))},
      {"times", counts.device_times},
      {"lost", DeviceLossJson(counts.device_loss)}};
  json["kernels"] = KernelCountsJson(facts.run, counts);
  json["released"] = facts.report.released.any()
                         ? ReleasedCountsJson(facts.report.released)
                         : Json(nullptr);
  json["finished"] = facts.report.index.has_value();
  json["writer_cpu_ns"] = nullptr;
  json["own_cost"] = nullptr;
  json["first_error"] = nullptr;
  json["recovered_events"] = nullptr;
  if (facts.report.index) {
    const v1::Statistics& statistics = facts.report.index->statistics();
    if (statistics.has_recovered_events()) {
      json["recovered_events"] = statistics.recovered_events();
    } else {
      json["writer_cpu_ns"] = statistics.writer_cpu_ns();
    }
    json["own_cost"] = OwnCostJson(statistics, counts);
    if (!statistics.first_error().empty()) {
      json["first_error"] = ToUtf8(statistics.first_error());
    }
  }
  json["damage"] = DamageLines(facts.report);
  return json;
}

}  // namespace

absl::StatusOr<Outcome> Info(const Log& log, const VerbOptions& options,
                             std::ostream& out) {
  absl::StatusOr<v1::Run> run = ReadRun(log);
  if (!run.ok()) return run.status();
  LogCounts counts;
  StepTotals steps(run->options().schedule().empty());
  Symbolizer symbolizer(SearchPlaces{options.symbols});
  CallSiteModules call_sites(&symbolizer);
  Attribution attribution(&call_sites);
  AttributionShares shares;
  attribution.AddVisitor(&shares);
  absl::StatusOr<ReplayReport> report =
      ReplayLog(log, options, format::StreamCursor::Columns::kAll,
                {&counts, &steps, &attribution});
  if (!report.ok()) return report.status();
  const std::vector<Step> held = steps.steps();
  const Facts facts = {log, *run, *report, counts, held, shares};
  if (options.json) {
    out << InfoJson(facts).dump(2) << '\n';
  } else {
    PrintText(facts, out);
  }
  return Outcome{0, NotesOf(log, *report)};
}

}  // namespace torchtape::viewer
