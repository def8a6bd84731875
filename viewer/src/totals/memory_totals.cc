#include "totals/memory_totals.h"

#include <algorithm>
#include <tuple>

namespace torchtape::viewer {
namespace {

// Changes that wait; a step with more is decided early.
constexpr size_t kMaxChanges = size_t{1} << 18;

}  // namespace

void MemoryTotals::Keep(const Change& change) {
  changes_.push_back(change);
  if (changes_.size() >= kMaxChanges) attribution_.Decide();
}

void MemoryTotals::OnUnits(absl::Span<const Unit>) {
  for (const Change& change : changes_) Apply(change);
  changes_.clear();
}

void MemoryTotals::OnSeek(const Seek& seek) {
  attribution_.Decide();
  KeepHolders();
  absl::erase_if(live_, [&](const auto& entry) {
    if (std::binary_search(seek.live.begin(), seek.live.end(), entry.first)) {
      return false;
    }
    Drop(entry.second);
    return true;
  });
}

void MemoryTotals::OnChunk(const ChunkStart& start) {
  if (start.events == nullptr) return;
  for (const v1::Pin& pin : start.events->pins()) {
    ran_out_ += pin.reason() == v1::PIN_REASON_OUT_OF_MEMORY &&
                steps_.Contains(pin.step());
  }
  if (!start.events->has_live_bytes()) return;
  Change change = {};
  change.kind = Change::kChunk;
  change.bytes = start.events->live_bytes();
  Keep(change);
}

// The units of the step before have been told: nothing waits.
void MemoryTotals::OnStep(const StepStart& start) {
  const bool enters = !steps_.Contains(step_);
  step_ = start.number;
  step_start_ns_ = start.start_ns;
  saved_.StartStep();
  if (step_ > steps_.last) KeepHolders();
  // What is live when the first of the steps begins counts for them.
  if (!steps_.Contains(step_)) return;
  NotePeak(start.start_ns);
  if (enters) NoteModulePeaks();
}

void MemoryTotals::OnWindow(const v1::Window& window) {
  if (!window.recording()) return;
  KeepHolders();
  live_.clear();
  held_.clear();
  for (ModuleMemory& module : modules_) module.live = 0;
  live_bytes_ = 0;
}

MemoryTotals::Change MemoryTotals::ChangeOf(
    Change::Kind kind, const Allocation& allocation) const {
  const uint32_t thread = allocation.thread.facts.number();
  Change change = {kind,
                   allocation.time_ns,
                   allocation.storage,
                   allocation.bytes,
                   MemoryRole::kTemporary,
                   nullptr,
                   nullptr,
                   attribution_.CurrentCall(thread).module,
                   attribution_.CurrentUnit(thread)};
  for (const Frame& frame : allocation.thread.stack) {
    const v1::SpanKind span = frame.op->kind;
    if (span == v1::SPAN_KIND_RANGE) change.range = frame.op;
    const bool makes =
        span == v1::SPAN_KIND_OP || span == v1::SPAN_KIND_BACKWARD;
    if (makes && change.maker == nullptr) change.maker = frame.op;
  }
  return change;
}

void MemoryTotals::OnAllocate(const Allocation& allocation) {
  Keep(ChangeOf(Change::kAllocate, allocation));
}

void MemoryTotals::OnFree(const Allocation& free) {
  Change change = {};
  change.kind = Change::kFree;
  change.storage = free.storage;
  Keep(change);
}

void MemoryTotals::OnSave(const SavedTensor& saved) {
  Change change = {};
  change.kind = Change::kSave;
  change.storage = saved.storage;
  change.bytes = saved.bytes;
  Keep(change);
}

void MemoryTotals::SetRole(uint64_t storage, MemoryRole role) {
  Change change = {};
  change.kind = Change::kRole;
  change.storage = storage;
  change.role = role;
  Keep(change);
}

void MemoryTotals::Apply(const Change& change) {
  switch (change.kind) {
    case Change::kAllocate:
      return Allocate(change);
    case Change::kFree:
      return Free(change);
    case Change::kSave:
      return Save(change);
    case Change::kRole:
      return TakeRole(change);
    case Change::kChunk:
      return EnterChunk(change.bytes);
  }
}

// Differs only after a lost chunk: nobody knows whose the difference is.
void MemoryTotals::EnterChunk(uint64_t live_bytes) {
  if (live_bytes_ == live_bytes) return;
  KeepHolders();
  live_bytes_ = live_bytes;
}

void MemoryTotals::AddToModules(int module, int64_t bytes) {
  const std::vector<Module>& modules = attribution_.tree().modules();
  if (modules_.size() < modules.size()) modules_.resize(modules.size());
  for (; module != kNoModule; module = modules[module].parent) {
    ModuleMemory& memory = modules_[module];
    memory.live += static_cast<uint64_t>(bytes);
    if (!steps_.Contains(step_)) continue;
    memory.any = true;
    memory.peak = std::max(memory.peak, memory.live);
  }
}

void MemoryTotals::NoteModulePeaks() {
  for (ModuleMemory& memory : modules_) {
    memory.any |= memory.live > 0;
    memory.peak = std::max(memory.peak, memory.live);
  }
}

void MemoryTotals::Allocate(const Change& change) {
  if (!steps_.Contains(step_)) KeepHolders();
  const int module = change.unit == kNoUnit
                         ? change.module
                         : attribution_.OwnerOf(change.unit).module;
  const MakerKey maker = {change.maker, {change.range, module}};
  live_[change.storage] =
      Live{change.bytes, step_, MemoryRole::kTemporary, maker};
  Held& held = held_[maker];
  held.bytes += change.bytes;
  ++held.allocations;
  live_bytes_ += change.bytes;
  AddToModules(module, static_cast<int64_t>(change.bytes));
  if (!steps_.Contains(step_)) return;
  ++alloc_count_;
  allocated_bytes_ += change.bytes;
  NotePeak(change.time_ns);
}

void MemoryTotals::Free(const Change& change) {
  if (steps_.Contains(step_)) ++free_count_;
  const auto it = live_.find(change.storage);
  if (it == live_.end()) return;  // its allocation is in a damaged chunk
  KeepHolders();
  Drop(it->second);
  live_.erase(it);
}

// Nobody holds it any more.
void MemoryTotals::Drop(const Live& live) {
  const auto held = held_.find(live.maker);
  held->second.bytes -= live.bytes;
  if (--held->second.allocations == 0) held_.erase(held);
  live_bytes_ -= std::min(live_bytes_, live.bytes);
  AddToModules(live.maker.second.second, -static_cast<int64_t>(live.bytes));
}

void MemoryTotals::Save(const Change& change) {
  const auto it = live_.find(change.storage);
  if (it == live_.end() || it->second.step != step_) return;
  if (!steps_.Contains(step_)) return;
  saved_.Save(attribution_.tree(), change.storage, change.bytes,
              it->second.maker.second.second);
}

void MemoryTotals::TakeRole(const Change& change) {
  const auto live = live_.find(change.storage);
  if (live == live_.end()) return;
  MemoryRole& role = live->second.role;
  role = std::max(role, change.role);
  // What becomes of it after the steps is not theirs to tell.
  if (step_ > steps_.last) return;
  const auto at_peak = peak_storages_.find(change.storage);
  if (at_peak != peak_storages_.end()) at_peak->second.role = role;
}

std::optional<uint64_t> MemoryTotals::PeakOf(int module) const {
  const auto index = static_cast<size_t>(module);
  if (index >= modules_.size() || !modules_[index].any) return std::nullopt;
  return modules_[index].peak;
}

void MemoryTotals::NotePeak(uint64_t time_ns) {
  if (live_bytes_ <= peak_.bytes) return;
  peak_.bytes = live_bytes_;
  peak_.time_ns = time_ns;
  peak_.step = step_;
  peak_.step_start_ns = step_start_ns_;
  at_peak_ = true;
}

// Called before memory falls below a peak. Until then it costs nothing to
// follow a peak that still grows.
void MemoryTotals::KeepHolders() {
  if (!at_peak_) return;
  at_peak_ = false;
  peak_held_ = held_;
  peak_storages_.clear();
  for (const auto& [storage, live] : live_) {
    peak_storages_[storage] = {live.bytes, live.role};
  }
}

std::array<uint64_t, kMemoryRoles> MemoryTotals::PeakRoles() const {
  std::array<uint64_t, kMemoryRoles> roles = {};
  const auto add = [&](uint64_t storage, uint64_t bytes, MemoryRole role) {
    if (attribution_.tree().OwnerOf(storage) != kNoModule) {
      role = MemoryRole::kParameter;
    }
    roles[static_cast<size_t>(role)] += bytes;
  };
  if (at_peak_) {
    for (const auto& [storage, live] : live_) {
      add(storage, live.bytes, live.role);
    }
  } else {
    for (const auto& [storage, at_peak] : peak_storages_) {
      add(storage, at_peak.bytes, at_peak.role);
    }
  }
  return roles;
}

MemoryPeak MemoryTotals::peak() const {
  MemoryPeak peak = peak_;
  peak.roles = PeakRoles();
  for (const auto& [key, held] : at_peak_ ? held_ : peak_held_) {
    Holder holder;
    if (key.first != nullptr) holder.maker = key.first->name;
    if (key.second.first != nullptr) holder.range = key.second.first->name;
    holder.module = key.second.second;
    holder.bytes = held.bytes;
    holder.allocations = held.allocations;
    peak.holders.push_back(std::move(holder));
  }
  const auto precedes = [](const Holder& a, const Holder& b) {
    if (a.bytes != b.bytes) return a.bytes > b.bytes;
    return std::tie(a.maker, a.range, a.module) <
           std::tie(b.maker, b.range, b.module);
  };
  std::sort(peak.holders.begin(), peak.holders.end(), precedes);
  return peak;
}

}  // namespace torchtape::viewer
