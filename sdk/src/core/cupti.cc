#include "core/cupti.h"

#include <dlfcn.h>
#include <link.h>

#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace torchtape::internal::cupti {
namespace {

constexpr char kPrefix[] = "libcupti";

// Also "libcupti-1a2b3c.so.12", as wheels name what they bring.
bool IsCupti(absl::string_view file) {
  return absl::StartsWith(file, kPrefix) && absl::StrContains(file, ".so");
}

struct LoadedObjects {
  std::string cupti;                 // path; empty: not loaded
  std::vector<std::string> folders;  // of LibTorch and CUDA's runtime
};

LoadedObjects Look() {
  LoadedObjects found;
  const auto look = [](dl_phdr_info* info, size_t, void* to) {
    auto* const objects = static_cast<LoadedObjects*>(to);
    const std::filesystem::path path = info->dlpi_name;
    const std::string file = path.filename().string();
    if (IsCupti(file)) objects->cupti = path.string();
    if (absl::StartsWith(file, "libtorch") ||
        absl::StartsWith(file, "libcudart")) {
      objects->folders.push_back(path.parent_path().string());
    }
    return 0;
  };
  dl_iterate_phdr(look, &found);
  return found;
}

// In the order in which they are tried.
std::vector<std::string> Candidates() {
  const LoadedObjects objects = Look();
  if (!objects.cupti.empty()) return {objects.cupti};
  std::vector<std::string> candidates;
  for (const std::string& folder : objects.folders) {
    std::error_code error;
    std::filesystem::directory_iterator entry(folder, error);
    for (; !error && entry != std::filesystem::directory_iterator();
         entry.increment(error)) {
      if (IsCupti(entry->path().filename().string())) {
        candidates.push_back(entry->path().string());
      }
    }
  }
  for (const char* suffix : {".so.13", ".so.12", ".so.11.8", ".so"}) {
    candidates.push_back(absl::StrCat(kPrefix, suffix));
  }
  candidates.push_back("/usr/local/cuda/extras/CUPTI/lib64/libcupti.so");
  return candidates;
}

template <typename Function>
void Find(void* library, const char* name, Function* function,
          std::string* missing) {
  *function = reinterpret_cast<Function>(dlsym(library, name));
  if (*function == nullptr && missing->empty()) *missing = name;
}

}  // namespace

bool IsKnownVersion(uint32_t version) {
  // CUDA 11.8 to 12.9 say 18 to 28; from 13.0 on it is 130000 and so on.
  return (version >= 18 && version <= 28) ||
         (version >= 130000 && version < 130600);
}

absl::StatusOr<Library> Load() {
  void* handle = nullptr;
  for (const std::string& name : Candidates()) {
    handle = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (handle != nullptr) break;
  }
  if (handle == nullptr) return absl::NotFoundError("there is no libcupti");
  Library found;
  std::string missing;
#define TORCHTAPE_FIND(name) Find(handle, "cupti" #name, &found.name, &missing)
  TORCHTAPE_FIND(GetVersion);
  TORCHTAPE_FIND(GetResultString);
  TORCHTAPE_FIND(GetTimestamp);
  TORCHTAPE_FIND(GetCallbackName);
  TORCHTAPE_FIND(Subscribe);
  TORCHTAPE_FIND(Unsubscribe);
  TORCHTAPE_FIND(EnableCallback);
  TORCHTAPE_FIND(ActivityRegisterCallbacks);
  TORCHTAPE_FIND(ActivityEnable);
  TORCHTAPE_FIND(ActivityDisable);
  TORCHTAPE_FIND(ActivityFlushAll);
  TORCHTAPE_FIND(ActivityGetNextRecord);
  TORCHTAPE_FIND(ActivityGetNumDroppedRecords);
#undef TORCHTAPE_FIND
  if (!missing.empty()) {
    return absl::UnimplementedError(
        absl::StrCat("this libcupti has no ", missing));
  }
  return found;
}

}  // namespace torchtape::internal::cupti
