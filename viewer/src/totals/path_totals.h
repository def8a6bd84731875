#ifndef TORCHTAPE_VIEWER_SRC_TOTALS_PATH_TOTALS_H_
#define TORCHTAPE_VIEWER_SRC_TOTALS_PATH_TOTALS_H_

// The critical paths of steps, and what they are made of.
//
// Memory: the units of a step. Device times become known late, so with them it
// is the units of up to a million ops and nodes; a step older than that has the
// device times that were known until then.

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "modules/attribution.h"
#include "modules/forward_ops.h"
#include "replay/log_counts.h"
#include "torchtape/viewer/step_range.h"
#include "totals/step_path.h"

namespace torchtape::viewer {

// Of a step, without its parts.
struct PathSum {
  uint64_t op_ns = 0, backward_ns = 0, device_ns = 0, between_ns = 0;
  uint64_t beside_ns = 0;
  uint64_t parts = 0;  // ops, nodes and device times on the path

  uint64_t on_path_ns() const {
    return op_ns + backward_ns + device_ns + between_ns;
  }
};

class PathTotals : public Visitor, public UnitVisitor {
 public:
  // Of those steps. The others must be called before this visitor and outlive
  // it; `attribution` must tell it of units.
  PathTotals(const StepRange& steps, bool device_times, const LogCounts* counts,
             const Attribution* attribution)
      : range_(steps),
        waits_for_devices_(device_times),
        counts_(*counts),
        attribution_(*attribution) {}

  void OnStep(const StepStart& start) override;
  void OnBegin(const SpanBegin& begin) override;
  void OnEnd(const SpanEnd& end) override;
  void OnDeviceTime(const format::DeviceTime& time) override;
  void OnUnits(absl::Span<const Unit> units) override;
  void OnLogEnd() override;

  // Null: the step was not asked for, has no spans, or is not in the log.
  const PathSum* OfStep(uint64_t number) const;
  // Of all steps.
  const PathSum& all() const { return all_; }
  // By module, kNoModule too, and by op.
  const std::map<int, uint64_t>& modules() const { return modules_; }
  const std::map<std::string, uint64_t>& ops() const { return ops_; }

 private:
  // A unit of a step, wherever that is kept; no step: none.
  struct Place {
    uint64_t step = kNoStep;
    int32_t unit = PathUnit::kNone;
  };
  struct OpenSpan {
    Place place;  // of the unit that it is or is in
    bool is_unit = false;
  };
  struct DeviceSpan {
    Place place;
    int64_t asked_ns;
  };
  struct Held {
    uint64_t ordinal = 0;  // among all steps
    PathStep step;
    size_t open_units = 0;
  };
  using StreamKey = std::tuple<uint32_t, int32_t, uint64_t>;
  struct Stream {
    uint32_t number;
    uint64_t error_ns;  // the largest
  };
  static constexpr uint64_t kNoStep = static_cast<uint64_t>(-1);

  Held* Find(uint64_t ordinal);
  Place AddUnit(const SpanBegin& begin);
  void AddReads(const SpanBegin& begin, const Place& place);
  void Close(int64_t end_ns);
  void Settle(bool all);
  void KeepInnerTimes(PathStep* step) const;
  void Add(const PathStep& step);

  const StepRange range_;
  const bool waits_for_devices_;
  const LogCounts& counts_;
  const Attribution& attribution_;

  std::deque<Held> held_;  // the last one is open if `is_open_`
  bool is_open_ = false;
  uint64_t next_ordinal_ = 0;
  size_t held_units_ = 0;
  absl::flat_hash_map<uint32_t, std::vector<OpenSpan>> open_;  // by thread
  absl::flat_hash_map<uint64_t, Place> makers_;                // by tensor
  std::vector<std::pair<Place, uint64_t>> unnamed_;  // and their numbers
  ForwardOps<std::pair<uint64_t, int32_t>> forward_ops_;
  absl::flat_hash_map<std::pair<uint32_t, uint64_t>, DeviceSpan> asked_;
  std::map<StreamKey, Stream> streams_;

  std::map<uint64_t, PathSum> sums_;
  PathSum all_;
  std::map<int, uint64_t> modules_;
  std::map<std::string, uint64_t> ops_;
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_TOTALS_PATH_TOTALS_H_
