#ifndef TORCHTAPE_TESTS_SDK_CORE_UNWOUND_STACK_H_
#define TORCHTAPE_TESTS_SDK_CORE_UNWOUND_STACK_H_

#include <unwind.h>

#include <cstdint>
#include <vector>

namespace torchtape::testing {

// The addresses to which the function that calls this returns, its caller, and
// so on, as the compiler's library unwinds them.
__attribute__((noinline)) inline std::vector<uint64_t> UnwoundStack() {
  std::vector<uint64_t> stack;
  _Unwind_Backtrace(
      [](_Unwind_Context* context, void* to) {
        static_cast<std::vector<uint64_t>*>(to)->push_back(
            _Unwind_GetIP(context));
        return _URC_NO_REASON;
      },
      &stack);
  constexpr size_t kOwn = 2;  // places here, and in the function that calls
  stack.erase(stack.begin(), stack.begin() + kOwn);
  while (!stack.empty() && stack.back() == 0) stack.pop_back();
  return stack;
}

}  // namespace torchtape::testing

#endif  // TORCHTAPE_TESTS_SDK_CORE_UNWOUND_STACK_H_
