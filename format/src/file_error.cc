#include "file_error.h"

#include <cerrno>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace torchtape::format::internal {
namespace {

absl::StatusCode CodeOf(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return absl::StatusCode::kNotFound;
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::StatusCode::kPermissionDenied;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return absl::StatusCode::kResourceExhausted;
    default:
      return absl::StatusCode::kUnavailable;
  }
}

}  // namespace

absl::Status FileError(int error, const std::string& path) {
  return absl::Status(
      CodeOf(error),
      absl::StrCat(path, ": ", std::generic_category().message(error)));
}

}  // namespace torchtape::format::internal
