#include "totals/device_idle.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <numeric>

namespace torchtape::viewer {
namespace {

constexpr int64_t kOpenEnd = std::numeric_limits<int64_t>::max();

IdleCause CauseOf(HostState state, bool waited, bool knows_waits) {
  switch (state) {
    case HostState::kWaiting:
      return IdleCause::kSynchronisation;
    case HostState::kInput:
      return IdleCause::kInput;
    case HostState::kWorking:
      if (!knows_waits) return IdleCause::kUnknown;
      return waited ? IdleCause::kSynchronisation : IdleCause::kHost;
    case HostState::kElsewhere:
      break;
  }
  return IdleCause::kUnknown;
}

// So much before an instant, or the first instant that there is.
int64_t Before(int64_t time_ns, uint64_t by_ns) {
  constexpr int64_t kFirst = std::numeric_limits<int64_t>::min();
  const uint64_t since_first =
      static_cast<uint64_t>(time_ns) - static_cast<uint64_t>(kFirst);
  return by_ns >= since_first ? kFirst : time_ns - static_cast<int64_t>(by_ns);
}

// In order, and apart.
using Holes = std::vector<std::pair<int64_t, int64_t>>;

void CloseHole(int64_t end_ns, Holes* holes) {
  if (!holes->empty() && holes->back().second == kOpenEnd) {
    holes->back().second = end_ns;
  }
}

void AddHole(int64_t begin_ns, int64_t end_ns, Holes* holes) {
  while (!holes->empty() && begin_ns <= holes->back().second) {
    begin_ns = std::min(begin_ns, holes->back().first);
    end_ns = std::max(end_ns, holes->back().second);
    holes->pop_back();
  }
  holes->emplace_back(begin_ns, end_ns);
}

}  // namespace

uint64_t DeviceUse::all_idle_ns() const {
  return std::accumulate(idle_ns.begin(), idle_ns.end(), uint64_t{0});
}

// A stretch in which a device ran nothing, and what it then began with.
struct DeviceIdle::Gap {
  int64_t begin_ns, end_ns;
  const Activity& before;
  const Activity& after;
  bool at_once;

