#ifndef TORCHTAPE_SDK_CORE_IMPORT_SLOTS_H_
#define TORCHTAPE_SDK_CORE_IMPORT_SLOTS_H_

// Replaces functions of shared libraries in the import slots of all objects
// that are loaded. A slot is the word that a call to another library jumps
// through (ELF: R_X86_64_JUMP_SLOT, R_X86_64_GLOB_DAT) or a word of data that
// holds a function's address, as in a table of virtual functions
// (R_X86_64_64), also where the linker gave the program a copy of another
// library's table (R_X86_64_COPY). Between Place() and PutBack() a call made
// through a slot reaches the replacement; after PutBack() each slot holds what
// it held before, so that nothing of us is left in the program's way.
//
//   ImportSlots slots;
//   slots.Replace("_ZN...", &wrapper);
//   slots.Place();
//   slots.PutBack();
//
// Threads may call through the slots all the while: each changes by one store.
// The library with this code, and so its replacements, is never unloaded once
// some were placed, since a thread may be inside one.
//
// Not thread-safe. Linux on x86-64; elsewhere there are no slots.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "core/loader_changes.h"

namespace torchtape::internal {

class ImportSlots {
 public:
  // Calls of the function with this mangled name shall reach `replacement`.
  // `symbol` must outlive this. Before the first Place().
  void Replace(absl::string_view symbol, const void* replacement);

  // The same of a virtual function, which lies at `target`: copies of tables
  // are searched for it.
  void ReplaceVirtual(absl::string_view symbol, const void* target,
                      const void* replacement);

  // Places all replacements, also in libraries that were loaded since the last
  // time. Looks at each object once; then it is one store a slot, and two
  // system calls for each run of write-protected pages. Holds the loader's
  // lock, so that no library goes away meanwhile.
  void Place();

  // Puts back what the slots held.
  void PutBack();

  // Whether libraries were loaded that Place() has not looked at. Cheap.
  bool OutOfDate() const;

  struct Slot {
    void** at;
    const void* replacement;
    void* before;       // what it held when Place() came
    bool is_protected;  // on a page that is read-only to the program
  };
  // Of all objects that Place() has looked at and that may be loaded still.
  std::vector<Slot> slots() const;

 private:
  struct Object {
    const void* id;  // its dynamic section
    uint64_t seen;   // number of the visit that met it last
    std::vector<Slot> slots;
  };
  class Visit;

  void VisitAll(bool place);

  absl::flat_hash_map<absl::string_view, const void*> replacements_;
  // Of virtual functions, by what a table holds: target or replacement.
  absl::flat_hash_map<const void*, const void*> virtuals_;
  std::vector<Object> objects_;
  uint64_t visits_ = 0;
  LoaderChanges changes_;  // at the last visit
};

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_CORE_IMPORT_SLOTS_H_
