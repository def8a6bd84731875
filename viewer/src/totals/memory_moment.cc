#include "totals/memory_moment.h"

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_set.h"

namespace torchtape::viewer {
namespace {

// An exception leaves one op after the other.
bool MayThrow(const Operator& op) {
  return op.kind == v1::SPAN_KIND_OP || op.kind == v1::SPAN_KIND_BACKWARD;
}

}  // namespace

uint64_t MemoryAtMoment::unknown_bytes() const {
  uint64_t known = 0;
  for (const LiveStorage& live : storages) known += live.bytes;
  return live_bytes - std::min(known, live_bytes);
}

// ---------------------------------------------------------------------------
// When.

void MemoryMoment::OnChunk(const ChunkStart& start) {
  if (start.events == nullptr) return;
  Pass(std::numeric_limits<uint64_t>::max());
  for (const v1::Pin& pin : start.events->pins()) {
    if (pin.reason() != v1::PIN_REASON_OUT_OF_MEMORY) continue;
    if (!steps_.Contains(pin.step())) continue;
    ++count_;
    if (!next_ || next_->time_ns() <= pin.time_ns()) next_ = pin;
  }
  ran_out_ns_ = 0;
  if (next_) {
    ran_out_ns_ = next_->time_ns();
    allocators_then_ = allocators_;
  }
  if (start.events->has_live_bytes()) Enter(*start.events);
}

// What comes at `time_ns` comes after memory ran out before.
void MemoryMoment::Pass(uint64_t time_ns) {
  if (!next_ || time_ns <= next_->time_ns()) return;
  Keep(*next_);
  next_.reset();
}

void MemoryMoment::Keep(const v1::Pin& pin) {
  kept_ = MemoryAtMoment{};
  kept_->asked = pin.text();
  kept_->step = pin.step();
  kept_->time_ns = pin.time_ns();
  kept_->live_bytes = live_bytes_;
  places_.clear();
  for (const auto& [storage, live] : live_) {
    places_[storage] = kept_->storages.size();
    kept_->storages.push_back(live);
  }
  may_throw_ = true;
}

// ---------------------------------------------------------------------------
// What is live.

// Differs only after lost or released chunks.
void MemoryMoment::Enter(const v1::Events& events) {
  if (live_bytes_ == events.live_bytes()) return;
  live_bytes_ = events.live_bytes();
  if (!events.has_live()) return live_.clear();
  absl::flat_hash_set<uint64_t> storages;
  uint64_t storage = 0;
  for (uint64_t difference : events.live().storages()) {
    storages.insert(storage += difference);
  }
  absl::erase_if(live_, [&storages](const auto& live) {
    return storages.count(live.first) == 0;
  });
}

void MemoryMoment::OnStep(const StepStart& start) {
  Pass(start.start_ns);
  step_ = start.number;
}

void MemoryMoment::OnWindow(const v1::Window& window) {
  Pass(window.time_ns());
  if (!window.recording()) return;
  live_.clear();
  live_bytes_ = 0;
}

void MemoryMoment::OnBegin(const SpanBegin& begin) {
  Pass(begin.frame.start_ns);
  time_ns_ = std::max(time_ns_, begin.frame.start_ns);
}

void MemoryMoment::OnAllocate(const Allocation& allocation) {
  Pass(allocation.time_ns);
  time_ns_ = std::max(time_ns_, allocation.time_ns);
  const ThreadState& thread = allocation.thread;
  const uint32_t number = thread.facts.number();
  LiveStorage live;
  live.storage = allocation.storage;
  live.bytes = allocation.bytes;
  live.device_type = allocation.device_type;
  live.device_index = allocation.device_index;
  live.time_ns = allocation.time_ns;
  live.step = step_;
  live.module = attribution_.CurrentCall(number).module;
  live.unit = attribution_.CurrentUnit(number);
  live.frame = lines_.Current(number).frame;
  const auto maker =
      std::find_if(thread.stack.begin(), thread.stack.end(),
                   [](const Frame& frame) { return MayThrow(*frame.op); });
  if (maker != thread.stack.end()) live.maker = maker->op;
  live_[live.storage] = live;
  live_bytes_ += live.bytes;
  if (live.unit == kNoUnit) return;
  unresolved_.push_back(live.storage);
  if (unresolved_.size() >= kMinForget + 2 * (live_.size() + places_.size())) {
    ForgetFreed();
  }
}

// A step may make and free more than fits.
void MemoryMoment::ForgetFreed() {
  const auto freed = [this](uint64_t storage) {
    return live_.count(storage) == 0 && places_.count(storage) == 0;
  };
  unresolved_.erase(
      std::remove_if(unresolved_.begin(), unresolved_.end(), freed),
      unresolved_.end());
}

void MemoryMoment::OnFree(const Allocation& free) {
  Pass(free.time_ns);
  time_ns_ = std::max(time_ns_, free.time_ns);
  const auto live = live_.find(free.storage);
  if (live == live_.end()) return;
  live_bytes_ -= std::min(live_bytes_, live->second.bytes);
  live_.erase(live);
}

void MemoryMoment::OnSave(const SavedTensor& saved) { Pass(saved.time_ns); }

void MemoryMoment::OnDeviceMemory(const format::DeviceMemory& memory) {
  const AllocatorThen then = {memory.device_type, memory.device_index,
                              memory.allocated_bytes, memory.reserved_bytes};
  const std::pair device(memory.device_type, memory.device_index);
  allocators_[device] = then;
  if (memory.time_ns <= ran_out_ns_) allocators_then_[device] = then;
}

void MemoryMoment::OnEnd(const SpanEnd& end) {
  if (end.ending != Ending::kLost) {
    Pass(end.time_ns);
    time_ns_ = std::max(time_ns_, end.time_ns);
  }
  if (!may_throw_ || end.ending != Ending::kThrew) return;
  if (!MayThrow(*end.frame.op) || end.frame.start_ns > kept_->time_ns) return;
  may_throw_ = false;
  kept_->threw = end.frame.op;
  kept_->threw_frame = lines_.Current(end.thread.facts.number()).frame;
}

// ---------------------------------------------------------------------------
// Whose it is.

void MemoryMoment::Resolve(LiveStorage* live) const {
  if (live->unit == kNoUnit) return;
  live->module = attribution_.OwnerOf(live->unit).module;
  live->unit = kNoUnit;
}

void MemoryMoment::OnUnits(absl::Span<const Unit>) {
  for (const uint64_t storage : unresolved_) {
    const auto live = live_.find(storage);
    if (live != live_.end()) Resolve(&live->second);
    const auto place = places_.find(storage);
    if (place != places_.end()) Resolve(&kept_->storages[place->second]);
  }
  unresolved_.clear();
}

void MemoryMoment::SetRole(uint64_t storage, MemoryRole role) {
  const auto live = live_.find(storage);
  if (live != live_.end()) {
    live->second.role = std::max(live->second.role, role);
  }
  const auto place = places_.find(storage);
  // What becomes of it after the steps is not theirs to tell.
  if (place == places_.end() || step_ > steps_.last) return;
  LiveStorage& kept = kept_->storages[place->second];
  kept.role = std::max(kept.role, role);
}

std::optional<MemoryAtMoment> MemoryMoment::moment(bool ended) const {
  std::optional<MemoryAtMoment> moment = kept_;
  if (next_ || (!moment && !ended && steps_.Contains(step_))) {
    moment = MemoryAtMoment{};
    moment->asked = next_ ? next_->text() : "";
    moment->step = next_ ? next_->step() : step_;
    moment->time_ns = next_ ? next_->time_ns() : time_ns_;
    moment->live_bytes = live_bytes_;
    for (const auto& [storage, live] : live_) moment->storages.push_back(live);
  }
  if (!moment) return moment;
  const bool ran_out = !moment->asked.empty();
  for (const auto& [device, then] : ran_out ? allocators_then_ : allocators_) {
    moment->allocators.push_back(then);
  }
  for (LiveStorage& live : moment->storages) {
    if (attribution_.tree().OwnerOf(live.storage) != kNoModule) {
      live.role = MemoryRole::kParameter;
    }
  }
  std::sort(moment->storages.begin(), moment->storages.end(),
            [](const LiveStorage& a, const LiveStorage& b) {
              return std::tie(b.bytes, a.storage) <
                     std::tie(a.bytes, b.storage);
            });
  return moment;
}

}  // namespace torchtape::viewer