  uint64_t ns() const {
    return static_cast<uint64_t>(end_ns) - static_cast<uint64_t>(begin_ns);
  }
};

// ---------------------------------------------------------------------------
// What is not in the log.

// A chunk that is not there takes activities with it that were before it.
void DeviceIdle::OnChunk(const ChunkStart& start) {
  const format::Chunk& chunk = start.chunk;
  if (chunk.kind == v1::CHUNK_KIND_RELEASED ||
      (next_chunk_ && chunk.number != *next_chunk_)) {
    missing_ = true;
  }
  next_chunk_ = chunk.number + chunk.chunks;
  if (start.events == nullptr) return;
  const int64_t before_ns = chunk_start_ns_;
  chunk_start_ns_ = static_cast<int64_t>(start.events->start_time_ns());
  if (missing_) {
    CloseHole(chunk_start_ns_, &holes_);
    AddHole(before_ns, chunk_start_ns_, &holes_);
  }
  missing_ = false;
}

void DeviceIdle::OnWindow(const v1::Window& window) {
  const auto time_ns = static_cast<int64_t>(window.time_ns());
  if (window.recording()) return CloseHole(time_ns, &holes_);
  AddHole(time_ns, kOpenEnd, &holes_);
}

bool DeviceIdle::IsRecorded(int64_t from_ns, int64_t to_ns) const {
  const auto next = std::partition_point(
      holes_.begin(), holes_.end(),
      [to_ns](const auto& hole) { return hole.first < to_ns; });
  return next == holes_.begin() || std::prev(next)->second <= from_ns;
}

// ---------------------------------------------------------------------------
// Activities in order.

// From the call to the activity, which began later.
uint64_t DeviceIdle::LaunchTimeOf(const Activity& activity) {
  return static_cast<uint64_t>(activity.start_ns) -
         static_cast<uint64_t>(activity.launch_ns);
}

void DeviceIdle::OnActivity(const format::DeviceActivity& activity) {
  if (activity.end_ns() < activity.start_ns) return;
  Activity item = {activity.start_ns,
                   activity.end_ns(),
                   activity.error_ns,
                   activity.kind == v1::ACTIVITY_KIND_COPY,
                   steps_.all(),
                   false,
                   0,
                   0,
                   nullptr};
  Device& device = devices_[activity.device];
  if (const LaunchPlace* place = launches_.Find(activity.correlation)) {
    item.launched = true;
    item.launch_ns = static_cast<int64_t>(place->time_ns);
    item.thread = place->thread;
    item.op = place->op;
    if (place->step) item.counts = steps_.Contains(*place->step);
    if (item.start_ns > item.launch_ns) {
      device.least_ns = std::min(device.least_ns, LaunchTimeOf(item));
    }
  }
  device.waiting.push_back(item);
  if (++waiting_ >= kMaxWaiting) PlayHalf();
}

// The sooner is better, as now is known where the modules' ops began.
void DeviceIdle::OnUnits(absl::Span<const Unit>) {
  if (waiting_ >= kMaxWaiting / 2) PlayHalf();
}

void DeviceIdle::PlayHalf() {
  for (auto& [number, device] : devices_) {
    Play(number, device.waiting.size() / 2, &device);
  }
}

void DeviceIdle::OnLogEnd() {
  for (auto& [number, device] : devices_) Play(number, 0, &device);
}

// Of what waits, leaves some that are the latest.
void DeviceIdle::Play(uint32_t number, size_t leave, Device* device) {
  std::vector<Activity>& waiting = device->waiting;
  std::stable_sort(waiting.begin(), waiting.end(),
                   [](const Activity& a, const Activity& b) {
                     return a.start_ns < b.start_ns;
                   });
  const size_t count = waiting.size() - std::min(leave, waiting.size());
  for (size_t i = 0; i < count; ++i) Begin(waiting[i], number, device);
  waiting.erase(waiting.begin(),
                waiting.begin() + static_cast<std::ptrdiff_t>(count));
  waiting_ -= count;
  if (waiting.empty() && device->any) {
    Advance(std::max(device->kernels_end_ns, device->copies_end_ns),
            &uses_[number], device);
  }
}

// Counts what ran up to an instant, as far as something did.
void DeviceIdle::Advance(int64_t to_ns, DeviceUse* use, Device* device) {
  const auto run = [&](int64_t end_ns, uint64_t* sum) {
    end_ns = std::min(end_ns, to_ns);
    if (end_ns <= device->now_ns) return;
    if (device->counts) {
      *sum +=
          static_cast<uint64_t>(end_ns) - static_cast<uint64_t>(device->now_ns);
    }
    device->now_ns = end_ns;
  };
  run(device->kernels_end_ns, &use->kernel_ns);
  run(device->copies_end_ns, &use->copy_ns);
}

void DeviceIdle::Begin(const Activity& activity, uint32_t number,
                       Device* device) {
  DeviceUse& use = uses_[number];
  if (device->any && activity.start_ns < device->begun_ns) {
    ++use.late;
    return;
  }
  if (device->any) {
    Advance(activity.start_ns, &use, device);
    if (activity.counts && activity.start_ns > device->now_ns) {
      const uint64_t after_ns = LaunchTimeOf(activity);
      const bool at_once =
          activity.launched && activity.start_ns >= activity.launch_ns &&
          (after_ns <= activity.error_ns ||
           (after_ns - activity.error_ns + 1) / 2 <= device->least_ns);
      Count(
          {device->now_ns, activity.start_ns, device->last, activity, at_once},
          number);
    }
  }
  device->any = true;
  device->begun_ns = activity.start_ns;
  device->now_ns = std::max(device->now_ns, activity.start_ns);
  device->counts = activity.counts;
  int64_t& end_ns =
      activity.copies ? device->copies_end_ns : device->kernels_end_ns;
  end_ns = std::max(end_ns, activity.end_ns);
  if (activity.end_ns >= device->last.end_ns) device->last = activity;
}

// ---------------------------------------------------------------------------
// Why nothing ran.

// What the thread that launched did, or the one before it.
HostStates::Stretch DeviceIdle::HostAt(const Gap& gap, int64_t time_ns,
                                       uint32_t* thread) const {
  *thread = gap.after.thread;
  const HostStates::Stretch host = hosts_.At(*thread, time_ns);
  if (host.state != HostState::kElsewhere || !gap.before.launched) return host;
  *thread = gap.before.thread;
  const HostStates::Stretch other = hosts_.At(*thread, time_ns);
  return {other.state, std::min(host.end_ns, other.end_ns), other.place};
}

std::vector<IdleTotals::Part> DeviceIdle::PartsOf(const Gap& gap) const {
  std::vector<IdleTotals::Part> parts;
  const auto add = [&](IdleCause cause, const HostPlace& place, int64_t from_ns,
                       int64_t to_ns) {
    if (from_ns == to_ns) return;
    parts.push_back(
        {cause, place,
         static_cast<uint64_t>(to_ns) - static_cast<uint64_t>(from_ns)});
  };
  if (!gap.after.launched) {
    add(IdleCause::kUnknown, {}, gap.begin_ns, gap.end_ns);
    return parts;
  }
  const int64_t launch_ns = gap.after.launch_ns;
  const int64_t host_end_ns =
      gap.at_once ? gap.end_ns
                  : std::clamp(launch_ns, gap.begin_ns, gap.end_ns);
  // Then nothing that came after the call is the reason.
  const bool was_launched = launch_ns < gap.begin_ns;
  uint32_t thread;
  HostAt(gap, gap.begin_ns, &thread);
  std::optional<HostPlace> wait;
  if (!was_launched) {
    wait = hosts_.WaitWithin(thread, Before(gap.begin_ns, gap.after.error_ns),
                             gap.begin_ns);
  }
  int64_t time_ns = gap.begin_ns;
  while (time_ns < host_end_ns) {
    // What the call takes to reach the device is of the instant of the call.
    const bool called = time_ns >= launch_ns;
    const HostStates::Stretch host =
        HostAt(gap, called ? launch_ns : time_ns, &thread);
    const int64_t end_ns =
        called ? host_end_ns : std::min({host.end_ns, host_end_ns, launch_ns});
    const IdleCause cause =
        CauseOf(host.state, wait.has_value(), knows_waits_ || was_launched);
    const bool had_waited = cause == IdleCause::kSynchronisation &&
                            host.state != HostState::kWaiting;
    add(cause, had_waited ? *wait : host.place, time_ns, end_ns);
    time_ns = end_ns;
  }
  add(IdleCause::kQueued, {}, host_end_ns, gap.end_ns);
  return parts;
}

void DeviceIdle::Count(const Gap& gap, uint32_t number) {
  if (!IsRecorded(gap.begin_ns, gap.end_ns)) return;
  DeviceUse& use = uses_[number];
  ++use.gaps;
  use.longest_gap_ns = std::max(use.longest_gap_ns, gap.ns());
  const std::vector<IdleTotals::Part> parts = PartsOf(gap);
  for (const IdleTotals::Part& part : parts) {
    use.idle_ns[static_cast<size_t>(part.cause)] += part.ns;
  }
  totals_.Add(number, gap.after.op, parts);
}

}  // namespace torchtape::viewer
