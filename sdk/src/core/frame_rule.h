#ifndef TORCHTAPE_SDK_CORE_FRAME_RULE_H_
#define TORCHTAPE_SDK_CORE_FRAME_RULE_H_

// How to get from a function's frame to that of its caller, as the unwind
// tables that the compiler leaves in every program say (System V ABI, AMD64
// supplement, 3.7 "Stack Unwind Algorithm"; the tables are the DWARF call frame
// information of DWARF 5, 6.4, in the encoding of the Linux Standard Base,
// 10.6 ".eh_frame"). A rule holds for one place in the code, at all times.

#include <cstdint>
#include <optional>

namespace torchtape::internal {

struct FrameRule {
  // The canonical frame address, above which the caller's frame is and just
  // below which the return address lies: so many bytes above the register.
  enum Register : uint8_t { kStackPointer, kFramePointer };
  Register from = kStackPointer;
  int32_t bytes = 0;
  // Where the caller's frame pointer was put, from the canonical frame
  // address; 0: it is in its register still.
  int32_t frame_pointer_at = 0;
};

// The rule of the call that returns to `address`. None if there is no table,
// if the rule needs more than the two registers, or on other processors than
// x86-64. Takes the loader's lock. Neither allocates nor throws.
std::optional<FrameRule> FindFrameRule(uint64_t address) noexcept;

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_CORE_FRAME_RULE_H_
