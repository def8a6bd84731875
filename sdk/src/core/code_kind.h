#ifndef TORCHTAPE_SDK_CORE_HEADER_CODE_H_
#define TORCHTAPE_SDK_CORE_HEADER_CODE_H_

// Whose code lies at an address: the program's own, or LibTorch's, be that in
// its libraries or in the program, into which it came from headers: templates
// and inline functions of LibTorch and the standard library that the compiler
// did not inline. The latter by the symbol tables of the files; where there is
// none (stripped), nothing is known to be such code.

#include <cstdint>

#include "absl/strings/string_view.h"

namespace torchtape::internal {

// Whether a mangled name is that of a function of LibTorch, of the standard
// library or of torchtape's part in a call, or of something inside of one.
bool IsHeaderName(absl::string_view mangled);

enum class CodeKind : uint8_t {
  kUnknown,   // in no object, or in one that is no part of the program
  kPrograms,  // all other
  kHeader,    // in the program, from a header
  kLibTorch,  // in one of its libraries, or torchtape's
};

// What the function is that a call returns to at `address`. Threads may ask at
// the same time. Locks, allocates, and reads files it has not read before: for
// the first time at a place only. May throw std::bad_alloc.
CodeKind KindOfCode(uint64_t address);

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_CORE_HEADER_CODE_H_
