#include "source/user_frame.h"

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"

namespace torchtape::viewer {
namespace {

constexpr absl::string_view kObjects[] = {"libtorch", "libc10", "libcaffe2",
                                          "libATen"};

constexpr absl::string_view kNamespaces[] = {
    "at::",  "torch::",     "c10::",        "caffe2::",
    "std::", "__gnu_cxx::", "__cxxabiv1::", "torchtape::internal::"};

// Where the system and compilers keep headers.
constexpr absl::string_view kFolders[] = {"/usr/include/",
                                          "/usr/local/include/", "/usr/lib/"};

// Where LibTorch does: as installed, and as it was built.
constexpr absl::string_view kLibTorchFolders[] = {
    "/include/ATen/",   "/include/c10/", "/include/torch/",
    "/include/caffe2/", "/torch/csrc/",  "/aten/src/ATen/"};

}  // namespace

bool IsLibTorch(const CodeObject& object) {
  const absl::string_view path = object.path;
  const absl::string_view name = path.substr(path.rfind('/') + 1);
  for (absl::string_view prefix : kObjects) {
    if (absl::StartsWith(name, prefix)) return true;
  }
  return false;
}

bool IsUsers(const SourceFrame& frame) {
  if (frame.function.empty() && frame.line == 0) return false;
  for (absl::string_view name : kNamespaces) {
    if (absl::StartsWith(frame.function, name)) return false;
  }
  for (absl::string_view folder : kFolders) {
    if (absl::StartsWith(frame.file, folder)) return false;
  }
  for (absl::string_view folder : kLibTorchFolders) {
    if (absl::StrContains(frame.file, folder)) return false;
  }
  return true;
}

const SourceFrame* UserFrame(const CallSite& call_site, const Site& site) {
  if (call_site.object != nullptr && IsLibTorch(*call_site.object)) {
    return nullptr;
  }
  for (const SourceFrame& frame : site.frames) {
    if (IsUsers(frame)) return &frame;
  }
  return nullptr;
}

}  // namespace torchtape::viewer
