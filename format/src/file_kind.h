#ifndef TORCHTAPE_FORMAT_SRC_FILE_KIND_H_
#define TORCHTAPE_FORMAT_SRC_FILE_KIND_H_

#include "absl/strings/string_view.h"

namespace torchtape::format::internal {

// How many bytes `LooksLike()` wants to see, if the file has them.
inline constexpr size_t kFileKindBytes = 512;

// What a file that is no log looks like from its first bytes, in words that
// complete "this looks like ...".
absl::string_view LooksLike(absl::string_view first_bytes);

}  // namespace torchtape::format::internal

#endif  // TORCHTAPE_FORMAT_SRC_FILE_KIND_H_
