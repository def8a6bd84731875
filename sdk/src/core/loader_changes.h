#ifndef TORCHTAPE_SDK_CORE_LOADER_CHANGES_H_
#define TORCHTAPE_SDK_CORE_LOADER_CHANGES_H_

// How many objects the loader has loaded and unloaded so far: what was found
// out about them holds for as long as these stay the same. Takes the loader's
// lock.

#include <link.h>

#include <cstdint>

namespace torchtape::internal {

struct LoaderChanges {
  uint64_t loads = 0;
  uint64_t unloads = 0;

  bool operator!=(const LoaderChanges& other) const {
    return loads != other.loads || unloads != other.unloads;
  }
};

inline LoaderChanges ReadLoaderChanges() {
  LoaderChanges changes;
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* to) {
        *static_cast<LoaderChanges*>(to) = {info->dlpi_adds, info->dlpi_subs};
        return 1;  // every object tells the same
      },
      &changes);
  return changes;
}

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_CORE_LOADER_CHANGES_H_
