#ifndef TORCHTAPE_VIEWER_SRC_SOURCE_SOURCE_FRAME_H_
#define TORCHTAPE_VIEWER_SRC_SOURCE_SOURCE_FRAME_H_

// A function at work, and where in its source. A call that was inlined lies in
// several at once.

#include <cstdint>
#include <string>

namespace torchtape::viewer {

struct SourceFrame {
  std::string function;  // demangled, without arguments; empty: not known
  std::string file;      // empty: not known
  uint32_t line = 0;     // 0: not known
  bool inlined = false;  // into the next outer frame
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_SOURCE_SOURCE_FRAME_H_
