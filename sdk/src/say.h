#ifndef TORCHTAPE_SDK_SAY_H_
#define TORCHTAPE_SDK_SAY_H_

#include <cstdio>

#include "absl/strings/string_view.h"

namespace torchtape::internal {

// A line on stderr, for whoever started the program.
inline void Say(absl::string_view what) {
  std::fprintf(stderr, "torchtape: %.*s\n", static_cast<int>(what.size()),
               what.data());
}

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_SAY_H_
