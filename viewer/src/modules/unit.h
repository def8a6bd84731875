#ifndef TORCHTAPE_VIEWER_SRC_MODULES_UNIT_H_
#define TORCHTAPE_VIEWER_SRC_MODULES_UNIT_H_

// What has one module as a whole: an op or backward node that is in no other
// one, with all that is inside of it.

#include <cstdint>
#include <limits>

#include "absl/types/span.h"
#include "modules/module_source.h"
#include "replay/visitor.h"

namespace torchtape::viewer {

inline constexpr uint64_t kNoUnit = std::numeric_limits<uint64_t>::max();

struct Unit {
  uint64_t number = 0;  // 0, 1, 2, ... in the order in which they began
  const Operator* op = nullptr;
  const CallSite* call_site = nullptr;  // null: not known
  uint32_t thread = 0;
  uint64_t span = 0;  // in its thread
  uint64_t step = 0;  // that was running when it began
  uint64_t start_ns = 0;
  uint64_t duration_ns = 0;  // 0 unless timed
  bool ended = false, timed = false;
  bool backward = false;  // of the backward pass

  Owner owner;
  // The owner's how-many-th call in this step this is; 0: not known.
  uint32_t call = 0;

  // What the owner is told from.
  uint64_t origin = kNoUnit;  // of the backward pass: the unit it comes from
  uint64_t module_span = 0;   // the module call around it; 0: none
  int parameter_module = kNoModule;  // if a neighbour is the model's
  bool reads_tensors = false;
  bool leaves = false;  // has no owner, but reads what a module made
};

// Is told of units when their owners are known: after the step in which they
// began, or earlier if it is very long.
class UnitVisitor {
 public:
  virtual ~UnitVisitor() = default;

  // `units` have ended, and come in the order in which they began; each comes
  // once. `Attribution::OwnerOf()` knows the owners of these, and of all that
  // began before now and go on.
  virtual void OnUnits(absl::Span<const Unit> units) = 0;
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_MODULES_UNIT_H_
