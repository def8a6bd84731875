#ifndef TORCHTAPE_VIEWER_SRC_TOTALS_MODULE_TOTALS_H_
#define TORCHTAPE_VIEWER_SRC_TOTALS_MODULE_TOTALS_H_

// Adds up the time of modules.

#include <cstdint>
#include <optional>
#include <vector>

#include "modules/attribution.h"
#include "torchtape/viewer/step_range.h"

namespace torchtape::viewer {

// Time of units.
struct UnitTime {
  uint64_t forward_ns = 0, backward_ns = 0;
  uint64_t forward_count = 0, backward_count = 0;

  uint64_t count() const { return forward_count + backward_count; }
  uint64_t ns() const { return forward_ns + backward_ns; }
  void Add(const UnitTime& other);
};

// Absent: not known.
struct ModuleTotal {
  int index = kNoModule;  // into the tree's modules
  std::optional<uint64_t> calls;
  // With all modules inside: the time of the calls where the log has them,
  // else that of the ops.
  std::optional<uint64_t> forward_ns;
  std::optional<uint64_t> backward_ns;
  UnitTime ops;       // with all modules inside
  UnitTime self_ops;  // without
};

class ModuleTotals : public Visitor, public UnitVisitor {
 public:
  // `attribution` must be called before this visitor, and outlive it.
  ModuleTotals(const StepRange& steps, const Attribution* attribution)
      : steps_(steps), attribution_(*attribution) {}

  void OnBegin(const SpanBegin& begin) override;
  void OnEnd(const SpanEnd& end) override;
  void OnUnits(absl::Span<const Unit> units) override;

  // One for each module, as one reads the tree. Together with the next two,
  // the `self_ops` of all add up to `all()`.
  std::vector<ModuleTotal> totals() const;

  const UnitTime& optimizer() const { return optimizer_; }
  const UnitTime& unattributed() const { return nobody_; }

  // Of all units.
  const UnitTime& all() const { return all_; }

 private:
  // Of the module alone, but for `span_ns`.
  struct Own {
    uint64_t calls = 0;
    uint64_t span_ns = 0;  // of its module calls
    uint64_t entries = 0;  // where there are none
    bool entries_sure = true;
    UnitTime ops;
  };

  Own& Of(int module);
  bool IsTold(size_t module) const;
  std::vector<bool> HoldTold() const;

  const StepRange steps_;
  const Attribution& attribution_;
  std::vector<Own> own_;
  UnitTime optimizer_, nobody_, all_;
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_TOTALS_MODULE_TOTALS_H_
