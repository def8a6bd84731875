#ifndef TORCHTAPE_VIEWER_SRC_GRAPH_GRAPH_DEVICES_H_
#define TORCHTAPE_VIEWER_SRC_GRAPH_GRAPH_DEVICES_H_

// What devices did in one step, by stream: the kernels, copies and memsets that
// were launched in it, and what streams took for it and its spans.
//
// Memory: what is told of the step, and the numbers of its spans.

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "graph/graph.h"
#include "modules/launches.h"

namespace torchtape::viewer {

class GraphDevices : public Visitor {
 public:
  // Names the nodes as a GraphRecorder of the step does. `launches` must be
  // called before this visitor, and outlive it.
  GraphDevices(uint64_t step, const Launches* launches)
      : step_(step), launches_(*launches) {}

  void OnBegin(const SpanBegin& begin) override;
  void OnDeviceTime(const format::DeviceTime& time) override;
  void OnActivity(const format::DeviceActivity& activity) override;
  void OnLogEnd() override;

  struct Entry {
    // Device type and index, context and stream, start, duration: by stream, in
    // the order in which they began; outer ones before those inside of them.
    std::tuple<uint32_t, int64_t, uint64_t, uint64_t, int64_t, uint64_t> order;
    int node;          // whose it is, or kNoNode
    std::string json;  // an object that lacks `node`
  };
  const std::vector<Entry>& activities() const { return activities_; }
  const std::vector<Entry>& times() const { return times_; }

 private:
  int NodeOf(uint32_t thread, uint64_t number) const;

  const uint64_t step_;
  const Launches& launches_;
  int nodes_ = 0;
  absl::flat_hash_map<std::pair<uint32_t, uint64_t>, int> numbers_;
  std::vector<Entry> activities_, times_;
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_GRAPH_GRAPH_DEVICES_H_
