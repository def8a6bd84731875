#include "totals/step_path.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

namespace torchtape::viewer {
namespace {

constexpr int32_t kNone = PathUnit::kNone;

class PathFinder {
 public:
  explicit PathFinder(const PathStep& step) : step_(step) {
    for (size_t i = 0; i < step.units.size(); ++i) AddUnit(i);
    AddDevices();
  }

  StepPath Find();

 private:
  // What is before something on the path, and until when.
  struct Before {
    int32_t unit = kNone, device = kNone;
    int64_t end_ns = 0;
    bool read_back = false;
  };
  struct Thread {
    uint32_t number;
    std::vector<int32_t> units;
  };

  // Only what ended in the step can be on its path.
  bool TakesPart(int32_t unit) const {
    return unit != kNone &&
           step_.units[static_cast<size_t>(unit)].end_ns <= step_.end_ns;
  }
  const PathUnit& Unit(int32_t unit) const {
    return step_.units[static_cast<size_t>(unit)];
  }
  const PathDevice& Device(int32_t device) const {
    return step_.devices[static_cast<size_t>(device)];
  }

  void AddUnit(size_t number);
  void AddDevices();
  const Thread* Find(uint32_t thread) const;
  int32_t LastUntil(const Thread& thread, int64_t at_ns) const;
  void Offer(const PathUnit& to, int32_t unit, Before* best) const;
  void OfferForward(const PathUnit& node, Before* best) const;
  void OfferJoin(const PathUnit& unit, int32_t previous, Before* best) const;
  Before OrReadBack(const PathUnit& unit, int64_t until_ns, Before best) const;
  Before BeforeUnit(int32_t unit, int64_t until_ns) const;
  Before BeforeDevice(int32_t device) const;
  Before LastOfAll() const;
  void Between(int64_t from_ns, int64_t* until_ns, StepPath* path) const;
  void SumUp(StepPath* path) const;

