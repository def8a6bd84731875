#include "core/call_paths.h"

#include "core/hash.h"

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
    if (place.kind == CodeKind::kHeader || place.kind == CodeKind::kLibTorch) {
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

bool CallPaths::MakeTrails() noexcept {
  try {
    trails_.resize(kTrails);
    return true;
  } catch (...) {
    return false;  // no memory
  }
}

bool CallPaths::Walk(const CallFrame* frame, Trail* trail) noexcept {
  constexpr int64_t kMostBytes = 1 << 20;  // of one frame
  CallPath& path = trail->followed.path;
  path.count = 0;
  trail->frame = nullptr;
  trail->count = 0;
  const uint64_t* frame_pointer_at =
      reinterpret_cast<const uint64_t*>(&frame->frame_pointer);
  const char* stack_pointer = reinterpret_cast<const char*>(frame + 1);
  uint64_t address = trail->Read(&frame->return_address);
  while (true) {
    const Place& place = Find(address);
    if (place.kind == CodeKind::kUnknown || path.count == CallPath::kMost) {
      return false;
    }
    path.addresses[path.count++] = address;
    if (place.kind == CodeKind::kPrograms) break;
    const FrameRule& rule = place.rule;
    const char* const frame_address =
        (rule.from == FrameRule::kFramePointer
             ? reinterpret_cast<const char*>(trail->Read(frame_pointer_at))
             : stack_pointer) +
        rule.bytes;
    const int64_t bytes = frame_address - stack_pointer;
    if (bytes <= 0 || bytes > kMostBytes || bytes % 8 != 0) return false;
    address = trail->Read(reinterpret_cast<const uint64_t*>(frame_address) - 1);
    if (rule.frame_pointer_at != 0) {
      frame_pointer_at = reinterpret_cast<const uint64_t*>(
          frame_address + rule.frame_pointer_at);
    }
    stack_pointer = frame_address;
  }
  trail->followed.hash = HashWords(path.addresses, path.count, 0);
  if (trail->count <= Trail::kMost) trail->frame = frame;
  return true;
}

}  // namespace torchtape::internal
