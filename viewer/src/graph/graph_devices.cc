#include "graph/graph_devices.h"

#include <algorithm>

#include "dump/activity_json.h"
#include "torchtape/format/names.h"

namespace torchtape::viewer {
namespace {

// After what is longer at the same time.
uint64_t Shortness(uint64_t duration_ns) { return ~duration_ns; }

void Sort(std::vector<GraphDevices::Entry>* entries) {
  std::stable_sort(
      entries->begin(), entries->end(),
      [](const GraphDevices::Entry& a, const GraphDevices::Entry& b) {
        return a.order < b.order;
      });
}

}  // namespace

void GraphDevices::OnBegin(const SpanBegin& begin) {
  if (begin.frame.step != step_) return;
  numbers_[{begin.thread.facts.number(), begin.frame.number}] = nodes_++;
}

int GraphDevices::NodeOf(uint32_t thread, uint64_t number) const {
  const auto node = numbers_.find({thread, number});
  return node == numbers_.end() ? kNoNode : node->second;
}

void GraphDevices::OnDeviceTime(const format::DeviceTime& time) {
  const bool of_step = time.thread == 0;
  const int node = of_step ? kNoNode : NodeOf(time.thread, time.number);
  if (of_step ? time.number != step_ : node == kNoNode) return;
  const Json json = {
      {"device", format::DeviceName(time.device_type, time.device_index)},
      {"stream", time.stream},
      {"start_ns", time.start_ns},
      {"duration_ns", time.duration_ns},
      {"alignment_error_ns", time.error_ns}};
  times_.push_back({{time.device_type, time.device_index, 0, time.stream,
                     time.start_ns, Shortness(time.duration_ns)},
                    node,
                    json.dump()});
}

void GraphDevices::OnActivity(const format::DeviceActivity& activity) {
  const LaunchPlace* const launch = launches_.Find(activity.correlation);
  if (launch == nullptr || launch->step != step_) return;
  Json json = ActivityJson(activity, launch);
  json["start_ns"] = activity.start_ns;
  activities_.push_back(
      {{0, activity.device, activity.context, activity.stream,
        activity.start_ns, Shortness(activity.duration_ns)},
       launch->span ? NodeOf(launch->thread, *launch->span) : kNoNode,
       json.dump()});
}

void GraphDevices::OnLogEnd() {
  Sort(&activities_);
  Sort(&times_);
}

}  // namespace torchtape::viewer