  const PathStep& step_;
  std::vector<Thread> threads_;            // in the order of their first units
  std::vector<int32_t> previous_;          // of each unit, on its thread
  std::vector<int32_t> devices_;           // in the order of their ends
  std::vector<int32_t> before_in_stream_;  // of each device time
};

void PathFinder::AddUnit(size_t number) {
  previous_.push_back(kNone);
  const int32_t unit = static_cast<int32_t>(number);
  if (!TakesPart(unit)) return;
  const uint32_t thread = Unit(unit).thread;
  auto it = std::find_if(
      threads_.begin(), threads_.end(),
      [thread](const Thread& each) { return each.number == thread; });
  if (it == threads_.end()) it = threads_.insert(it, {thread, {}});
  if (!it->units.empty()) previous_.back() = it->units.back();
  it->units.push_back(unit);
}

void PathFinder::AddDevices() {
  before_in_stream_.resize(step_.devices.size(), kNone);
  std::vector<std::pair<uint32_t, int32_t>> last;  // by stream
  for (size_t i = 0; i < step_.devices.size(); ++i) {
    const PathDevice& device = step_.devices[i];
    if (!TakesPart(device.unit) || device.end_ns > step_.end_ns) continue;
    const int32_t number = static_cast<int32_t>(i);
    devices_.push_back(number);
    const auto it = std::find_if(
        last.begin(), last.end(),
        [&device](const auto& each) { return each.first == device.stream; });
    if (it == last.end()) {
      last.emplace_back(device.stream, number);
    } else {
      before_in_stream_[i] = std::exchange(it->second, number);
    }
  }
  std::stable_sort(devices_.begin(), devices_.end(),
                   [this](int32_t a, int32_t b) {
                     return Device(a).end_ns < Device(b).end_ns;
                   });
}

const PathFinder::Thread* PathFinder::Find(uint32_t thread) const {
  for (const Thread& each : threads_) {
    if (each.number == thread) return &each;
  }
  return nullptr;
}

// The last unit of a thread that ended until a time.
int32_t PathFinder::LastUntil(const Thread& thread, int64_t at_ns) const {
  const auto it = std::partition_point(
      thread.units.begin(), thread.units.end(),
      [this, at_ns](int32_t unit) { return Unit(unit).end_ns <= at_ns; });
  return it == thread.units.begin() ? kNone : *(it - 1);
}

void PathFinder::Offer(const PathUnit& to, int32_t unit, Before* best) const {
  if (!TakesPart(unit) || &Unit(unit) == &to) return;
  const int64_t end_ns = Unit(unit).end_ns;
  if (end_ns > to.start_ns) return;
  if (end_ns > best->end_ns || best->unit == kNone) {
    *best = {unit, kNone, end_ns};
  }
}

void PathFinder::OfferForward(const PathUnit& node, Before* best) const {
  if (!TakesPart(node.forward)) return;
  Offer(node, node.forward, best);
  const uint32_t thread = Unit(node.forward).thread;
  if (thread == node.thread) return;
  Offer(node, LastUntil(*Find(thread), node.start_ns), best);
}

// A thread at which backward nodes of others ran has waited for them.
void PathFinder::OfferJoin(const PathUnit& unit, int32_t previous,
                           Before* best) const {
  const int64_t idle_from_ns =
      previous == kNone ? step_.begin_ns : Unit(previous).end_ns;
  for (const Thread& other : threads_) {
    if (other.number == unit.thread) continue;
    const int32_t node = LastUntil(other, unit.start_ns);
    if (node == kNone || !Unit(node).backward) continue;
    if (Unit(node).end_ns > idle_from_ns) Offer(unit, node, best);
  }
}

// Or the last device time that ended while the op was waiting for it.
PathFinder::Before PathFinder::OrReadBack(const PathUnit& unit,
                                          int64_t until_ns, Before best) const {
  for (auto it = devices_.rbegin(); it != devices_.rend(); ++it) {
    const PathDevice& device = Device(*it);
    if (device.end_ns > until_ns || device.start_ns >= until_ns) continue;
    if (device.end_ns <= std::max(best.end_ns, unit.start_ns)) break;
    return {device.unit, *it, device.end_ns, true};
  }
  return best;
}

PathFinder::Before PathFinder::BeforeUnit(int32_t number,
                                          int64_t until_ns) const {
  const PathUnit& unit = Unit(number);
  Before best;
  best.end_ns = step_.begin_ns;
  const int32_t previous = previous_[static_cast<size_t>(number)];
  Offer(unit, previous, &best);
  if (unit.backward) {
    OfferForward(unit, &best);
  } else {
    OfferJoin(unit, previous, &best);
  }
  for (const PathUnit::Read& read : unit.reads) {
    if (read.start_ns <= until_ns) Offer(unit, read.maker, &best);
  }
  return unit.reads_back_ns <= until_ns ? OrReadBack(unit, until_ns, best)
                                        : best;
}

// The device begins when the stream is free and the host has asked for it.
PathFinder::Before PathFinder::BeforeDevice(int32_t number) const {
  const PathDevice& device = Device(number);
  const Before launch = {device.unit, kNone,
                         std::min(device.asked_ns, device.start_ns)};
  const int32_t before = before_in_stream_[static_cast<size_t>(number)];
  if (before == kNone) return launch;
  const int64_t end_ns = Device(before).end_ns;
  if (end_ns > device.start_ns || end_ns <= launch.end_ns) return launch;
  return {Device(before).unit, before, end_ns};
}

PathFinder::Before PathFinder::LastOfAll() const {
  Before last;
  last.end_ns = step_.begin_ns;
  for (const Thread& thread : threads_) {
    const int32_t unit = LastUntil(thread, step_.end_ns);
    if (unit != kNone && Unit(unit).end_ns > last.end_ns) {
      last = {unit, kNone, Unit(unit).end_ns};
    }
  }
  if (devices_.empty() || Device(devices_.back()).end_ns <= last.end_ns) {
    return last;
  }
  const PathDevice& device = Device(devices_.back());
  return {device.unit, devices_.back(), device.end_ns};
}

void PathFinder::Between(int64_t from_ns, int64_t* until_ns,
                         StepPath* path) const {
  if (from_ns >= *until_ns) return;
  path->parts.push_back({from_ns, *until_ns});
  *until_ns = from_ns;
}

void PathFinder::SumUp(StepPath* path) const {
  for (const PathPart& part : path->parts) {
    const auto ns = static_cast<uint64_t>(part.to_ns - part.from_ns);
    if (part.unit == kNone) {
      path->between_ns += ns;
    } else if (part.device != kNone) {
      path->device_ns += ns;
    } else {
      (Unit(part.unit).backward ? path->backward_ns : path->op_ns) += ns;
    }
  }
  for (const PathUnit& unit : step_.units) {
    if (unit.end_ns == PathUnit::kNever) continue;
    path->beside_ns += static_cast<uint64_t>(unit.end_ns - unit.start_ns);
  }
  path->beside_ns -= path->op_ns + path->backward_ns;
}

// Backwards from the end.
StepPath PathFinder::Find() {
  StepPath path;
  int64_t until_ns = step_.end_ns;
  Before part = LastOfAll();
  Between(part.end_ns, &until_ns, &path);
  std::set<std::tuple<int32_t, int32_t, int64_t>> seen;
  while (part.unit != kNone) {
    // Clocks that disagree could lead around for ever.
    if (!seen.emplace(part.unit, part.device, until_ns).second) break;
    const Before before = part.device == kNone ? BeforeUnit(part.unit, until_ns)
                                               : BeforeDevice(part.device);
    const int64_t start_ns = part.device == kNone
                                 ? Unit(part.unit).start_ns
                                 : Device(part.device).start_ns;
    const int64_t from_ns = std::max(
        std::min(before.read_back ? before.end_ns : start_ns, until_ns),
        step_.begin_ns);
    if (from_ns < until_ns) {
      path.parts.push_back({from_ns, until_ns, part.unit, part.device});
    }
    until_ns = from_ns;
    Between(std::max(before.end_ns, step_.begin_ns), &until_ns, &path);
    part = before;
  }
  Between(step_.begin_ns, &until_ns, &path);
  std::reverse(path.parts.begin(), path.parts.end());
  SumUp(&path);
  return path;
}

}  // namespace

StepPath FindPath(const PathStep& step) { return PathFinder(step).Find(); }

}  // namespace torchtape::viewer
