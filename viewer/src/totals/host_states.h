#ifndef TORCHTAPE_VIEWER_SRC_TOTALS_HOST_STATES_H_
#define TORCHTAPE_VIEWER_SRC_TOTALS_HOST_STATES_H_

// What the threads of the host did at an instant, as far as it says why a
// device had nothing to do.
//
// Memory: at most kMaxStretches a thread; of what was before, nothing is known.

#include <cstdint>
#include <deque>
#include <map>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "modules/attribution.h"

namespace torchtape::viewer {

enum class HostState {
  kElsewhere,  // in no span that is told of: nobody knows
  kWorking,    // in an op, backward node, module call or step of an optimizer
  kInput,      // in a step, before its first op that works for a module
  kWaiting,    // in a call that returns only when a device has come so far
};

// Whether a call of CUDA's runtime library returns only then.
bool WaitsForDevice(absl::string_view call);

class HostStates : public Visitor, public UnitVisitor {
 public:
  void OnStep(const StepStart& start) override;
  void OnBegin(const SpanBegin& begin) override;
  void OnEnd(const SpanEnd& end) override;
  void OnUnits(absl::Span<const Unit> units) override;

  // A state, and the first instant after it at which it may be another. The
  // highest of those that apply.
  struct Stretch {
    HostState state;
    int64_t end_ns;
  };
  // Of what was told up to now.
  Stretch At(uint32_t thread, int64_t time_ns) const;

  // Whether the thread waited at some time of [`from_ns`, `to_ns`].
  bool WaitedWithin(uint32_t thread, int64_t from_ns, int64_t to_ns) const;

 private:
  static constexpr size_t kMaxStretches = size_t{1} << 20;

  // Stretches of time that do not overlap, in order; the last may be open.
  class Stretches {
   public:
    void Begin(int64_t time_ns);
    // Absent: its end is not known, so it is left out.
    void End(std::optional<int64_t> time_ns);
    void Add(int64_t begin_ns, int64_t end_ns);
    // Whether an instant is in one, and where that ends or the next one begins.
    bool Contains(int64_t time_ns, int64_t* until_ns) const;
    bool Touches(int64_t from_ns, int64_t to_ns) const;

   private:
    struct Times {
      int64_t begin_ns, end_ns;
    };
    std::deque<Times> known_;
    uint32_t depth_ = 0;  // how many of those that are open lie in each other
    int64_t open_ns_ = 0;
  };
  struct Thread {
    Stretches waits, spans;
  };

  std::map<uint32_t, Thread> threads_;
  Stretches inputs_;
  std::map<uint64_t, int64_t> step_starts_;  // without an op of a module so far
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_TOTALS_HOST_STATES_H_
