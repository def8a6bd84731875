#ifndef TORCHTAPE_VIEWER_SRC_TOTALS_IDLE_TOTALS_H_
#define TORCHTAPE_VIEWER_SRC_TOTALS_IDLE_TOTALS_H_

// Adds up gaps, in which a device did nothing: by cause, by the op that
// launched what ended them, and by what the host did meanwhile.
//
// Memory: the names of ops, modules and lines.

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "totals/host_states.h"

namespace torchtape::viewer {

// device_idle.h tells when it is which.
enum class IdleCause {
  kSynchronisation,
  kInput,
  kHost,
  kQueued,
  kUnknown,
};
inline constexpr size_t kIdleCauses = 5;

// "synchronisation", "input", "host", "queued", "unknown".
const char* IdleCauseName(IdleCause cause);

struct IdleSum {
  uint64_t count = 0;  // of gaps
  uint64_t total_ns = 0, longest_ns = 0;

  void Add(uint64_t ns);
};

// For a module or an optimizer and from a line, as far as these are known.
struct IdlePlace : IdleSum {
  int module = kNoModule;
  bool optimizer = false;
  SourceFrame frame;
};

// Of all gaps of one cause that ended with something launched by one op.
struct IdleTotal : IdleSum {
  uint32_t device = 0;
  IdleCause cause = IdleCause::kUnknown;
  std::string op;                 // empty: none, or not known
  std::vector<IdlePlace> places;  // what the host did; adds up to `total_ns`
};

class IdleTotals {
 public:
  // A part of a gap.
  struct Part {
    IdleCause cause;
    HostPlace place;
    uint64_t ns;
  };

  // All parts of a gap. `op` is null if none, or not known.
  void Add(uint32_t device, const Operator* op, const std::vector<Part>& parts);

  // The longest first.
  std::vector<IdleTotal> totals() const;

 private:
  using Place = std::tuple<int, bool, const SourceFrame*>;
  struct Total {
    IdleSum sum;
    std::map<Place, IdleSum> places;
  };

  static std::vector<IdlePlace> PlacesOf(const Total& total);

  std::map<std::tuple<uint32_t, IdleCause, std::string>, Total> totals_;
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_TOTALS_IDLE_TOTALS_H_
