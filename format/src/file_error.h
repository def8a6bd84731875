#ifndef TORCHTAPE_FORMAT_SRC_FILE_ERROR_H_
#define TORCHTAPE_FORMAT_SRC_FILE_ERROR_H_

#include <string>

#include "absl/status/status.h"

namespace torchtape::format::internal {

// What `error`, a value of errno, means to a caller: NotFound,
// PermissionDenied, ResourceExhausted (disk or quota full), else Unavailable.
// The message names the file.
absl::Status FileError(int error, const std::string& path);

}  // namespace torchtape::format::internal

#endif  // TORCHTAPE_FORMAT_SRC_FILE_ERROR_H_
