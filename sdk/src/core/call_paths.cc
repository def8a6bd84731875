#include "core/call_paths.h"

namespace torchtape::internal {

std::atomic<uint64_t> CallPaths::unloadings_{0};

const CallPaths::Place& CallPaths::Add(uint64_t address) noexcept {
  static const Place kUnknown;
  try {
    if (places_.empty()) {
      places_.resize(kPlaces);
      used_ = 0;
    }
    Place place;
    place.address = address;
    place.kind = KindOfCode(address);
    if (place.kind == CodeKind::kHeader) {
      const std::optional<FrameRule> rule = FindFrameRule(address);
      if (rule) {
        place.rule = *rule;
      } else {
        place.kind = CodeKind::kUnknown;
      }
    }
    if (used_ >= kMostPlaces) return kUnknown;
    ++used_;
    return places_[IndexOf(address)] = place;
  } catch (...) {
    return kUnknown;  // no memory
  }
}

bool CallPaths::Follow(const CallFrame* frame, CallPath* path) noexcept {
  CheckUnloadings();
  constexpr int64_t kMostBytes = 1 << 20;  // of one frame
  const char* frame_pointer =
      reinterpret_cast<const char*>(frame->frame_pointer);
  const char* stack_pointer = reinterpret_cast<const char*>(frame + 1);
  uint64_t address = frame->return_address;
  for (path->count = 0; path->count < CallPath::kMost;) {
    const Place& place = Find(address);
    if (place.kind == CodeKind::kUnknown) return false;
    path->addresses[path->count++] = address;
    if (place.kind == CodeKind::kPrograms) return true;
    const FrameRule& rule = place.rule;
    const char* const frame_address =
        (rule.from == FrameRule::kFramePointer ? frame_pointer
                                               : stack_pointer) +
        rule.bytes;
    const int64_t bytes = frame_address - stack_pointer;
    if (bytes <= 0 || bytes > kMostBytes || bytes % 8 != 0) return false;
    address = reinterpret_cast<const uint64_t*>(frame_address)[-1];
    if (rule.frame_pointer_at != 0) {
      frame_pointer = *reinterpret_cast<const char* const*>(
          frame_address + rule.frame_pointer_at);
    }
    stack_pointer = frame_address;
  }
  return false;
}

}  // namespace torchtape::internal
