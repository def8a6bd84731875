#ifndef TORCHTAPE_VIEWER_SRC_MODULES_MODULE_SPAN_H_
#define TORCHTAPE_VIEWER_SRC_MODULES_MODULE_SPAN_H_

// What the open spans of a thread tell of a module call.

#include <algorithm>

#include "replay/visitor.h"

namespace torchtape::viewer {

// Whether the call that ends is inside of one of the same module, which calls
// itself or is told of twice: its time is in the outer call.
inline bool IsReentered(const SpanEnd& end) {
  const auto& stack = end.thread.stack;
  return std::any_of(stack.begin(), stack.end() - 1, [&](const Frame& frame) {
    return frame.op->kind == v1::SPAN_KIND_MODULE &&
           frame.op->name == end.frame.op->name;
  });
}

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_MODULES_MODULE_SPAN_H_
