#ifndef TORCHTAPE_RANGE_H_
#define TORCHTAPE_RANGE_H_

// Names a part of the program in the log: from here to the end of the scope.
//
//   {
//     torchtape::Range range("load batch");
//     batch = loader.Next();
//   }

#include "absl/strings/string_view.h"

namespace torchtape {

// Belongs to the thread that made it and must be destroyed there, innermost
// first. Costs a lookup of the name and two short records; nothing if no
// tracker is recording.
class Range {
 public:
  explicit Range(absl::string_view name) noexcept;
  ~Range();

  Range(const Range&) = delete;
  Range& operator=(const Range&) = delete;
};

}  // namespace torchtape

#endif  // TORCHTAPE_RANGE_H_
