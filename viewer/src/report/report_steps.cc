#include "report/report_steps.h"

#include <algorithm>
#include <map>

namespace torchtape::viewer {
namespace {

// Its begin, its end, and its share of memory and backward nodes.
constexpr uint64_t kEventsAnOp = 3;

struct Candidate {
  uint64_t number = 0;
  uint64_t events = 0;  // of all logs
  uint64_t duration_ns = 0;
};

std::vector<Candidate> CandidatesOf(const std::vector<ReportSteps>& logs) {
  std::map<uint64_t, Candidate> by_number;
  for (const ReportSteps& log : logs) {
    for (const ReportStep& step : log.recorded) {
      Candidate& candidate = by_number[step.number];
      candidate.number = step.number;
      candidate.events += (step.ops + 1) * kEventsAnOp;
      candidate.duration_ns = std::max(candidate.duration_ns, step.duration_ns);
    }
  }
  std::vector<Candidate> candidates;
  for (const auto& [number, candidate] : by_number) {
    candidates.push_back(candidate);
  }
  return candidates;
}

// The candidates in the order in which they get room.
std::vector<Candidate> ByInterest(const std::vector<Candidate>& candidates,
                                  const std::vector<ReportSteps>& logs) {
  std::vector<Candidate> order;
  for (const ReportSteps& log : logs) {
    for (const Candidate& each : candidates) {
      if (log.peak_step == each.number) order.push_back(each);
    }
  }
  std::vector<Candidate> by_time = candidates;
  std::stable_sort(by_time.begin(), by_time.end(),
                   [](const Candidate& a, const Candidate& b) {
                     return a.duration_ns < b.duration_ns;
                   });
  order.push_back(by_time.back());
  order.push_back(by_time[by_time.size() / 2]);
  order.push_back(candidates.front());
  order.push_back(candidates.back());
  // Halves, quarters, eighths of the run.
  for (size_t parts = 2; parts < 2 * candidates.size(); parts *= 2) {
    for (size_t part = 1; part < parts; part += 2) {
      order.push_back(candidates[part * candidates.size() / parts]);
    }
  }
  return order;
}

}  // namespace

ReportSteps ReportStepsOf(const Json& summary) {
  ReportSteps steps;
  steps.events = summary["run"]["events"];
  for (const Json& step : summary["steps"]) {
    if (!step["recorded"].get<bool>()) continue;
    const Json& duration = step["duration_ns"];
    steps.recorded.push_back(
        {step["number"], step["ops"],
         duration.is_null() ? 0 : duration.get<uint64_t>()});
  }
  const Json& memory = summary["memory"];
  if (!memory.is_null()) steps.peak_step = memory["peak_step"];
  return steps;
}

KeptSteps ChooseSteps(const std::vector<ReportSteps>& logs,
                      uint64_t most_events) {
  KeptSteps kept;
  kept.all = false;
  const std::vector<Candidate> candidates = CandidatesOf(logs);
  if (candidates.empty()) return kept;
  uint64_t room = most_events;
  for (const Candidate& each : ByInterest(candidates, logs)) {
    if (kept.steps.count(each.number) > 0) continue;
    if (each.events > room && !kept.steps.empty()) continue;
    kept.steps.insert(each.number);
    room -= std::min(room, each.events);
  }
  return kept;
}

}  // namespace torchtape::viewer
