#include "report/report_memory.h"

#include <algorithm>

namespace torchtape::viewer {
namespace {

// The outermost op or backward node, as in MemoryTotals.
uint64_t MakerOf(const ThreadState& thread) {
  for (const Frame& frame : thread.stack) {
    const v1::SpanKind kind = frame.op->kind;
    if (kind == v1::SPAN_KIND_OP || kind == v1::SPAN_KIND_BACKWARD) {
      return frame.op->id + uint64_t{1};
    }
  }
  return 0;
}

}  // namespace

void ReportMemory::OnChunk(const ChunkStart& start) {
  if (start.events == nullptr || !start.events->has_live_bytes()) return;
  Correct(start.events->start_time_ns(), start.events->live_bytes());
}

// Differs only after a lost chunk: nobody knows whose the difference is.
void ReportMemory::Correct(uint64_t time_ns, uint64_t live_bytes) {
  if (live_bytes_ == live_bytes) return;
  corrections_.push_back(
      {time_ns, static_cast<int64_t>(live_bytes - live_bytes_)});
  live_bytes_ = live_bytes;
}

void ReportMemory::OnStep(const StepStart& start) {
  step_ = start.number;
  keeping_ = kept_.Contains(step_);
  NotePeak();
  if (!keeping_) return;
  for (auto& [storage, live] : live_) Keep(&live);
}

// What was allocated before the window is not followed any more.
void ReportMemory::OnWindow(const v1::Window& window) {
  if (!window.recording()) return;
  for (auto& [storage, live] : live_) {
    Close(live, window.time_ns(), ReportSpans::kNoSpan);
    live_bytes_ -= std::min(live_bytes_, live.facts.bytes);
  }
  live_.clear();
  Correct(window.time_ns(), 0);
}

void ReportMemory::NotePeak() {
  if (peaks_.empty() || peaks_.back().step != step_) {
    peaks_.push_back({step_, live_bytes_});
  }
  peaks_.back().bytes = std::max(peaks_.back().bytes, live_bytes_);
}

void ReportMemory::Keep(Live* live) {
  if (live->kept != kNotKept) return;
  if (kept_allocations_.size() >= most_) {
    if (!cut_at_ns_) cut_at_ns_ = live->facts.time_ns;
    return;
  }
  live->kept = kept_allocations_.size();
  kept_allocations_.push_back(live->facts);
}

void ReportMemory::Close(const Live& live, uint64_t time_ns, int64_t span) {
  if (live.kept == kNotKept) return;
  Kept& kept = kept_allocations_[live.kept];
  kept.lifetime_ns = time_ns - std::min(time_ns, kept.time_ns) + 1;
  kept.free_span = span;
}

void ReportMemory::OnAllocate(const Allocation& allocation) {
  const uint32_t thread = allocation.thread.facts.number();
  Live& live = live_[allocation.storage];
  live = {};
  live.facts.time_ns = allocation.time_ns;
  live.facts.bytes = allocation.bytes;
  live.facts.storage = allocation.storage;
  live.facts.maker = MakerOf(allocation.thread);
  live.facts.module =
      static_cast<uint64_t>(attribution_.CurrentCall(thread).module + 1);
  live.facts.span = spans_.Current(thread);
  live_bytes_ += allocation.bytes;
  NotePeak();
  keeping_ = kept_.Contains(step_);
  if (keeping_) Keep(&live);
  const uint64_t unit = attribution_.CurrentUnit(thread);
  if (unit == kNoUnit) return;
  pending_.push_back({allocation.storage, unit, live.kept});
}

void ReportMemory::SetRole(uint64_t storage, MemoryRole role) {
  const auto it = live_.find(storage);
  if (it == live_.end()) return;
  Live& live = it->second;
  live.facts.role = std::max(live.facts.role, role);
  if (live.kept != kNotKept) {
    kept_allocations_[live.kept].role = live.facts.role;
  }
}

void ReportMemory::OnUnits(absl::Span<const Unit>) {
  for (const Pending& pending : pending_) {
    const uint64_t module =
        static_cast<uint64_t>(attribution_.OwnerOf(pending.unit).module + 1);
    if (pending.kept != kNotKept)
      kept_allocations_[pending.kept].module = module;
    const auto live = live_.find(pending.storage);
    if (live != live_.end()) live->second.facts.module = module;
  }
  pending_.clear();
}

void ReportMemory::OnFree(const Allocation& free) {
  const auto it = live_.find(free.storage);
  if (it == live_.end()) return;  // its allocation is in a damaged chunk
  Close(it->second, free.time_ns, spans_.Current(free.thread.facts.number()));
  live_bytes_ -= std::min(live_bytes_, it->second.facts.bytes);
  live_.erase(it);
}

void ReportMemory::TakeColumns(Columns* columns) const {
  Column time, bytes, role, maker, module, span, lifetime, free_span;
  std::vector<const Kept*> in_order;
  for (const Kept& kept : kept_allocations_) in_order.push_back(&kept);
  std::stable_sort(
      in_order.begin(), in_order.end(),
      [](const Kept* a, const Kept* b) { return a->time_ns < b->time_ns; });
  uint64_t last_ns = 0;
  int64_t last_span = 0;
  for (const Kept* kept : in_order) {
    time.Add(kept->time_ns - last_ns);
    last_ns = kept->time_ns;
    bytes.Add(kept->bytes);
    const bool parameter =
        attribution_.tree().OwnerOf(kept->storage) != kNoModule;
    role.Add(
        static_cast<uint64_t>(parameter ? MemoryRole::kParameter : kept->role));
    maker.Add(kept->maker);
    module.Add(kept->module);
    span.AddSigned(kept->span - last_span);
    last_span = kept->span;
    lifetime.Add(kept->lifetime_ns);
    free_span.AddSigned(kept->free_span - kept->span);
  }
  Column correction_time, correction_bytes, peak_step, peak_bytes;
  for (const Correction& correction : corrections_) {
    correction_time.Add(correction.time_ns);
    correction_bytes.AddSigned(correction.bytes);
  }
  for (const StepPeak& peak : peaks_) {
    peak_step.Add(peak.step);
    peak_bytes.Add(peak.bytes);
  }
  columns->emplace_back("alloc_time", std::move(time));
  columns->emplace_back("alloc_bytes", std::move(bytes));
  columns->emplace_back("alloc_role", std::move(role));
  columns->emplace_back("alloc_maker", std::move(maker));
  columns->emplace_back("alloc_module", std::move(module));
  columns->emplace_back("alloc_span", std::move(span));
  columns->emplace_back("alloc_lifetime", std::move(lifetime));
  columns->emplace_back("alloc_free_span", std::move(free_span));
  columns->emplace_back("correction_time", std::move(correction_time));
  columns->emplace_back("correction_bytes", std::move(correction_bytes));
  columns->emplace_back("peak_step", std::move(peak_step));
  columns->emplace_back("peak_bytes", std::move(peak_bytes));
}

}  // namespace torchtape::viewer
