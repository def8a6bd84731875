#include "totals/path_totals.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/string_view.h"

namespace torchtape::viewer {
namespace {

// Of steps whose device times may still come.
constexpr size_t kMostHeldUnits = size_t{1} << 20;

// Of a step: streams whose times may be farther off have no part in its path.
constexpr double kMostError = 0.05;

bool IsJoinable(v1::SpanKind kind) {
  return kind == v1::SPAN_KIND_OP || kind == v1::SPAN_KIND_BACKWARD;
}

// Ops that give a value of a device to the host, for which the host waits.
bool ReadsBack(absl::string_view name) {
  return name == "aten::_local_scalar_dense" || name == "aten::nonzero" ||
         name == "aten::equal";
}

}  // namespace

PathTotals::Held* PathTotals::Find(uint64_t ordinal) {
  if (held_.empty() || ordinal < held_.front().ordinal) return nullptr;
  const uint64_t place = ordinal - held_.front().ordinal;
  return place < held_.size() ? &held_[place] : nullptr;
}

void PathTotals::OnStep(const StepStart& start) {
  const auto start_ns = static_cast<int64_t>(start.start_ns);
  if (is_open_) {
    // A number that is missing, or a clock that went back: nobody knows its
    // end.
    const PathStep& step = held_.back().step;
    const bool follows = start.number == step.number + 1;
    Close(follows && start_ns >= step.begin_ns ? start_ns : step.begin_ns);
  }
  forward_ops_.Age();
  makers_.clear();
  Settle(false);
  if (!range_.Contains(start.number)) return;
  held_.emplace_back();
  held_.back().ordinal = next_ordinal_++;
  held_.back().step.number = start.number;
  held_.back().step.begin_ns = start_ns;
  is_open_ = true;
}

void PathTotals::Close(int64_t end_ns) {
  held_.back().step.end_ns = end_ns;
  is_open_ = false;
}

PathTotals::Place PathTotals::AddUnit(const SpanBegin& begin) {
  Held& held = held_.back();
  const Frame& frame = begin.frame;
  const uint32_t thread = begin.thread.facts.number();
  const Place place = {held.ordinal,
                       static_cast<int32_t>(held.step.units.size())};
  PathUnit unit;
  unit.op = frame.op;
  unit.thread = thread;
  unit.start_ns = static_cast<int64_t>(frame.start_ns);
  unit.backward = frame.backward;
  if (frame.op->kind == v1::SPAN_KIND_BACKWARD) {
    const auto [step, forward] =
        forward_ops_.Find(frame, {kNoStep, PathUnit::kNone});
    if (step == place.step) unit.forward = forward;
  }
  held.step.units.push_back(std::move(unit));
  ++held.open_units;
  ++held_units_;
  const uint64_t number = attribution_.CurrentUnit(thread);
  if (number != kNoUnit) unnamed_.emplace_back(place, number);
  return place;
}

// As far as what they were made by is in the step.
void PathTotals::AddReads(const SpanBegin& begin, const Place& place) {
  PathUnit& unit = held_.back().step.units[static_cast<size_t>(place.unit)];
  const auto start_ns = static_cast<int64_t>(begin.frame.start_ns);
  for (const format::TensorId& id : begin.inputs.tensors) {
    const auto maker = makers_.find(id.tensor);
    if (maker == makers_.end() || maker->second.step != place.step) continue;
    if (maker->second.unit == place.unit) continue;
    unit.reads.push_back({start_ns, maker->second.unit});
  }
  if (unit.reads_back_ns == PathUnit::kNever &&
      ReadsBack(begin.frame.op->name)) {
    unit.reads_back_ns = start_ns;
  }
}

void PathTotals::OnBegin(const SpanBegin& begin) {
  const Frame& frame = begin.frame;
  const uint32_t thread = begin.thread.facts.number();
  std::vector<OpenSpan>& open = open_[thread];
  OpenSpan span;
  if (is_open_ && !begin.summarized) {
    const bool joinable = IsJoinable(frame.op->kind);
    if (joinable && !frame.nested) {
      span = {AddUnit(begin), true};
    } else if (!open.empty() &&
               open.back().place.step == held_.back().ordinal) {
      span.place = open.back().place;
    }
    if (span.place.unit != PathUnit::kNone) {
      if (joinable) AddReads(begin, span.place);
      if (frame.op->kind == v1::SPAN_KIND_OP) {
        forward_ops_.Remember(begin, {span.place.step, span.place.unit});
      }
      if (joinable && waits_for_devices_) {
        asked_[{thread, frame.number}] = {span.place,
                                          static_cast<int64_t>(frame.start_ns)};
      }
    }
  }
  open.push_back(span);
}

void PathTotals::OnEnd(const SpanEnd& end) {
  std::vector<OpenSpan>& open = open_[end.thread.facts.number()];
  const OpenSpan span = open.back();
  open.pop_back();
  if (span.place.unit == PathUnit::kNone) return;
  if (IsJoinable(end.frame.op->kind)) {
    for (const format::TensorId& id : end.outputs.tensors) {
      if (id.tensor != 0) makers_[id.tensor] = span.place;
    }
  }
  Held* held = Find(span.place.step);
  if (!span.is_unit || held == nullptr) return;
  --held->open_units;
  PathUnit& unit = held->step.units[static_cast<size_t>(span.place.unit)];
  if (end.timed()) unit.end_ns = static_cast<int64_t>(end.time_ns);
}

// By streams; they are few.
void PathTotals::OnDeviceTime(const format::DeviceTime& time) {
  const auto asked = asked_.find({time.thread, time.number});
  if (time.thread == 0 || asked == asked_.end()) return;
  const DeviceSpan span = asked->second;
  asked_.erase(asked);
  Held* held = Find(span.place.step);
  if (held == nullptr) return;
  const StreamKey key = {time.device_type, time.device_index, time.stream};
  const auto [stream, is_new] = streams_.try_emplace(
      key, Stream{static_cast<uint32_t>(streams_.size()), 0});
  stream->second.error_ns = std::max(stream->second.error_ns, time.error_ns);
  PathDevice device;
  device.stream = stream->second.number;
  device.start_ns = time.start_ns;
  device.end_ns = time.end_ns();
  device.unit = span.place.unit;
  device.asked_ns = span.asked_ns;
  held->step.devices.push_back(device);
}

void PathTotals::OnUnits(absl::Span<const Unit>) {
  for (const auto& [place, number] : unnamed_) {
    Held* held = Find(place.step);
    if (held == nullptr) continue;
    held->step.units[static_cast<size_t>(place.unit)].module =
        attribution_.OwnerOf(number).module;
  }
  unnamed_.clear();
}

void PathTotals::OnLogEnd() {
  if (is_open_) Close(static_cast<int64_t>(counts_.end_ns));
  Settle(true);
}

// The oldest ones, whose events are all known.
void PathTotals::Settle(bool all) {
  while (!held_.empty() && !(is_open_ && held_.size() == 1)) {
    Held& oldest = held_.front();
    const bool wait = oldest.open_units > 0 || waits_for_devices_;
    if (wait && !all && held_units_ < kMostHeldUnits) return;
    KeepInnerTimes(&oldest.step);
    Add(oldest.step);
    held_units_ -= oldest.step.units.size();
    held_.pop_front();
    // Those without a device time would stay for ever.
    if (all || held_.empty()) continue;
    const uint64_t first = held_.front().ordinal;
    absl::erase_if(asked_, [first](const auto& each) {
      return each.second.place.step < first;
    });
  }
}

// Those inside of which there is no other, of streams that are not too far off.
void PathTotals::KeepInnerTimes(PathStep* step) const {
  std::vector<PathDevice> times;
  const auto step_ns = static_cast<double>(step->end_ns - step->begin_ns);
  for (const auto& [key, stream] : streams_) {
    if (static_cast<double>(stream.error_ns) > kMostError * step_ns) continue;
    const size_t first = times.size();
    for (const PathDevice& device : step->devices) {
      if (device.stream == stream.number) times.push_back(device);
    }
    std::stable_sort(times.begin() + static_cast<ptrdiff_t>(first), times.end(),
                     [](const PathDevice& a, const PathDevice& b) {
                       return std::make_tuple(a.start_ns, -a.end_ns) <
                              std::make_tuple(b.start_ns, -b.end_ns);
                     });
  }
  step->devices.clear();
  for (size_t i = 0; i < times.size(); ++i) {
    const bool encloses = i + 1 < times.size() &&
                          times[i + 1].stream == times[i].stream &&
                          times[i + 1].start_ns < times[i].end_ns &&
                          times[i + 1].end_ns <= times[i].end_ns;
    if (!encloses) step->devices.push_back(times[i]);
  }
}

void PathTotals::Add(const PathStep& step) {
  if (step.units.empty() || step.end_ns <= step.begin_ns) return;
  const StepPath path = FindPath(step);
  PathSum& sum = sums_[step.number];
  sum = {path.op_ns,      path.backward_ns, path.device_ns,
         path.between_ns, path.beside_ns,   0};
  for (const PathPart& part : path.parts) {
    if (part.unit == PathUnit::kNone) continue;
    ++sum.parts;
    const PathUnit& unit = step.units[static_cast<size_t>(part.unit)];
    const auto ns = static_cast<uint64_t>(part.to_ns - part.from_ns);
    modules_[unit.module] += ns;
    ops_[unit.op->name] += ns;
  }
  all_.op_ns += sum.op_ns;
  all_.backward_ns += sum.backward_ns;
  all_.device_ns += sum.device_ns;
  all_.between_ns += sum.between_ns;
  all_.beside_ns += sum.beside_ns;
  all_.parts += sum.parts;
}

const PathSum* PathTotals::OfStep(uint64_t number) const {
  const auto it = sums_.find(number);
  return it == sums_.end() ? nullptr : &it->second;
}

}  // namespace torchtape::viewer
