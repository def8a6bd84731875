#include "replay/log_counts.h"

#include <algorithm>

namespace torchtape::viewer {

LogCounts LogCounts::Of(const v1::Index& index) {
  const v1::Statistics& sums = index.statistics();
  LogCounts counts;
  counts.spans_begun = sums.spans_begun();
  counts.spans_ended = sums.spans_ended();
  counts.allocations = sums.allocations();
  counts.frees = sums.frees();
  counts.dropped_events = sums.dropped_events();
  for (const v1::IndexEntry& entry : index.chunks()) {
    counts.end_ns = std::max(counts.end_ns, entry.end_time_ns());
  }
  const v1::LogFacts& facts = sums.facts();
  counts.drops.assign(facts.drops().begin(), facts.drops().end());
  counts.audits.assign(facts.audits().begin(), facts.audits().end());
  for (const v1::Thread& thread : facts.threads()) {
    counts.threads[thread.number()] = thread;
  }
  return counts;
}

void LogCounts::OnChunk(const ChunkStart& start) {
  if (start.events == nullptr) return;
  ++events_chunks;
  events_bytes += start.chunk.stored_bytes;
  end_ns = std::max(end_ns, start.events->end_time_ns());
  for (const v1::Thread& thread : start.events->threads()) {
    threads[thread.number()] = thread;
  }
}

void LogCounts::OnWindow(const v1::Window& window) {
  recorded_ns_ = RecordedNs(window.time_ns());
  window_start_ns_ = window.time_ns();
  recording_ = window.recording();
}

uint64_t LogCounts::RecordedNs(uint64_t end_ns) const {
  const bool runs = recording_ && end_ns > window_start_ns_;
  return recorded_ns_ + (runs ? end_ns - window_start_ns_ : 0);
}

void LogCounts::OnBegin(const SpanBegin& begin) {
  if (begin.resumed) {
    resumed += begin.summarized ? 0 : 1;
    return;
  }
  ++spans_begun;
  ops += begin.frame.op->kind == v1::SPAN_KIND_OP;
  backward_nodes += begin.frame.op->kind == v1::SPAN_KIND_BACKWARD;
}

void LogCounts::OnEnd(const SpanEnd& end) {
  if (end.ending == Ending::kLost) {
    ++lost_ends;
    return;
  }
  ++spans_ended;
  cut_spans += end.ending == Ending::kUnknown;
  threw += end.ending == Ending::kThrew;
}

void LogCounts::OnDeviceLoss(const v1::DeviceLoss& loss) {
  device_loss.set_exhausted(device_loss.exhausted() + loss.exhausted());
  device_loss.set_capturing(device_loss.capturing() + loss.capturing());
  device_loss.set_failed(device_loss.failed() + loss.failed());
  device_loss.set_unresolved(device_loss.unresolved() + loss.unresolved());
}

void LogCounts::OnDrop(const v1::Drop& drop) {
  dropped_events += drop.events();
  drops.push_back(drop);
}

void LogCounts::OnActivityLoss(const v1::ActivityLoss& loss) {
  activity_loss.set_dropped(activity_loss.dropped() + loss.dropped());
  activity_loss.set_unfinished(activity_loss.unfinished() + loss.unfinished());
  activity_loss.set_unreadable(activity_loss.unreadable() + loss.unreadable());
}

}  // namespace torchtape::viewer
