#ifndef TORCHTAPE_VIEWER_SRC_TOTALS_HOST_STATES_H_
#define TORCHTAPE_VIEWER_SRC_TOTALS_HOST_STATES_H_

// What the threads of the host did at an instant, and for which module and line
// of source, as far as it says why a device had nothing to do.
//
// Memory: at most kMaxStretches; of what was before, nothing is known.

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "modules/attribution.h"
#include "source/source_lines.h"

namespace torchtape::viewer {

enum class HostState {
  kElsewhere,  // in no span that is told of: nobody knows
  kWorking,    // in an op, backward node, module call or step of an optimizer
  kInput,      // in a step, before its first op that works for a module
  kWaiting,    // in a call that returns only when a device has come so far
};

// Whether it is a call of CUDA's runtime library that returns only then.
bool WaitsForDevice(const Operator& op);

// For whom, and from where.
struct HostPlace {
  int module = kNoModule;
  bool optimizer = false;              // and no module
  const SourceFrame* frame = nullptr;  // null: not known
};

class HostStates : public Visitor, public UnitVisitor {
 public:
  // The others must be called before this visitor, and outlive it.
  HostStates(const Attribution* attribution, const SourceLines* lines)
      : attribution_(*attribution), lines_(*lines) {}

  void OnStep(const StepStart& start) override;
  void OnBegin(const SpanBegin& begin) override;
  void OnEnd(const SpanEnd& end) override;
  void OnUnits(absl::Span<const Unit> units) override;

  // A state, and the first instant after it at which it may be another. The
  // highest of those that apply.
  struct Stretch {
    HostState state;
    int64_t end_ns;
    HostPlace place;
  };
  // Of what was told up to now.
  Stretch At(uint32_t thread, int64_t time_ns) const;

  // Where the thread waited last at some time of [`from_ns`, `to_ns`]; absent:
  // it did not.
  std::optional<HostPlace> WaitWithin(uint32_t thread, int64_t from_ns,
                                      int64_t to_ns) const;

 private:
  static constexpr size_t kMaxStretches = size_t{1} << 21;

  // What a thread does, by its spans.
  struct Doing {
    uint64_t unit = kNoUnit;  // whose module is told later
    HostPlace place;
  };

  // Stretches of time that do not overlap, in order; the last may be open.
  class Stretches {
   public:
    struct Known : Doing {
      int64_t begin_ns, end_ns;
    };

    // What begins lies in what is open, and is done in its stead.
    void Begin(int64_t time_ns, const Doing& doing);
    // Absent: its end is not known, so it is left out.
    void End(std::optional<int64_t> time_ns);
    void Add(int64_t begin_ns, int64_t end_ns, const Doing& doing);
    // What is done at an instant, or null, and where that ends or what comes
    // next begins.
    const Doing* Find(int64_t time_ns, int64_t* until_ns) const;
    // The last that was done in [`from_ns`, `to_ns`], both included, or null.
    const Doing* FindWithin(int64_t from_ns, int64_t to_ns) const;
    void Resolve(const Unit& unit);

    size_t size() const { return known_.size(); }
    void Forget() { known_.pop_front(); }

   private:
    std::deque<Known> known_;
    std::vector<Doing> open_;  // outermost first
    int64_t since_ns_ = 0;     // the last of these
  };
  struct Thread {
    Stretches waits, spans;
  };

  Doing Now(const ThreadState& thread) const;
  void Bound(Stretches* stretches, size_t size_before);

  const Attribution& attribution_;
  const SourceLines& lines_;
  std::map<uint32_t, Thread> threads_;
  Stretches inputs_;
  size_t stretches_ = 0;                     // of all
  std::map<uint64_t, int64_t> step_starts_;  // without an op of a module so far
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_TOTALS_HOST_STATES_H_
