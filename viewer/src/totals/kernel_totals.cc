#include "totals/kernel_totals.h"

#include <algorithm>

#include "ops/count.h"

namespace torchtape::viewer {
namespace {

bool IsUnit(const Frame& frame) {
  return !frame.nested && (frame.op->kind == v1::SPAN_KIND_OP ||
                           frame.op->kind == v1::SPAN_KIND_BACKWARD);
}

template <typename Total>
void LongestFirst(std::vector<Total>* totals) {
  std::sort(totals->begin(), totals->end(), [](const Total& a, const Total& b) {
    return std::tie(b.total_ns, a.name) < std::tie(a.total_ns, b.name);
  });
}

}  // namespace

// ---------------------------------------------------------------------------
// Where something was launched.

// A span that ends in this chunk is asked for where it ends: then all around it
// is still known.
void KernelTotals::OnChunk(const ChunkStart& start) {
  wanted_.clear();
  ended_.clear();
  if (start.events == nullptr) return;
  format::ReadDeviceActivities(
      *start.events,
      [this](const format::Launch& launch) {
        if (launch.span) wanted_.insert({launch.thread, *launch.span});
      },
      [](const format::DeviceActivity&) {})
      .IgnoreError();  // the replay tells of it
}

KernelTotals::Place KernelTotals::PlaceOf(const ThreadState& thread,
                                          size_t depth) const {
  Place place;
  for (size_t i = depth; i-- > 0;) {
    const Frame& frame = thread.stack[i];
    const bool op = frame.op->kind == v1::SPAN_KIND_OP;
    const bool node = frame.op->kind == v1::SPAN_KIND_BACKWARD;
    if (place.op == nullptr && (op || node)) place.op = frame.op;
    if (IsUnit(frame)) place.unit = {thread.facts.number(), frame.number};
  }
  const Frame& inner = thread.stack[depth - 1];
  place.backward = inner.backward;
  place.counts = steps_.Contains(inner.step);
  if (!place.unit) place.module = attribution_.Current(thread.facts.number());
  return place;
}

void KernelTotals::OnEnd(const SpanEnd& end) {
  if (wanted_.empty()) return;
  const Span span = {end.thread.facts.number(), end.frame.number};
  if (wanted_.count(span) != 0) {
    const Place place = PlaceOf(end.thread, end.thread.stack.size());
    // Its module may be known before the chunk ends.
    if (place.unit) units_.try_emplace(*place.unit);
    ended_[span] = place;
  }
}

void KernelTotals::OnLaunch(const LaunchCall& call) {
  Place place;
  place.counts = steps_.all();  // in no span, so in no step
  if (call.launch.span) {
    const auto ended = ended_.find({call.launch.thread, *call.launch.span});
    if (ended != ended_.end()) {
      place = ended->second;
    } else if (call.thread != nullptr) {
      const std::vector<Frame>& stack = call.thread->stack;
      for (size_t i = stack.size(); i-- > 0;) {
        if (stack[i].number != *call.launch.span) continue;
        place = PlaceOf(*call.thread, i + 1);
        break;
      }
    }
  }
  if (place.unit) ++units_[*place.unit].launches;
  launches_[call.launch.correlation] = place;
  oldest_.push_back(call.launch.correlation);
  while (oldest_.size() > kMaxLaunches) Forget();
}

void KernelTotals::Forget() {
  const auto launch = launches_.find(oldest_.front());
  oldest_.pop_front();
  if (launch == launches_.end()) return;
  if (launch->second.unit) {
    const auto unit = units_.find(*launch->second.unit);
    if (unit != units_.end() && --unit->second.launches == 0) {
      units_.erase(unit);
    }
  }
  launches_.erase(launch);
}

// ---------------------------------------------------------------------------
// What it took.

void KernelTotals::OnActivity(const format::DeviceActivity& activity) {
  const auto launch = launches_.find(activity.correlation);
  const bool launched = launch != launches_.end();
  // Without its call nobody knows its step.
  if (!(launched ? launch->second.counts : steps_.all())) return;
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
  device.first_ns = std::min(device.first_ns, activity.start_ns);
  device.last_ns = std::max(device.last_ns, activity.end_ns());
  Stream& stream = device.streams[{activity.context, activity.stream}];
  ++stream.count;
  if (activity.end_ns() >= activity.start_ns) {
    stream.busy.Add(activity.start_ns, activity.end_ns());
  }
  if (!launched) {
    unlaunched_ns_ += ns;
    return;
  }
  const Place& place = launch->second;
  LaunchingOp& op = ops_[place.op == nullptr ? "" : place.op->name];
  ++op.count;
  op.total_ns += ns;
  AddTo(place, ns);
}

void KernelTotals::AddTo(const Place& place, uint64_t ns) {
  if (!place.unit) return AddToModule(place.module, place.backward, ns);
  UnitTime& unit = units_[*place.unit];
  if (unit.known) return AddToModule(unit.module, unit.backward, ns);
  unit.ns += ns;
}

void KernelTotals::AddToModule(int module, bool backward, uint64_t ns) {
  if (module == kNoModule) return;
  placed_ns_ += ns;
  const auto index = static_cast<size_t>(module);
  if (index >= own_.size()) own_.resize(index + 1);
  viewer::AddTo(backward ? &own_[index].backward_ns : &own_[index].forward_ns,
                ns);
}

void KernelTotals::OnUnits(absl::Span<const Unit> units) {
  for (const Unit& unit : units) {
    const auto found = units_.find({unit.thread, unit.span});
    if (found == units_.end()) continue;
    UnitTime& time = found->second;
    time.known = true;
    time.module = unit.owner.module;
    time.backward = unit.backward;
    if (time.ns != 0) AddToModule(time.module, time.backward, time.ns);
    time.ns = 0;
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
    total.span_ns = static_cast<uint64_t>(device.last_ns) -
                    static_cast<uint64_t>(device.first_ns);
    BusyTime all;
    for (const auto& [key, stream] : device.streams) {
      BusyTime busy = stream.busy;
      total.streams.push_back(
          {number, key.first, key.second, stream.count, busy.ns()});
      all.Add(busy);
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
      viewer::AddTo(&times[i].forward_ns, own_[i].forward_ns);
      viewer::AddTo(&times[i].backward_ns, own_[i].backward_ns);
    }
    const int parent = tree.modules()[i].parent;
    if (parent == kNoModule) continue;
    DeviceModuleTime& outer = times[static_cast<size_t>(parent)];
    viewer::AddTo(&outer.forward_ns, times[i].forward_ns);
    viewer::AddTo(&outer.backward_ns, times[i].backward_ns);
  }
  return times;
}

uint64_t KernelTotals::unplaced_ns() const { return total_ns_ - placed_ns_; }

}  // namespace torchtape::viewer
