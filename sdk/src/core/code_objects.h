#ifndef TORCHTAPE_SDK_CORE_CODE_OBJECTS_H_
#define TORCHTAPE_SDK_CORE_CODE_OBJECTS_H_

// Which executable or shared library an address of code belongs to, so that a
// viewer can name its source line elsewhere and later.
//
// Not thread-safe: the writer thread's own.

#include <cstdint>
#include <string>
#include <vector>

#include "core/loader_changes.h"

namespace torchtape::internal {

struct CodeObject {
  std::string path;      // absolute where it could be found out
  std::string build_id;  // bytes of NT_GNU_BUILD_ID; empty: none
  uint64_t load_address = 0;
  // Of its executable segments: the first address and one past the last.
  uint64_t begin = 0;
  uint64_t end = 0;
};

class CodeObjects {
 public:
  // The object of which code lies at `address`, now. Takes the loader's lock.
  const CodeObject* Find(uint64_t address);

  // Looks at what is loaded now.
  const std::vector<CodeObject>& Load();

 private:
  const CodeObject* FindKnown(uint64_t address) const;

  std::vector<CodeObject> objects_;
  LoaderChanges changes_;  // when they were read
};

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_CORE_CODE_OBJECTS_H_
