#ifndef TORCHTAPE_VIEWER_SRC_MODULE_TOTALS_H_
#define TORCHTAPE_VIEWER_SRC_MODULE_TOTALS_H_

// Adds up the time of modules.

#include <cstdint>
#include <optional>
#include <vector>

#include "attribution.h"
#include "torchtape/viewer/step_range.h"

namespace torchtape::viewer {

// Times of a module with all modules inside it. Absent: not known.
struct ModuleTotal {
  int index = kNoModule;  // into the tree's modules
  std::optional<uint64_t> calls;
  std::optional<uint64_t> forward_ns;
  std::optional<uint64_t> backward_ns;
};

class ModuleTotals : public Visitor {
 public:
  // `attribution` must be called before this visitor, and outlive it.
  ModuleTotals(const StepRange& steps, const Attribution* attribution)
      : steps_(steps), attribution_(*attribution) {}

  void OnBegin(const SpanBegin& begin) override;
  void OnEnd(const SpanEnd& end) override;

  // One for each module, in the tree's order.
  std::vector<ModuleTotal> totals() const;

  // Time of outermost ops and backward nodes that belong to no module.
  uint64_t unattributed_forward_ns() const { return nobody_.forward_ns; }
  uint64_t unattributed_backward_ns() const { return nobody_.backward_ns; }

  // Time of all outermost ops and backward nodes.
  uint64_t all_ns() const { return all_ns_; }

 private:
  // Of the module alone, but for `span_ns`.
  struct Own {
    uint64_t calls = 0;
    uint64_t span_ns = 0;  // of its module spans
    uint64_t forward_ns = 0, backward_ns = 0;
    bool forward = false, backward = false;  // whether there were any
  };

  Own& Of(int module);

  const StepRange steps_;
  const Attribution& attribution_;
  std::vector<Own> own_;
  Own nobody_;
  bool has_module_spans_ = false;
  uint64_t all_ns_ = 0;
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_MODULE_TOTALS_H_
