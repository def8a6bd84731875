#ifndef TORCHTAPE_FORMAT_SRC_NEW_FILE_H_
#define TORCHTAPE_FORMAT_SRC_NEW_FILE_H_

#include <string>

#include "absl/status/statusor.h"

namespace torchtape::format::internal {

// "run.tape" and 2 become "run.2.tape"; a name without extension gets ".2".
std::string NumberedPath(const std::string& path, int number);

// Opens `path` for writing as a file that was not there before, after moving
// an older one to the first free numbered path. Nothing is ever overwritten,
// whoever else does the same at the same time. A character device is opened as
// it is. Returns a file descriptor, which the caller closes.
absl::StatusOr<int> OpenNewFile(const std::string& path);

}  // namespace torchtape::format::internal

#endif  // TORCHTAPE_FORMAT_SRC_NEW_FILE_H_
