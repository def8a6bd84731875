#include "memory_totals.h"

#include <algorithm>
#include <tuple>

namespace torchtape::viewer {

void MemoryTotals::OnChunk(const ChunkStart& start) {
  if (start.events == nullptr || !start.events->has_live_bytes()) return;
  // Differs only after a lost chunk: nobody knows whose the difference is.
  if (live_bytes_ == start.events->live_bytes()) return;
  KeepHolders();
  live_bytes_ = start.events->live_bytes();
}

void MemoryTotals::OnStep(const StepStart& start) {
  step_ = start.number;
  step_start_ns_ = start.start_ns;
  // What is live when the first of the steps begins counts for them.
  if (steps_.Contains(step_)) NotePeak(start.start_ns);
}

void MemoryTotals::OnWindow(const v1::Window& window) {
  if (!window.recording()) return;
  KeepHolders();
  live_.clear();
  held_.clear();
  live_bytes_ = 0;
}

MemoryTotals::MakerKey MemoryTotals::MakerOf(const ThreadState& thread) const {
  const Operator* maker = nullptr;
  const Operator* range = nullptr;
  for (const Frame& frame : thread.stack) {
    const v1::SpanKind kind = frame.op->kind;
    if (kind == v1::SPAN_KIND_RANGE) range = frame.op;
    const bool makes =
        kind == v1::SPAN_KIND_OP || kind == v1::SPAN_KIND_BACKWARD;
    if (makes && maker == nullptr) maker = frame.op;
  }
  return {maker, {range, attribution_.Current(thread.facts.number())}};
}

void MemoryTotals::OnAllocate(const Allocation& allocation) {
  if (!steps_.Contains(step_)) KeepHolders();
  const MakerKey maker = MakerOf(allocation.thread);
  live_[allocation.storage] = Live{allocation.bytes, maker};
  Held& held = held_[maker];
  held.bytes += allocation.bytes;
  ++held.allocations;
  live_bytes_ += allocation.bytes;
  if (!steps_.Contains(step_)) return;
  ++alloc_count_;
  allocated_bytes_ += allocation.bytes;
  NotePeak(allocation.time_ns);
}

void MemoryTotals::OnFree(const Allocation& free) {
  if (steps_.Contains(step_)) ++free_count_;
  const auto it = live_.find(free.storage);
  if (it == live_.end()) return;  // its allocation is in a damaged chunk
  KeepHolders();
  const auto held = held_.find(it->second.maker);
  held->second.bytes -= it->second.bytes;
  if (--held->second.allocations == 0) held_.erase(held);
  live_bytes_ -= std::min(live_bytes_, it->second.bytes);
  live_.erase(it);
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
}

MemoryPeak MemoryTotals::peak() const {
  MemoryPeak peak = peak_;
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
