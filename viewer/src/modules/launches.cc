#include "modules/launches.h"

#include <algorithm>
#include <vector>

#include "modules/module_span.h"

namespace torchtape::viewer {
namespace {

bool IsOp(const Frame& frame) { return frame.op->kind == v1::SPAN_KIND_OP; }

bool IsNode(const Frame& frame) {
  return frame.op->kind == v1::SPAN_KIND_BACKWARD;
}

}  // namespace

// A span that ends in this chunk is asked for where it ends: then all around it
// is still known.
void Launches::OnChunk(const ChunkStart& start) {
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

LaunchPlace Launches::PlaceOf(const ThreadState& thread, size_t depth) const {
  LaunchPlace place;
  for (size_t i = depth; i-- > 0;) {
    const Frame& frame = thread.stack[i];
    if (!IsOp(frame) && !IsNode(frame)) continue;
    if (place.op == nullptr) place.op = frame.op;
    if (!frame.nested) place.unit = frame.number;
  }
  const Frame& inner = thread.stack[depth - 1];
  place.backward = inner.backward;
  place.step = inner.step;
  if (!place.unit) {
    place.owner = OwnerBySpans(attribution_.tree(), thread, depth);
  }
  return place;
}

void Launches::OnEnd(const SpanEnd& end) {
  ending_ = nullptr;
  if (wanted_.empty()) return;
  const Span span = {end.thread.facts.number(), end.frame.number};
  if (wanted_.count(span) == 0) return;
  LaunchPlace& place = ended_[span];
  place = PlaceOf(end.thread, end.thread.stack.size());
  place.thread = span.first;
  ending_ = &place;
}

void Launches::OnLaunch(const LaunchCall& call) {
  LaunchPlace place;
  if (call.launch.span) {
    const auto ended = ended_.find({call.launch.thread, *call.launch.span});
    if (ended != ended_.end()) {
      place = ended->second;
    } else if (call.thread != nullptr) {
      // Spans are numbered in the order in which they begin.
      const std::vector<Frame>& stack = call.thread->stack;
      const auto frame =
          std::lower_bound(stack.begin(), stack.end(), *call.launch.span,
                           [](const Frame& one, uint64_t number) {
                             return one.number < number;
                           });
      if (frame != stack.end() && frame->number == *call.launch.span) {
        const auto depth = static_cast<size_t>(frame - stack.begin()) + 1;
        place = PlaceOf(*call.thread, depth);
      }
    }
  }
  place.thread = call.launch.thread;
  place.time_ns = call.launch.time_ns;
  if (call.launch.span) place.span = *call.launch.span;
  Keep(call.launch.correlation, place);
}

// CUPTI's numbers have 32 bits: one may come again.
void Launches::Keep(uint32_t correlation, const LaunchPlace& place) {
  const Kept kept = {place, count_++};
  const auto [launch, added] = launches_.try_emplace(correlation, kept);
  if (!added) {
    if (forgotten_) forgotten_(launch->second.place);
    launch->second = kept;
  }
  oldest_.emplace_back(correlation, kept.ordinal);
  while (oldest_.size() > kMaxLaunches) Forget();
}

void Launches::Forget() {
  const auto [correlation, ordinal] = oldest_.front();
  oldest_.pop_front();
  const auto launch = launches_.find(correlation);
  if (launch == launches_.end() || launch->second.ordinal != ordinal) return;
  if (forgotten_) forgotten_(launch->second.place);
  launches_.erase(launch);
}

const LaunchPlace* Launches::Find(uint32_t correlation) const {
  const auto launch = launches_.find(correlation);
  return launch == launches_.end() ? nullptr : &launch->second.place;
}

}  // namespace torchtape::viewer
