#include "report/report_steps.h"

#include <algorithm>
#include <vector>

namespace torchtape::viewer {
namespace {

// Its begin, its end, and its share of memory and backward nodes.
constexpr uint64_t kEventsAnOp = 3;

struct Candidate {
  uint64_t number;
  uint64_t ops;
  uint64_t duration_ns;  // 0: not known
};

std::vector<Candidate> CandidatesOf(const Json& summary) {
  std::vector<Candidate> candidates;
  for (const Json& step : summary["steps"]) {
    if (!step["recorded"].get<bool>()) continue;
    const Json& duration = step["duration_ns"];
    candidates.push_back({step["number"], step["ops"],
                          duration.is_null() ? 0 : duration.get<uint64_t>()});
  }
  return candidates;
}

// The candidates in the order in which they get room.
std::vector<Candidate> ByInterest(std::vector<Candidate> candidates,
                                  const Json& memory) {
  std::vector<Candidate> order;
  for (const Candidate& each : candidates) {
    if (!memory.is_null() && each.number == memory["peak_step"]) {
      order.push_back(each);
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

KeptSteps ChooseSteps(const Json& summary, uint64_t most_events) {
  KeptSteps kept;
  kept.all = false;
  const std::vector<Candidate> candidates = CandidatesOf(summary);
  if (candidates.empty()) return kept;
  uint64_t room = most_events;
  for (const Candidate& each : ByInterest(candidates, summary["memory"])) {
    if (kept.steps.count(each.number) > 0) continue;
    const uint64_t events = (each.ops + 1) * kEventsAnOp;
    if (events > room && !kept.steps.empty()) continue;
    kept.steps.insert(each.number);
    room -= std::min(room, events);
  }
  return kept;
}

}  // namespace torchtape::viewer
