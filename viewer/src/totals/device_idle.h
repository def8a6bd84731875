#ifndef TORCHTAPE_VIEWER_SRC_TOTALS_DEVICE_IDLE_H_
#define TORCHTAPE_VIEWER_SRC_TOTALS_DEVICE_IDLE_H_

// What a device did with its time, from its first activity to the last: at each
// instant it ran kernels (or memsets), or only copies, or nothing. Streams that
// work at the same time count once.
//
// A stretch with nothing is a gap. The activity that ends it says why, by the
// call of the host that launched it. An activity has begun *at once* if that
// was no later after the call than twice the shortest such time of the log, and
// the error of the clocks. If it has, all of the gap is the host's, who
// launched it late; if not, what of the gap lies behind the call is
//   kQueued           it was asked for and not begun: it waited for something
//                     on the device, such as an event of another stream
// What the host did at an instant before is what the thread that launched it
// did, or, if that was in no span, the thread that launched what had ended
// last:
//   kSynchronisation  it was in a call that waits for a device; or it was in
//                     one when the gap began, and is not at kInput or kUnknown
//   kInput            the step had not come to its first op that works for a
//                     module: it loaded data
//   kHost             it was in an op, backward node, module call or step of an
//                     optimizer: the host was too slow
//   kUnknown          none of these is known: it was in no span, or the call is
//                     not known; without device calls also kHost, unless the
//                     activity was launched before the gap and began at once
// What it did, and where it waited, has a module and a line of source.
//
// A gap that overlaps what was not recorded, released or lost is none.
//
// Memory: of all devices the last activities, at most kMaxWaiting.

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "modules/launches.h"
#include "torchtape/viewer/step_range.h"
#include "totals/host_states.h"
#include "totals/idle_totals.h"

namespace torchtape::viewer {

struct DeviceUse {
  uint64_t kernel_ns = 0;
  uint64_t copy_ns = 0;  // only copies ran
  std::array<uint64_t, kIdleCauses> idle_ns = {};
  uint64_t gaps = 0, longest_gap_ns = 0;
  uint64_t late = 0;  // activities that were told of too late to be counted

  uint64_t all_idle_ns() const;
  uint64_t all_ns() const { return kernel_ns + copy_ns + all_idle_ns(); }
};

class DeviceIdle : public Visitor, public UnitVisitor {
 public:
  // Counts what was launched in these steps, and the gaps before it.
  // `knows_waits`: device calls were recorded. The others must be called before
  // this visitor, and outlive it.
  DeviceIdle(const StepRange& steps, bool knows_waits, const Launches* launches,
             const HostStates* hosts)
      : steps_(steps),
        knows_waits_(knows_waits),
        launches_(*launches),
        hosts_(*hosts) {}

  void OnChunk(const ChunkStart& start) override;
  void OnWindow(const v1::Window& window) override;
  void OnActivity(const format::DeviceActivity& activity) override;
  void OnUnits(absl::Span<const Unit> units) override;
  void OnLogEnd() override;

  const std::map<uint32_t, DeviceUse>& devices() const { return uses_; }
  const IdleTotals& totals() const { return totals_; }

 private:
  static constexpr size_t kMaxWaiting = size_t{1} << 21;

  struct Activity {
    int64_t start_ns, end_ns;
    uint64_t error_ns;
    bool copies;    // and computes nothing
    bool counts;    // its step was chosen
    bool launched;  // the call is known
    int64_t launch_ns;
    uint32_t thread;
    const Operator* op;
  };
  struct Device {
    std::vector<Activity> waiting;
    uint64_t least_ns = UINT64_MAX;  // from a call to its activity
    bool any = false;
    int64_t begun_ns = 0;  // when the last one began
    int64_t now_ns = 0;    // all before is counted
    int64_t kernels_end_ns = INT64_MIN, copies_end_ns = INT64_MIN;
    bool counts = false;  // of what began last
    Activity last = {};   // what ended last
  };
  struct Gap;

  static uint64_t LaunchTimeOf(const Activity& activity);
  void PlayHalf();
  void Play(uint32_t number, size_t leave, Device* device);
  void Begin(const Activity& activity, uint32_t number, Device* device);
  void Advance(int64_t to_ns, DeviceUse* use, Device* device);
  HostStates::Stretch HostAt(const Gap& gap, int64_t time_ns,
                             uint32_t* thread) const;
  std::vector<IdleTotals::Part> PartsOf(const Gap& gap) const;
  void Count(const Gap& gap, uint32_t number);
  bool IsRecorded(int64_t from_ns, int64_t to_ns) const;

  const StepRange steps_;
  const bool knows_waits_;
  const Launches& launches_;
  const HostStates& hosts_;
  std::map<uint32_t, Device> devices_;
  size_t waiting_ = 0;  // on all devices
  std::map<uint32_t, DeviceUse> uses_;
  IdleTotals totals_;
  // Stretches of which not all is in the log, in order.
  std::vector<std::pair<int64_t, int64_t>> holes_;
  std::optional<uint64_t> next_chunk_;
  bool missing_ = false;  // something since the last chunk with events
  int64_t chunk_start_ns_ = 0;
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_TOTALS_DEVICE_IDLE_H_
