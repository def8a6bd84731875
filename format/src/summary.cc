#include "torchtape/format/summary.h"

#include <algorithm>

namespace torchtape::format {
namespace {

uint8_t FlagsOf(const StepSummary& step) {
  return static_cast<uint8_t>((step.recorded ? v1::STEP_FLAG_RECORDED : 0) |
                              (step.open ? v1::STEP_FLAG_OPEN : 0) |
                              (step.peak_bytes ? v1::STEP_FLAG_MEMORY : 0));
}

// A step of which both halves are told.
void Join(const StepSummary& later, StepSummary* step) {
  const uint64_t end = later.start_ns + later.duration_ns;
  if (end > step->start_ns) step->duration_ns = end - step->start_ns;
  step->recorded |= later.recorded;
  step->open = later.open;
  step->spans += later.spans;
  step->ops += later.ops;
  step->forward_ns += later.forward_ns;
  step->backward_ns += later.backward_ns;
  step->allocations += later.allocations;
  step->allocated_bytes += later.allocated_bytes;
  step->frees += later.frees;
  if (later.peak_bytes) {
    step->peak_bytes =
        std::max(step->peak_bytes.value_or(0), *later.peak_bytes);
  }
}

v1::StepRows ToRows(const std::vector<StepSummary>& steps) {
  v1::StepRows rows;
  uint64_t number = 0, end_ns = 0;
  for (const StepSummary& step : steps) {
    rows.add_numbers(static_cast<int64_t>(step.number - number));
    rows.add_starts(static_cast<int64_t>(step.start_ns - end_ns));
    rows.add_durations(step.duration_ns);
    rows.mutable_flags()->push_back(static_cast<char>(FlagsOf(step)));
    rows.add_spans(step.spans);
    rows.add_ops(step.ops);
    rows.add_forward_ns(step.forward_ns);
    rows.add_backward_ns(step.backward_ns);
    rows.add_allocations(step.allocations);
    rows.add_allocated_bytes(step.allocated_bytes);
    rows.add_frees(step.frees);
    rows.add_peak_bytes(step.peak_bytes.value_or(0));
    number = step.number;
    end_ns = step.start_ns + step.duration_ns;
  }
  return rows;
}

bool AreEquallyLong(const v1::StepRows& rows) {
  const auto size = static_cast<size_t>(rows.numbers_size());
  const int sizes[] = {rows.starts_size(),      rows.durations_size(),
                       rows.spans_size(),       rows.ops_size(),
                       rows.forward_ns_size(),  rows.backward_ns_size(),
                       rows.allocations_size(), rows.allocated_bytes_size(),
                       rows.frees_size(),       rows.peak_bytes_size()};
  return rows.flags().size() == size &&
         std::all_of(std::begin(sizes), std::end(sizes), [size](int other) {
           return static_cast<size_t>(other) == size;
         });
}

std::vector<StepSummary> FromRows(const v1::StepRows& rows) {
  std::vector<StepSummary> steps(static_cast<size_t>(rows.numbers_size()));
  uint64_t number = 0, end_ns = 0;
  for (int i = 0; i < rows.numbers_size(); ++i) {
    StepSummary& step = steps[static_cast<size_t>(i)];
    const auto flags =
        static_cast<uint8_t>(rows.flags()[static_cast<size_t>(i)]);
    step.number = number += static_cast<uint64_t>(rows.numbers(i));
    step.start_ns = end_ns + static_cast<uint64_t>(rows.starts(i));
    step.duration_ns = rows.durations(i);
    step.recorded = (flags & v1::STEP_FLAG_RECORDED) != 0;
    step.open = (flags & v1::STEP_FLAG_OPEN) != 0;
    step.spans = rows.spans(i);
    step.ops = rows.ops(i);
    step.forward_ns = rows.forward_ns(i);
    step.backward_ns = rows.backward_ns(i);
    step.allocations = rows.allocations(i);
    step.allocated_bytes = rows.allocated_bytes(i);
    step.frees = rows.frees(i);
    if ((flags & v1::STEP_FLAG_MEMORY) != 0) {
      step.peak_bytes = rows.peak_bytes(i);
    }
    end_ns = step.start_ns + step.duration_ns;
  }
  return steps;
}

}  // namespace

void SpanSummary::Add(const SpanSummary& other) {
  begun += other.begun;
  timed += other.timed;
  threw += other.threw;
  total_ns += other.total_ns;
  self_ns += other.self_ns;
}

void AddCounts(const v1::Statistics& part, v1::Statistics* sum) {
  sum->set_spans_begun(sum->spans_begun() + part.spans_begun());
  sum->set_spans_ended(sum->spans_ended() + part.spans_ended());
  sum->set_cut_spans(sum->cut_spans() + part.cut_spans());
  sum->set_allocations(sum->allocations() + part.allocations());
  sum->set_frees(sum->frees() + part.frees());
  sum->set_saves(sum->saves() + part.saves());
  sum->set_releases(sum->releases() + part.releases());
  sum->set_dropped_events(sum->dropped_events() + part.dropped_events());
  sum->set_steps(sum->steps() + part.steps());
  sum->set_device_times(sum->device_times() + part.device_times());
  sum->set_lost_device_times(sum->lost_device_times() +
                             part.lost_device_times());
  sum->set_activities(sum->activities() + part.activities());
  sum->set_lost_activities(sum->lost_activities() + part.lost_activities());
  sum->set_launches(sum->launches() + part.launches());
}

void Summary::Merge(const Summary& later) {
  if (chunks.empty()) start_time_ns = later.start_time_ns;
  end_time_ns = std::max(end_time_ns, later.end_time_ns);
  for (const v1::ChunkRange& range : later.chunks) {
    if (!chunks.empty() && chunks.back().last() + 1 == range.first()) {
      chunks.back().set_last(range.last());
    } else {
      chunks.push_back(range);
    }
  }
  AddCounts(later.counts, &counts);
  for (const StepSummary& step : later.steps) {
    if (!steps.empty() && steps.back().number == step.number) {
      Join(step, &steps.back());
    } else {
      steps.push_back(step);
    }
  }
  for (const auto& [name, sums] : later.spans) spans[name].Add(sums);
  values.insert(values.end(), later.values.begin(), later.values.end());
  left_out_values += later.left_out_values;
  pins = later.pins;
  left_out_pins = later.left_out_pins;
}

bool Summary::Contains(const Summary& other) const {
  return std::all_of(
      other.chunks.begin(), other.chunks.end(),
      [this](const v1::ChunkRange& range) {
        return std::any_of(
            chunks.begin(), chunks.end(), [&range](const v1::ChunkRange& own) {
              return own.first() <= range.first() && range.last() <= own.last();
            });
      });
}

v1::Summary Summary::ToMessage() const {
  v1::Summary message;
  for (const v1::ChunkRange& range : chunks) *message.add_chunks() = range;
  *message.mutable_counts() = counts;
  message.set_start_time_ns(start_time_ns);
  message.set_end_time_ns(end_time_ns);
  *message.mutable_steps() = ToRows(steps);
  for (const auto& [name, sums] : spans) {
    v1::SpanRow* row = message.add_spans();
    row->set_kind(name.first);
    row->set_name(name.second);
    row->set_begun(sums.begun);
    row->set_timed(sums.timed);
    row->set_threw(sums.threw);
    row->set_total_ns(sums.total_ns);
    row->set_self_ns(sums.self_ns);
  }
  for (const v1::LoggedValue& value : values) *message.add_values() = value;
  message.set_left_out_values(left_out_values);
  for (const v1::Pin& pin : pins) *message.add_pins() = pin;
  message.set_left_out_pins(left_out_pins);
  return message;
}

absl::StatusOr<Summary> Summary::FromMessage(const v1::Summary& message) {
  if (!AreEquallyLong(message.steps())) {
    return absl::DataLossError("the columns of a summary differ in length");
  }
  Summary summary;
  summary.chunks.assign(message.chunks().begin(), message.chunks().end());
  summary.counts = message.counts();
  summary.start_time_ns = message.start_time_ns();
  summary.end_time_ns = message.end_time_ns();
  summary.steps = FromRows(message.steps());
  for (const v1::SpanRow& row : message.spans()) {
    summary.spans[{row.kind(), row.name()}].Add(
        {row.begun(), row.timed(), row.threw(), row.total_ns(), row.self_ns()});
  }
  summary.values.assign(message.values().begin(), message.values().end());
  summary.left_out_values = message.left_out_values();
  summary.pins.assign(message.pins().begin(), message.pins().end());
  summary.left_out_pins = message.left_out_pins();
  return summary;
}

}  // namespace torchtape::format
