#ifndef TORCHTAPE_VIEWER_SRC_TOTALS_WAIT_TOTALS_H_
#define TORCHTAPE_VIEWER_SRC_TOTALS_WAIT_TOTALS_H_

// Where the host waits for a device, and because of what: the calls of the
// device's runtime library that return only when the device has come so far.
//
// A wait has the line of source, the module and the outermost op or backward
// node around it. Where the op has asked for a copy before, the copy is what it
// waits for: an `.item()`, a `.cpu()`, memory that is not pinned.

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "modules/attribution.h"
#include "source/source_lines.h"
#include "torchtape/viewer/step_range.h"

namespace torchtape::viewer {

// Of one line, module, op, call and cause.
struct WaitTotal {
  SourceFrame frame;  // empty: no known line
  int module = kNoModule;
  std::string op;     // empty: in none
  std::string call;   // "cudaStreamSynchronize"
  std::string cause;  // "copy to host"; empty: no copy was asked for
  uint64_t count = 0;
  uint64_t wait_ns = 0;       // of those whose end is known
  uint64_t copied_bytes = 0;  // by the copies that are the cause
};

class WaitTotals : public Visitor, public UnitVisitor {
 public:
  // Counts calls that began in these steps. The others must be called before
  // this visitor, and outlive it.
  WaitTotals(const StepRange& steps, const Attribution* attribution,
             const SourceLines* lines)
      : steps_(steps), attribution_(*attribution), lines_(*lines) {}

  void OnBegin(const SpanBegin& begin) override;
  void OnEnd(const SpanEnd& end) override;
  void OnUnits(absl::Span<const Unit> units) override;

  // The longest first.
  std::vector<WaitTotal> totals() const;

 private:
  struct Copy {
    uint64_t unit = kNoUnit;
    std::string cause;
    uint64_t bytes = 0;
  };
  struct Thread {
    const SourceFrame* frame = nullptr;  // of the call that is open
    uint64_t unit = kNoUnit;             // likewise
    Copy copy;                           // the last one
  };

  void Add(const WaitTotal& wait);

  const StepRange steps_;
  const Attribution& attribution_;
  const SourceLines& lines_;
  std::map<uint32_t, Thread> threads_;
  // Of units whose module is not told yet.
  absl::flat_hash_map<uint64_t, std::vector<WaitTotal>> waiting_;
  std::map<std::tuple<std::string, uint32_t, std::string, int, std::string,
                      std::string, std::string>,
           WaitTotal>
      totals_;
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_TOTALS_WAIT_TOTALS_H_
