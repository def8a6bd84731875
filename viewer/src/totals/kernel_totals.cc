#include "totals/kernel_totals.h"

#include <algorithm>
#include <utility>

#include "ops/count.h"

namespace torchtape::viewer {
namespace {

template <typename Total>
void LongestFirst(std::vector<Total>* totals) {
  std::sort(totals->begin(), totals->end(), [](const Total& a, const Total& b) {
    return std::tie(b.total_ns, a.name) < std::tie(a.total_ns, b.name);
  });
}

}  // namespace

KernelTotals::KernelTotals(const StepRange& steps,
                           const Attribution* attribution, Launches* launches)
    : steps_(steps), attribution_(*attribution), launches_(*launches) {
  launches->OnForget([this](const LaunchPlace& place) {
    if (!place.unit) return;
    const auto unit = units_.find({place.thread, *place.unit});
    if (unit == units_.end() || --unit->second.launches != 0) return;
    if (unit->second.waiting.count == 0) units_.erase(unit);
  });
}

// The module of its unit may be known before the chunk ends.
void KernelTotals::OnEnd(const SpanEnd&) {
  const LaunchPlace* const place = launches_.Ending();
  if (place != nullptr && place->unit) {
    units_.try_emplace({place->thread, *place->unit});
  }
}

void KernelTotals::OnLaunch(const LaunchCall& call) {
  const LaunchPlace* const place = launches_.Find(call.launch.correlation);
  if (place != nullptr && place->unit) {
    ++units_[{place->thread, *place->unit}].launches;
  }
}

// Without its span nobody knows its step.
bool KernelTotals::Counts(const LaunchPlace* place) const {
  return place != nullptr && place->step ? steps_.Contains(*place->step)
                                         : steps_.all();
}

// ---------------------------------------------------------------------------
// What it took.

void KernelTotals::OnActivity(const format::DeviceActivity& activity) {
  const LaunchPlace* const place = launches_.Find(activity.correlation);
  if (!Counts(place)) return;
  const uint64_t ns = activity.duration_ns;
  ++count_;
  total_ns_ += ns;
  error_ns_ = std::max(error_ns_, activity.error_ns);
  KernelTotal& total = kernels_[{activity.kind, std::string(activity.name)}];
  total.kind = activity.kind;
  ++total.count;
  total.total_ns += ns;
  total.max_ns = std::max(total.max_ns, ns);
  total.bytes += activity.bytes;
  Device& device = devices_[activity.device];
  Stream& stream = device.streams[{activity.context, activity.stream}];
  ++stream.count;
  if (activity.end_ns() >= activity.start_ns) {  // no time is beyond all times
    device.first_ns = std::min(device.first_ns, activity.start_ns);
    device.last_ns = std::max(device.last_ns, activity.end_ns());
    stream.busy.Add(activity.start_ns, activity.end_ns());
    device.busy.Add(activity.start_ns, activity.end_ns());
  }
  if (place == nullptr) {
    unlaunched_ns_ += ns;
    return;
  }
  LaunchingOp& op = ops_[place->op == nullptr ? "" : place->op->name];
  ++op.count;
  op.total_ns += ns;
  AddTo(*place, {1, ns});
}

void KernelTotals::AddTo(const LaunchPlace& place,
                         const ModuleKernels& kernels) {
  if (!place.unit) return AddToOwner(place.owner, place.backward, kernels);
  UnitKernels& unit = units_[{place.thread, *place.unit}];
  if (unit.known) return AddToOwner(unit.owner, unit.backward, kernels);
  unit.waiting.Add(kernels);
}

void KernelTotals::AddToOwner(const Owner& owner, bool backward,
                              const ModuleKernels& kernels) {
  if (owner.optimizer) return optimizer_.Add(kernels);
  if (owner.module == kNoModule) return;
  all_owns_.Add(kernels);
  const auto index = static_cast<size_t>(owner.module);
  if (index >= own_.size()) own_.resize(index + 1);
  Own& own = own_[index];
  own.kernels.Add(kernels);
  viewer::AddTo(backward ? &own.time.backward_ns : &own.time.forward_ns,
                kernels.total_ns);
}

void KernelTotals::OnUnits(absl::Span<const Unit> units) {
  for (const Unit& unit : units) {
    const auto found = units_.find({unit.thread, unit.span});
    if (found == units_.end()) continue;
    UnitKernels& kernels = found->second;
    kernels.known = true;
    kernels.owner = unit.owner;
    kernels.backward = unit.backward;
    if (kernels.waiting.count == 0) continue;
    AddToOwner(kernels.owner, kernels.backward,
               std::exchange(kernels.waiting, {}));
    if (kernels.launches == 0) units_.erase(found);  // nobody asks again
  }
}

// ---------------------------------------------------------------------------
// The totals.

std::vector<KernelTotal> KernelTotals::kernels() const {
  std::vector<KernelTotal> totals;
  for (const auto& [key, total] : kernels_) {
    totals.push_back(total);
    totals.back().name = key.second;
  }
  LongestFirst(&totals);
  return totals;
}

std::vector<LaunchingOp> KernelTotals::ops() const {
  std::vector<LaunchingOp> totals;
  for (const auto& [name, total] : ops_) {
    totals.push_back(total);
    totals.back().name = name;
  }
  LongestFirst(&totals);
  return totals;
}

std::vector<ActivityDevice> KernelTotals::devices() const {
  std::vector<ActivityDevice> totals;
  for (const auto& [number, device] : devices_) {
    ActivityDevice& total = totals.emplace_back();
    total.device = number;
    if (device.first_ns <= device.last_ns) {
      total.span_ns = static_cast<uint64_t>(device.last_ns) -
                      static_cast<uint64_t>(device.first_ns);
    }
    BusyTime all = device.busy;
    for (const auto& [key, stream] : device.streams) {
      BusyTime busy = stream.busy;
      total.streams.push_back(
          {number, key.first, key.second, stream.count, busy.ns()});
    }
    total.busy_ns = all.ns();
  }
  return totals;
}

// Children come after their parents, so adding up goes backwards.
std::vector<DeviceModuleTime> KernelTotals::modules() const {
  const ModuleTree& tree = attribution_.tree();
  const std::vector<int> order = tree.Order();
  std::vector<DeviceModuleTime> times(tree.modules().size());
  for (size_t k = order.size(); k-- > 0;) {
    const auto i = static_cast<size_t>(order[k]);
    if (i < own_.size()) {
      viewer::AddTo(&times[i].forward_ns, own_[i].time.forward_ns);
      viewer::AddTo(&times[i].backward_ns, own_[i].time.backward_ns);
    }
    const int parent = tree.modules()[i].parent;
    if (parent == kNoModule) continue;
    DeviceModuleTime& outer = times[static_cast<size_t>(parent)];
    viewer::AddTo(&outer.forward_ns, times[i].forward_ns);
    viewer::AddTo(&outer.backward_ns, times[i].backward_ns);
  }
  return times;
}

ModuleKernels KernelTotals::OfModule(int module) const {
  const auto index = static_cast<size_t>(module);
  return index < own_.size() ? own_[index].kernels : ModuleKernels();
}

ModuleKernels KernelTotals::nobody() const {
  return {count_ - all_owns_.count - optimizer_.count,
          unplaced_ns() - optimizer_.total_ns};
}

uint64_t KernelTotals::unplaced_ns() const {
  return total_ns_ - all_owns_.total_ns;
}

}  // namespace torchtape::viewer
