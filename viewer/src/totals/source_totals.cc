#include "totals/source_totals.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace torchtape::viewer {
namespace {

bool Counts(v1::SpanKind kind) {
  return kind == v1::SPAN_KIND_OP || kind == v1::SPAN_KIND_BACKWARD;
}

void CountBegin(const Frame& frame, SpanTotal* total) {
  ++total->count;
  ++(frame.backward ? total->backward_count : total->forward_count);
}

void CountEnd(const SpanEnd& end, SpanTotal* total) {
  if (!end.timed()) ++total->untimed_count;
  if (end.ending == Ending::kThrew) ++total->threw_count;
}

void AddSelf(const SpanEnd& end, SpanTotal* total) {
  const uint64_t self_ns = end.self_ns();
  total->self_ns += self_ns;
  (end.frame.backward ? total->backward_self_ns : total->forward_self_ns) +=
      self_ns;
}

// One entry for each name, whatever its overload.
std::vector<SpanTotal> ByName(
    const std::map<const Operator*, SpanTotal>& totals) {
  std::map<std::string, SpanTotal> by_name;
  for (const auto& [op, total] : totals) {
    SpanTotal& sum = by_name[op->name];
    sum.name = op->name;
    sum.count += total.count;
    sum.total_ns += total.total_ns;
  }
  std::vector<SpanTotal> result;
  for (const auto& [name, total] : by_name) result.push_back(total);
  SortTotals("total", &result);
  return result;
}

}  // namespace

std::string NameOf(const SourceFrame& frame) {
  return absl::StrCat(frame.file, ":", frame.line, " ", frame.function);
}

// The same line is found at several call sites.
size_t SourceTotals::IndexOf(const SourceFrame* frame) {
  if (frame == nullptr) return 0;
  const auto [known, is_new] = by_frame_.try_emplace(frame, 0);
  if (!is_new) return known->second;
  const auto [it, added] = by_name_.try_emplace(NameOf(*frame), totals_.size());
  if (added) {
    totals_.emplace_back();
    totals_.back().frame = *frame;
    totals_.back().sum.name = it->first;
  }
  return known->second = it->second;
}

void SourceTotals::OnBegin(const SpanBegin& begin) {
  const Frame& frame = begin.frame;
  if (!Counts(frame.op->kind)) return;
  const uint32_t thread = begin.thread.facts.number();
  std::vector<OpenSpan>& open = open_[thread];
  const size_t index = IndexOf(lines_.Current(thread).frame);
  const bool outermost = std::none_of(
      open.begin(), open.end(),
      [index](const OpenSpan& span) { return span.line == index; });
  open.push_back({index, outermost});
  if (!outermost || !steps_.Contains(frame.step)) return;
  Line& total = totals_[index];
  if (frame.op->kind == v1::SPAN_KIND_BACKWARD) {
    return CountBegin(frame, &total.backward[frame.op]);
  }
  CountBegin(frame, &total.sum);
  CountBegin(frame, &total.ops[frame.op]);
}

void SourceTotals::OnEnd(const SpanEnd& end) {
  const Frame& frame = end.frame;
  if (!Counts(frame.op->kind)) return;
  std::vector<OpenSpan>& open = open_[end.thread.facts.number()];
  const OpenSpan span = open.back();
  open.pop_back();
  if (!steps_.Contains(frame.step)) return;
  Line& total = totals_[span.line];
  AddSelf(end, &total.sum);
  if (!span.outermost) return;
  total.sum.total_ns += end.duration_ns();
  if (frame.op->kind == v1::SPAN_KIND_BACKWARD) {
    total.backward[frame.op].total_ns += end.duration_ns();
    return;
  }
  total.ops[frame.op].total_ns += end.duration_ns();
  CountEnd(end, &total.sum);
}

std::vector<SourceTotal> SourceTotals::totals() const {
  std::vector<SourceTotal> result;
  for (const Line& line : totals_) {
    result.push_back(
        {line.frame, line.sum, ByName(line.ops), ByName(line.backward)});
  }
  return result;
}

}  // namespace torchtape::viewer
