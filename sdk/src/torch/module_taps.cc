#include "torch/module_taps.h"

#include <dlfcn.h>

#include "core/import_slots.h"

namespace torchtape::internal {

void AddModuleTaps(void* library, ImportSlots* slots) {
  for (size_t i = 0; i < kModuleTapCount; ++i) {
    const ModuleTap& tap = kModuleTaps[i];
    *tap.next = dlsym(library, tap.symbol);
    if (*tap.next != nullptr) slots->Replace(tap.symbol, tap.wrapper);
  }
}

}  // namespace torchtape::internal
