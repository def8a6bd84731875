#ifndef TORCHTAPE_SDK_CORE_CALL_PATHS_H_
#define TORCHTAPE_SDK_CORE_CALL_PATHS_H_

// The way by which a call came out of the program's own code, where it is led
// through LibTorch's first (code_kind.h): torch::relu() of a build without
// optimization, what a torch::nn::Sequential calls, tensor.item<float>().
//
// Stacks are not unwound for that each time: what must be known of a place in
// the code, whose it is and where its frame ends (frame_rule.h), is found out
// once, and then a step out is a look into a table and a load. Training repeats
// itself, so a path that led from the same frame before is known already if
// only the words of the stack that told of it are the same.
//
// One thread's; not thread-safe.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/code_kind.h"
#include "core/frame_rule.h"
#include "torchtape/format/record.h"

namespace torchtape::internal {

// The frame of a function that was called, as __builtin_frame_address(0) tells
// it there: the caller's frame pointer, and the address it returns to.
struct CallFrame {
  const CallFrame* frame_pointer;
  uint64_t return_address;

  static const CallFrame* At(const void* frame_address) {
    return static_cast<const CallFrame*>(frame_address);
  }
};

// Return addresses, from inside to outside. One, the call site, or several: all
// but the last lie in LibTorch's code, and the last in the program's.
struct CallPath {
  static constexpr size_t kMost = 24;
  static_assert(kMost <= format::kMostCallers + 1, "as a record takes them");

  CallPath() = default;
  explicit CallPath(uint64_t call_site)
      : addresses{call_site}, count(call_site != 0 ? 1 : 0) {}

  uint64_t addresses[kMost];
  size_t count = 0;
};

class CallPaths {
 public:
  // What calls from `call_site`; kUnknown, too, if the way out of it is not. At
  // first, as KindOfCode().
  CodeKind KindOf(uint64_t call_site) noexcept {
    CheckUnloadings();
    return Find(call_site).kind;
  }

  // A path, and its HashWords().
  struct Followed {
    CallPath path;
    uint64_t hash = 0;
  };
  // The path of the call that has this frame, until the next is asked for. Null
  // if it cannot be told. `frame`: of an open call.
  const Followed* Follow(const CallFrame* frame) noexcept {
    CheckUnloadings();
    if (__builtin_expect(trails_.empty(), 0) && !MakeTrails()) return nullptr;
    Trail& trail = trails_[TrailOf(*frame)];
    if (__builtin_expect(trail.IsOf(frame), 1)) return &trail.followed;
    return Walk(frame, &trail) ? &trail.followed : nullptr;
  }

  // Other code may lie at an address now. From any thread.
  static void CodeWasUnloaded() {
    unloadings_.fetch_add(1, std::memory_order_relaxed);
  }

 private:
  struct Place {
    uint64_t address = 0;  // 0: an empty place
    CodeKind kind = CodeKind::kUnknown;
    FrameRule rule;  // of LibTorch's code
  };
  static constexpr size_t kPlaces = 4096;  // a power of two
  static constexpr size_t kMostPlaces = kPlaces / 4 * 3;

  // How a path was followed: the words of the stack that were read for it, from
  // inside to outside. As long as those before it are the same, each lies in an
  // open frame, so that it may be read.
  struct Trail {
    static constexpr size_t kMost = 20;
    struct Word {
      const uint64_t* at;
      uint64_t value;
    };

    bool IsOf(const CallFrame* its_frame) const {
      if (frame != its_frame) return false;
      for (size_t i = 0; i < count; ++i) {
        if (*words[i].at != words[i].value) return false;
      }
      return true;
    }
    // The word at `at`; there may be too many to keep.
    uint64_t Read(const uint64_t* at) {
      if (count < kMost) words[count] = {at, *at};
      ++count;
      return *at;
    }

    const CallFrame* frame = nullptr;  // null: of none
    size_t count = 0;                  // words
    Word words[kMost];
    Followed followed;
  };
  static constexpr size_t kTrails = 128;  // a power of two

  static size_t TrailOf(const CallFrame& frame) {
    return ((reinterpret_cast<uintptr_t>(&frame) >> 4) ^ frame.return_address) *
               0x9e3779b97f4a7c15u >>
           57;
  }
  bool MakeTrails() noexcept;
  bool Walk(const CallFrame* frame, Trail* trail) noexcept;

  void CheckUnloadings() noexcept {
    const uint64_t unloadings = unloadings_.load(std::memory_order_relaxed);
    if (__builtin_expect(unloadings == known_since_, 1)) return;
    places_.clear();
    trails_.clear();
    known_since_ = unloadings;
  }
  const Place& Find(uint64_t address) noexcept {
    if (__builtin_expect(!places_.empty(), 1)) {
      const Place& place = places_[IndexOf(address)];
      if (__builtin_expect(place.address == address, 1)) return place;
    }
    return Add(address);
  }
  const Place& Add(uint64_t address) noexcept;
  // Where it is, or the empty place where it would be.
  size_t IndexOf(uint64_t address) const {
    size_t index = address * 0x9e3779b97f4a7c15u >> 52;
    while (places_[index].address != 0 && places_[index].address != address) {
      index = (index + 1) % kPlaces;
    }
    return index;
  }

  static std::atomic<uint64_t> unloadings_;

  std::vector<Place> places_;  // none or kPlaces
  size_t used_ = 0;
  std::vector<Trail> trails_;  // none or kTrails
  uint64_t known_since_ = 0;   // unloadings
};

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_CORE_CALL_PATHS_H_
