#ifndef TORCHTAPE_VIEWER_SRC_REPLAY_LOG_COUNTS_H_
#define TORCHTAPE_VIEWER_SRC_REPLAY_LOG_COUNTS_H_

// Counts everything in a log.

#include <cstdint>
#include <map>
#include <vector>

#include "replay/visitor.h"

namespace torchtape::viewer {

class LogCounts : public Visitor {
 public:
  // What the index tells of the whole log: events, drops, threads, audits and
  // where it ends. All else is 0.
  static LogCounts Of(const v1::Index& index);

  void OnChunk(const ChunkStart& start) override;
  void OnModel(const v1::Model&) override { ++models; }
  void OnStep(const StepStart& start) override { step_marks += start.marked; }
  void OnWindow(const v1::Window& window) override;
  void OnBegin(const SpanBegin& begin) override;
  void OnEnd(const SpanEnd& end) override;
  void OnAllocate(const Allocation&) override { ++allocations; }
  void OnFree(const Allocation&) override { ++frees; }
  void OnSave(const SavedTensor&) override { ++saves; }
  void OnRelease(const SavedTensor&) override { ++releases; }
  void OnValue(const v1::LoggedValue&) override { ++values; }
  void OnDrop(const v1::Drop& drop) override;
  void OnAudit(const v1::Audit& audit) override { audits.push_back(audit); }

  void OnDeviceTime(const format::DeviceTime&) override { ++device_times; }
  void OnDeviceLoss(const v1::DeviceLoss& loss) override;
  void OnLaunch(const LaunchCall&) override { ++launches; }
  void OnActivity(const format::DeviceActivity&) override { ++activities; }
  void OnActivityLoss(const v1::ActivityLoss& loss) override;

  // Begun and ended spans, allocations and frees.
  uint64_t events() const {
    return spans_begun + spans_ended + allocations + frees;
  }

  uint64_t spans_begun = 0, spans_ended = 0, cut_spans = 0;
  uint64_t lost_ends = 0;  // begun spans of which no end is in the log
  uint64_t resumed = 0;    // spans of which only the end is in the log
  uint64_t ops = 0, backward_nodes = 0, threw = 0;
  uint64_t allocations = 0, frees = 0, values = 0, models = 0;
  uint64_t saves = 0, releases = 0;  // only if all columns are read
  uint64_t step_marks = 0;
  uint64_t events_chunks = 0, events_bytes = 0;  // stored
  uint64_t dropped_events = 0;
  uint64_t device_times = 0;
  v1::DeviceLoss device_loss;  // of all chunks

  // Spans and steps whose device time is lost.
  uint64_t lost_device_times() const {
    return device_loss.exhausted() + device_loss.capturing() +
           device_loss.failed() + device_loss.unresolved();
  }

  uint64_t launches = 0, activities = 0;
  v1::ActivityLoss activity_loss;  // of all chunks
  uint64_t lost_activities() const {
    return activity_loss.dropped() + activity_loss.unfinished() +
           activity_loss.unreadable();
  }

  uint64_t end_ns = 0;  // of the last event

  // How long events were recorded, if that ended at `end_ns`.
  uint64_t RecordedNs(uint64_t end_ns) const;
  std::vector<v1::Drop> drops;
  std::vector<v1::Audit> audits;
  std::map<uint32_t, v1::Thread> threads;  // by number

 private:
  bool recording_ = false;
  uint64_t window_start_ns_ = 0;
  uint64_t recorded_ns_ = 0;  // in windows that are over
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_REPLAY_LOG_COUNTS_H_
