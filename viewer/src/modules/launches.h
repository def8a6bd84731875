#ifndef TORCHTAPE_VIEWER_SRC_MODULES_LAUNCHES_H_
#define TORCHTAPE_VIEWER_SRC_MODULES_LAUNCHES_H_

// Tells by which op, unit and module a device was asked for something. What it
// then did becomes known later, and has the number of the call.
//
// Memory: the last kMaxLaunches calls.

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "modules/attribution.h"

namespace torchtape::viewer {

struct LaunchPlace {
  uint32_t thread = 0;
  uint64_t time_ns = 0;
  std::optional<uint64_t> span;  // the innermost one, if there is one
  std::optional<uint64_t> step;  // that was running when this span began
  // The innermost op, or the backward node if there is none; null: in neither.
  const Operator* op = nullptr;
  std::optional<uint64_t> unit;  // the span that is the unit
  Owner owner;                   // if there is no unit
  bool backward = false;
};

class Launches : public Visitor {
 public:
  // `attribution` must be called before this visitor, and outlive it.
  explicit Launches(const Attribution* attribution)
      : attribution_(*attribution) {}

  void OnChunk(const ChunkStart& start) override;
  void OnEnd(const SpanEnd& end) override;
  void OnLaunch(const LaunchCall& call) override;

  // For visitors that are called after this one. Null: no such call is known.
  const LaunchPlace* Find(uint32_t correlation) const;

  // In OnEnd(): where the calls of the span that ends now are made; null: this
  // chunk tells of none.
  const LaunchPlace* Ending() const { return ending_; }

  // Is told of each call that Find() will know no more.
  void OnForget(std::function<void(const LaunchPlace&)> told) {
    forgotten_ = std::move(told);
  }

 private:
  static constexpr size_t kMaxLaunches = size_t{1} << 19;

  using Span = std::pair<uint32_t, uint64_t>;  // thread and number

  LaunchPlace PlaceOf(const ThreadState& thread, size_t depth) const;
  void Keep(uint32_t correlation, const LaunchPlace& place);
  void Forget();

  const Attribution& attribution_;
  std::function<void(const LaunchPlace&)> forgotten_;
  // Of this chunk: spans with launches, and what is known of those that ended.
  absl::flat_hash_set<Span> wanted_;
  absl::flat_hash_map<Span, LaunchPlace> ended_;
  const LaunchPlace* ending_ = nullptr;
  struct Kept {
    LaunchPlace place;
    uint64_t ordinal;  // among all calls
  };
  absl::flat_hash_map<uint32_t, Kept> launches_;  // by number of the call
  // Numbers and ordinals. A number that came again is there more than once.
  std::deque<std::pair<uint32_t, uint64_t>> oldest_;
  uint64_t count_ = 0;  // of all calls
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_MODULES_LAUNCHES_H_
