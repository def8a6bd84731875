#ifndef TORCHTAPE_TESTS_SUPPORT_MALLOC_CALLS_H_
#define TORCHTAPE_TESTS_SUPPORT_MALLOC_CALLS_H_

// Counts a thread's calls of malloc() and its kin. Replaces them in the whole
// program, so one file of it may include this.

#include <cstddef>

namespace torchtape::testing {

inline thread_local bool malloc_is_watched = false;
inline thread_local int malloc_calls = 0;

inline void CountMalloc() {
  if (malloc_is_watched) ++malloc_calls;
}

// How often this thread calls them in `body`.
template <typename Body>
int CallsOfMalloc(Body body) {
  malloc_calls = 0;
  malloc_is_watched = true;
  body();
  malloc_is_watched = false;
  return malloc_calls;
}

}  // namespace torchtape::testing

extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void __libc_free(void*);

void* malloc(size_t size) {
  torchtape::testing::CountMalloc();
  return __libc_malloc(size);
}
void* calloc(size_t count, size_t size) {
  torchtape::testing::CountMalloc();
  return __libc_calloc(count, size);
}
void* realloc(void* memory, size_t size) {
  torchtape::testing::CountMalloc();
  return __libc_realloc(memory, size);
}
void free(void* memory) {
  torchtape::testing::CountMalloc();
  __libc_free(memory);
}
}

#endif  // TORCHTAPE_TESTS_SUPPORT_MALLOC_CALLS_H_
