#ifndef TORCHTAPE_VIEWER_SRC_TOTALS_STEP_PATH_H_
#define TORCHTAPE_VIEWER_SRC_TOTALS_STEP_PATH_H_

// The critical path of a step: what, had it been shorter, would have made the
// step shorter. README.md ("Critical path") says who waits for whom. The same
// is in the report's page, in critical_path.ts; a test compares them.

#include <cstdint>
#include <limits>
#include <vector>

#include "modules/module_tree.h"
#include "replay/visitor.h"

namespace torchtape::viewer {

// An outermost op or backward node. Times are ns since the start of the run;
// units are told by their place in PathStep::units.
struct PathUnit {
  static constexpr int32_t kNone = -1;
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  // What an op in the unit reads, and when that op began.
  struct Read {
    int64_t start_ns;
    int32_t maker;  // unit
  };

  const Operator* op = nullptr;
  int module = kNoModule;
  uint32_t thread = 0;
  int64_t start_ns = 0;
  int64_t end_ns = kNever;  // kNever: not known
  bool backward = false;
  int32_t forward = kNone;  // the unit with the op that made this node
  std::vector<Read> reads;
  int64_t reads_back_ns = kNever;  // when it first asks a device for a value
};

// What a stream of a device took for an op or backward node, inside of which
// there is no other time.
struct PathDevice {
  uint32_t stream = 0;
  int64_t start_ns = 0, end_ns = 0;
  int32_t unit = PathUnit::kNone;
  int64_t asked_ns = 0;  // when the op or node began on the host
};

struct PathStep {
  uint64_t number = 0;
  int64_t begin_ns = 0, end_ns = 0;
  std::vector<PathUnit> units;      // in the order in which they began
  std::vector<PathDevice> devices;  // of a stream, likewise
};

struct PathPart {
  int64_t from_ns = 0, to_ns = 0;
  int32_t unit = PathUnit::kNone;    // kNone: no op was running on the path
  int32_t device = PathUnit::kNone;  // kNone: on the host
};

// The parts, in the order of time, follow each other without a hole, and the
// four sums add up to the step.
struct StepPath {
  std::vector<PathPart> parts;
  uint64_t op_ns = 0;  // of ops outside of the backward pass
  uint64_t backward_ns = 0, device_ns = 0;
  uint64_t between_ns = 0;  // no op was running on the path
  uint64_t beside_ns = 0;   // of ops that ran beside the path
};

StepPath FindPath(const PathStep& step);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_TOTALS_STEP_PATH_H_
