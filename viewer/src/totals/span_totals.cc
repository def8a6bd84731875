#include "totals/span_totals.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"

namespace torchtape::viewer {
namespace {

void Add(const SpanTotal& part, SpanTotal* sum) {
  sum->count += part.count;
  sum->untimed_count += part.untimed_count;
  sum->threw_count += part.threw_count;
  sum->total_ns += part.total_ns;
  sum->self_ns += part.self_ns;
  sum->forward_count += part.forward_count;
  sum->backward_count += part.backward_count;
  sum->forward_self_ns += part.forward_self_ns;
  sum->backward_self_ns += part.backward_self_ns;
}

double MeanNs(const SpanTotal& total) {
  const uint64_t timed = total.count - total.untimed_count;
  return timed == 0 ? 0 : static_cast<double>(total.total_ns) / timed;
}

}  // namespace

SpanTotal& SpanTotals::Of(const Operator& op) {
  if (op.id >= totals_.size()) {
    totals_.resize(op.id + 1);
    operators_.resize(op.id + 1);
  }
  if (operators_[op.id] == nullptr) order_.push_back(op.id);
  operators_[op.id] = &op;
  return totals_[op.id];
}

void SpanTotals::OnBegin(const SpanBegin& begin) {
  const Frame& frame = begin.frame;
  if (!steps_.Contains(frame.step) || begin.summarized) return;
  SpanTotal& total = Of(*frame.op);
  ++total.count;
  ++(frame.backward ? total.backward_count : total.forward_count);
}

void SpanTotals::OnEnd(const SpanEnd& end) {
  const Frame& frame = end.frame;
  if (!steps_.Contains(frame.step)) return;
  SpanTotal& total = Of(*frame.op);
  if (!end.timed()) {
    ++total.untimed_count;
    return;
  }
  if (end.ending == Ending::kThrew) ++total.threw_count;
  const uint64_t self_ns = end.self_ns();
  total.total_ns += end.duration_ns();
  total.self_ns += self_ns;
  (frame.backward ? total.backward_self_ns : total.forward_self_ns) += self_ns;
}

std::vector<SpanTotal> SpanTotals::OfKind(v1::SpanKind kind) const {
  std::vector<SpanTotal> result;
  absl::flat_hash_map<std::string, size_t> index;
  for (uint32_t id : order_) {
    const Operator* op = operators_[id];
    if (op->kind != kind) continue;
    const auto [it, added] = index.try_emplace(op->name, result.size());
    if (added) {
      result.emplace_back();
      result.back().name = op->name;
    }
    Add(totals_[id], &result[it->second]);
  }
  return result;
}

bool ComesBefore(const std::string& key, const SpanTotal& a,
                 const SpanTotal& b) {
  if (key == "total") return a.total_ns > b.total_ns;
  if (key == "count") return a.count > b.count;
  if (key == "name") return a.name < b.name;
  if (key == "mean") return MeanNs(a) > MeanNs(b);
  return a.self_ns > b.self_ns;
}

void SortTotals(const std::string& key, std::vector<SpanTotal>* totals) {
  std::stable_sort(totals->begin(), totals->end(),
                   [&key](const SpanTotal& a, const SpanTotal& b) {
                     return ComesBefore(key, a, b);
                   });
}

void FilterTotals(const std::string& text, std::vector<SpanTotal>* totals) {
  const auto differs = [&text](const SpanTotal& total) {
    return !absl::StrContains(total.name, text);
  };
  totals->erase(std::remove_if(totals->begin(), totals->end(), differs),
                totals->end());
}

}  // namespace torchtape::viewer
