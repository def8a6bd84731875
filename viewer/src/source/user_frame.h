#ifndef TORCHTAPE_VIEWER_SRC_SOURCE_USER_FRAME_H_
#define TORCHTAPE_VIEWER_SRC_SOURCE_USER_FRAME_H_

// Which part of a call site is the user's program. LibTorch and the standard
// library are not: their objects, their namespaces, and the files of their
// include folders.

#include "source/symbolizer.h"

namespace torchtape::viewer {

// Whether an executable or shared library is LibTorch's own.
bool IsLibTorch(const CodeObject& object);

bool IsUsers(const SourceFrame& frame);

// The first frame from inside that is the user's; null if none is. It lives as
// long as `site`.
const SourceFrame* UserFrame(const CallSite& call_site, const Site& site);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_SOURCE_USER_FRAME_H_
