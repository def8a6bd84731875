#ifndef TORCHTAPE_VIEWER_SRC_ATTRIBUTION_H_
#define TORCHTAPE_VIEWER_SRC_ATTRIBUTION_H_

// Tells which module each op and backward node works for.
//
// Where the log has module spans, it is the innermost around the op. Where not,
// an outermost op of the forward pass belongs to the one module whose
// parameters or buffers it reads; an op that reads those of several modules or
// of none, or that changes a parameter, belongs to nobody. A backward node
// belongs to the module of the op that made it.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "forward_ops.h"
#include "module_tree.h"
#include "visitor.h"

namespace torchtape::viewer {

class Attribution : public Visitor {
 public:
  void OnModel(const v1::Model& model) override { tree_.Add(model); }
  void OnStep(const StepStart&) override { forward_ops_.Age(); }
  void OnBegin(const SpanBegin& begin) override;
  void OnEnd(const SpanEnd& end) override;

  const ModuleTree& tree() const { return tree_; }

  // The module that works on a thread now, or kNoModule. For visitors that are
  // called after this one.
  int Current(uint32_t thread) const;

  // In OnEnd(): the module that the outermost span worked for which ends now.
  int Ending(uint32_t thread) const;

 private:
  struct ThreadModules {
    std::vector<int> spans;     // the open module spans, outermost first
    int outermost = kNoModule;  // of the open outermost op or backward node
    int ending = kNoModule;     // of the last one that ended
  };
  int OfOp(const SpanBegin& begin, const ThreadModules& modules) const;

  ModuleTree tree_;
  absl::flat_hash_map<uint32_t, ThreadModules> threads_;
  ForwardOps<int> forward_ops_;  // their modules
};

// The module whose parameters an op reads, by the rule above.
int ModuleByParameters(const ModuleTree& tree, const Frame& frame,
                       const Values& inputs);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_ATTRIBUTION_H_
