#ifndef TORCHTAPE_VIEWER_SRC_TOTALS_MEMORY_MOMENT_H_
#define TORCHTAPE_VIEWER_SRC_TOTALS_MEMORY_MOMENT_H_

// Who held what memory when it ran out: the last time that it did in the chosen
// steps; or, if it never did and the run came to no end of its own, when the
// log ends.
//
// Memory: the live allocations, twice.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "modules/attribution.h"
#include "source/source_lines.h"
#include "torchtape/viewer/step_range.h"
#include "totals/memory_roles.h"

namespace torchtape::viewer {

// A storage that was live.
struct LiveStorage {
  uint64_t storage = 0, bytes = 0;
  uint32_t device_type = 0;
  int32_t device_index = -1;
  uint64_t time_ns = 0, step = 0;  // of its allocation
  MemoryRole role = MemoryRole::kTemporary;
  int module = kNoModule;
  uint64_t unit = kNoUnit;             // whose module is not told yet
  const Operator* maker = nullptr;     // outermost op or node; null: none
  const SourceFrame* frame = nullptr;  // null: not known
};

// What the allocator of a device said of itself last, older memory included.
struct AllocatorThen {
  uint32_t device_type = 0;
  int32_t device_index = -1;
  uint64_t allocated_bytes = 0;  // that it had given out
  uint64_t reserved_bytes = 0;   // that it held of the device
};

struct MemoryAtMoment {
  // "cpu, 4096 bytes": the device and what was asked of it. Empty: the log
  // ends.
  std::string asked;
  uint64_t step = 0, time_ns = 0;
  // The first op around it that then threw; null: none did.
  const Operator* threw = nullptr;
  const SourceFrame* threw_frame = nullptr;
  uint64_t live_bytes = 0;
  std::vector<LiveStorage> storages;  // the largest first
  // Of those that say something, in the order of types and indices.
  std::vector<AllocatorThen> allocators;

  // Of live bytes: their allocation is in no chunk that is there.
  uint64_t unknown_bytes() const;
};

class MemoryMoment : public Visitor, public UnitVisitor {
 public:
  // `attribution` must be called before this visitor, `lines` after it; both
  // must outlive it.
  MemoryMoment(const StepRange& steps, const Attribution* attribution,
               const SourceLines* lines)
      : steps_(steps), attribution_(*attribution), lines_(*lines) {}

  void OnChunk(const ChunkStart& start) override;
  void OnStep(const StepStart& start) override;
  void OnWindow(const v1::Window& window) override;
  void OnBegin(const SpanBegin& begin) override;
  void OnEnd(const SpanEnd& end) override;
  void OnAllocate(const Allocation& allocation) override;
  void OnFree(const Allocation& free) override;
  void OnSave(const SavedTensor& saved) override;
  void OnDeviceMemory(const format::DeviceMemory& memory) override;
  void OnUnits(absl::Span<const Unit> units) override;

  // Tells what a storage that is live is for.
  void SetRole(uint64_t storage, MemoryRole role);

  // How often memory ran out in the steps.
  uint64_t count() const { return count_; }

  // `ended`: the run came to its own end. Absent: then memory never ran out, or
  // nothing of the steps is there.
  std::optional<MemoryAtMoment> moment(bool ended) const;

 private:
  static constexpr size_t kMinForget = size_t{1} << 16;

  using Allocators = std::map<std::pair<uint32_t, int32_t>, AllocatorThen>;

  void Pass(uint64_t time_ns);
  void Keep(const v1::Pin& pin);
  void Enter(const v1::Events& events);
  void ForgetFreed();
  void Resolve(LiveStorage* live) const;

  const StepRange steps_;
  const Attribution& attribution_;
  const SourceLines& lines_;
  absl::flat_hash_map<uint64_t, LiveStorage> live_;  // by storage
  // Storages that wait for their module; some of them may be freed.
  std::vector<uint64_t> unresolved_;
  uint64_t live_bytes_ = 0;
  uint64_t step_ = 0, time_ns_ = 0;
  std::optional<v1::Pin> next_;  // the last one of this chunk, not come yet
  uint64_t count_ = 0;
  std::optional<MemoryAtMoment> kept_;
  absl::flat_hash_map<uint64_t, size_t> places_;  // in it, by storage
  bool may_throw_ = false;  // what threw because of it was not seen yet
  Allocators allocators_;   // by device, of all that was told
  // Those when memory ran out the last time, which was then. They are told when
  // their chunk is over.
  Allocators allocators_then_;
  uint64_t ran_out_ns_ = 0;
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_TOTALS_MEMORY_MOMENT_H_
