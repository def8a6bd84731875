#ifndef TORCHTAPE_VIEWER_SRC_MODULES_MODULE_SPAN_H_
#define TORCHTAPE_VIEWER_SRC_MODULES_MODULE_SPAN_H_

// What the open spans of a thread tell of a module call.

#include <algorithm>

#include "modules/module_source.h"
#include "modules/optimizer_step.h"
#include "replay/visitor.h"

namespace torchtape::viewer {

// Who told of a module call.
inline ModuleSource SourceOfCall(const Operator& op) {
  return op.module_source == v1::MODULE_SOURCE_TAP ? ModuleSource::kTap
                                                   : ModuleSource::kScope;
}

// Whether the call that ends is inside of one of the same module, which calls
// itself or is told of twice: its time is in the outer call.
inline bool IsReentered(const SpanEnd& end) {
  const auto& stack = end.thread.stack;
  return std::any_of(stack.begin(), stack.end() - 1, [&](const Frame& frame) {
    return frame.op->kind == v1::SPAN_KIND_MODULE &&
           frame.op->name == end.frame.op->name;
  });
}

// For whom a thread works outside of ops and backward nodes, by the outermost
// `depth` of its open spans: the innermost module call or optimizer's step.
inline Owner OwnerBySpans(const ModuleTree& tree, const ThreadState& thread,
                          size_t depth) {
  for (size_t i = depth; i-- > 0;) {
    const Operator& op = *thread.stack[i].op;
    if (op.kind == v1::SPAN_KIND_MODULE) {
      return {tree.Find(op.name), SourceOfCall(op), false};
    }
    if (IsOptimizerStep(op)) return {kNoModule, ModuleSource::kTap, true};
  }
  return {};
}

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_MODULES_MODULE_SPAN_H_
