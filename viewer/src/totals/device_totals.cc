#include "totals/device_totals.h"

#include "modules/module_span.h"
#include "modules/optimizer_step.h"
#include "ops/count.h"

namespace torchtape::viewer {
DeviceTotals::Own& DeviceTotals::Of(int module) {
  if (static_cast<size_t>(module) >= own_.size()) own_.resize(module + 1);
  return own_[static_cast<size_t>(module)];
}

void DeviceTotals::OnEnd(const SpanEnd& end) {
  if (level_ < v1::DEVICE_TIME_LEVEL_MODULES) return;
  const Frame& frame = end.frame;
  Owner owner{};
  owner.counts = steps_.Contains(frame.step);
  if (frame.op->kind == v1::SPAN_KIND_MODULE) {
    owner.kind = IsReentered(end) ? Owner::kInnerCall : Owner::kModuleCall;
    owner.module = attribution_.tree().Find(frame.op->name);
  } else if (IsOptimizerStep(*frame.op)) {
    owner.kind = Owner::kOptimizer;
  } else if (frame.op->kind == v1::SPAN_KIND_OP && frame.nested &&
             level_ >= v1::DEVICE_TIME_LEVEL_OPS) {
    // Inside of an op that has no time of its own, such as one that makes a
    // tensor.
    owner.kind = Owner::kUnit;
    owner.backward = frame.backward;
    owner.module = attribution_.Current(end.thread.facts.number());
  } else {
    return;
  }
  Expect({end.thread.facts.number(), frame.number}, owner);
}

void DeviceTotals::OnUnits(absl::Span<const Unit> units) {
  for (const Unit& unit : units) {
    const bool node = unit.op->kind == v1::SPAN_KIND_BACKWARD;
    if (level_ <
        (node ? v1::DEVICE_TIME_LEVEL_MODULES : v1::DEVICE_TIME_LEVEL_OPS)) {
      continue;
    }
    Expect({unit.thread, unit.span},
           {Owner::kUnit, unit.owner.module, unit.backward,
            steps_.Contains(unit.step)});
  }
}

void DeviceTotals::Expect(const Span& span, const Owner& owner) {
  const auto time = times_.find(span);
  if (time != times_.end()) {
    Place(owner, time->second);
    times_.erase(time);
    return;
  }
  owners_[span] = owner;
  oldest_.push_back(span);
  if (oldest_.size() > kMaxWaiting) {
    owners_.erase(oldest_.front());
    oldest_.pop_front();
  }
}

void DeviceTotals::OnDeviceTime(const format::DeviceTime& time) {
  if (time.thread == 0) {
    if (steps_.Contains(time.number)) step_ns_[time.number] = time.duration_ns;
    return;
  }
  const Span span = {time.thread, time.number};
  const auto owner = owners_.find(span);
  if (owner != owners_.end()) {
    Place(owner->second, time);
    owners_.erase(owner);
  } else if (times_.size() < kMaxWaiting) {
    times_[span] = time;
  } else {
    ++unplaced_;
  }
}

void DeviceTotals::Place(const Owner& owner, const format::DeviceTime& time) {
  if (!owner.counts) return;
  Device& device = devices_[{time.device_type, time.device_index}];
  device.error_ns = std::max(device.error_ns, time.error_ns);
  Stream& stream = device.streams[time.stream];
  ++stream.times;
  // With times of ops, those of calls say no more of when the device worked.
  if (owner.kind == Owner::kUnit || level_ < v1::DEVICE_TIME_LEVEL_OPS) {
    const auto end_ns = static_cast<int64_t>(
        static_cast<uint64_t>(time.clock_ns) + time.duration_ns);
    stream.busy.Add(time.clock_ns, end_ns);
    device.busy.Add(time.clock_ns, end_ns);
  }
  if (owner.kind == Owner::kOptimizer) {
    AddTo(&optimizer_ns_, time.duration_ns);
  }
  if (owner.module == kNoModule) return;
  Own& own = Of(owner.module);
  if (owner.kind == Owner::kModuleCall) {
    AddTo(&own.call_ns, time.duration_ns);
  } else if (owner.kind == Owner::kUnit) {
    AddTo(owner.backward ? &own.backward_ns : &own.op_ns, time.duration_ns);
  }
}

std::vector<DeviceTotal> DeviceTotals::devices() const {
  std::vector<DeviceTotal> totals;
  for (const auto& [key, device] : devices_) {
    DeviceTotal& total = totals.emplace_back();
    total.device_type = key.first;
    total.device_index = key.second;
    total.error_ns = device.error_ns;
    BusyTime all = device.busy;
    for (const auto& [id, stream] : device.streams) {
      BusyTime busy = stream.busy;
      total.streams.push_back({id, stream.times, busy.ns()});
    }
    total.busy_ns = all.ns();
  }
  return totals;
}

std::optional<uint64_t> DeviceTotals::StepNs(uint64_t step) const {
  const auto found = step_ns_.find(step);
  if (found == step_ns_.end()) return std::nullopt;
  return found->second;
}

// Children come after their parents, so adding up goes backwards. A call has
// the time of all calls inside of it.
std::vector<DeviceModuleTime> DeviceTotals::modules() const {
  const ModuleTree& tree = attribution_.tree();
  const std::vector<int> order = tree.Order();
  std::vector<DeviceModuleTime> times(tree.modules().size());
  for (size_t k = order.size(); k-- > 0;) {
    const auto i = static_cast<size_t>(order[k]);
    const Own own = i < own_.size() ? own_[i] : Own();
    AddTo(&times[i].forward_ns, own.op_ns);
    AddTo(&times[i].backward_ns, own.backward_ns);
    if (own.call_ns) times[i].forward_ns = own.call_ns;
    const int parent = tree.modules()[i].parent;
    if (parent == kNoModule) continue;
    AddTo(&times[static_cast<size_t>(parent)].forward_ns, times[i].forward_ns);
    AddTo(&times[static_cast<size_t>(parent)].backward_ns,
          times[i].backward_ns);
  }
  return times;
}

}  // namespace torchtape::viewer
