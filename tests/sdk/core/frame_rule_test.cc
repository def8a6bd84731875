#include "core/frame_rule.h"

#include <alloca.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <ostream>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "unwound_stack.h"

namespace torchtape::internal {
namespace {

// The stack of this thread as it is unwound, and as rules lead out
// of it, as far as they do.
struct Stacks {
  std::vector<uint64_t> unwound, led;
};

__attribute__((noinline)) Stacks ReadStacks() {
  Stacks stacks;
  stacks.unwound = testing::UnwoundStack();
  const auto* const frame =
      static_cast<const uint64_t*>(__builtin_frame_address(0));
  uint64_t frame_pointer = frame[0];
  uint64_t stack_pointer = reinterpret_cast<uintptr_t>(frame + 2);
  uint64_t address = frame[1];
  while (true) {
    stacks.led.push_back(address);
    const auto rule = FindFrameRule(address);
    if (!rule || stacks.led.size() == stacks.unwound.size()) return stacks;
    const uint64_t top =
        (rule->from == FrameRule::kFramePointer ? frame_pointer
                                                : stack_pointer) +
        rule->bytes;
    address = reinterpret_cast<const uint64_t*>(top)[-1];
    if (rule->frame_pointer_at != 0) {
      frame_pointer =
          *reinterpret_cast<const uint64_t*>(top + rule->frame_pointer_at);
    }
    stack_pointer = top;
  }
}

// Keeps a call from being the last thing that its function does.
void Use(volatile void*) {}

// Tests are compiled without optimization: this one has no frame pointer.
__attribute__((noinline, optimize("O2"))) Stacks WithLocals(int) {
  volatile char locals[3000];
  Use(locals);
  Stacks stacks = ReadStacks();
  Use(locals);
  return stacks;
}

// Its frame has another size at each call.
__attribute__((noinline)) Stacks WithAlloca(int bytes) {
  volatile void* locals = alloca(static_cast<size_t>(bytes));
  Use(locals);
  Stacks stacks = ReadStacks();
  Use(locals);
  return stacks;
}

__attribute__((noinline, optimize("O0"))) Stacks WithoutOptimization(int) {
  return ReadStacks();
}

__attribute__((noinline)) Stacks Deeper(int depth) {
  Stacks stacks = depth == 0 ? WithAlloca(96) : Deeper(depth - 1);
  Use(&stacks);
  return stacks;
}

__attribute__((noinline)) Stacks ByFunctionObject(int bytes) {
  const std::function<Stacks()> call = [bytes] {
    Stacks stacks = WithLocals(bytes);
    Use(&stacks);
    return stacks;
  };
  return call();
}

struct Kind {
  const char* name;
  Stacks (*look)(int argument);
};
std::ostream& operator<<(std::ostream& out, const Kind& kind) {
  return out << kind.name;
}

class FrameRuleTest : public ::testing::TestWithParam<Kind> {};

TEST_P(FrameRuleTest, RulesLeadOutOfTheStackAsUnwindingDoes) {
  for (int argument : {8, 64, 1000}) {
    if (GetParam().look == &Deeper) argument /= 8;
    const Stacks stacks = GetParam().look(argument);
    ASSERT_GT(stacks.unwound.size(), 5u);
#if defined(__x86_64__)
    EXPECT_EQ(stacks.led, stacks.unwound);
#endif
  }
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, FrameRuleTest,
    ::testing::Values(Kind{"locals", &WithLocals}, Kind{"alloca", &WithAlloca},
                      Kind{"no_optimization", &WithoutOptimization},
                      Kind{"deeper", &Deeper},
                      Kind{"function_object", &ByFunctionObject}));

TEST(FrameRuleTest, WhereNoCodeIsThereIsNone) {
  int on_the_stack = 0;
  EXPECT_FALSE(FindFrameRule(reinterpret_cast<uintptr_t>(&on_the_stack)));
  EXPECT_FALSE(FindFrameRule(1));
}

}  // namespace
}  // namespace torchtape::internal
