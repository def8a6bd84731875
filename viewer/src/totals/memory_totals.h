#ifndef TORCHTAPE_VIEWER_SRC_TOTALS_MEMORY_TOTALS_H_
#define TORCHTAPE_VIEWER_SRC_TOTALS_MEMORY_TOTALS_H_

// Follows the memory that the run allocated: how much, when most, and who held
// it then. Memory from before the recording is not in the log and not counted.
//
// What happens in a step is kept until its modules are known.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "modules/attribution.h"
#include "torchtape/viewer/step_range.h"
#include "totals/memory_roles.h"
#include "totals/saved_totals.h"

namespace torchtape::viewer {

// Who made memory. Names are of the outermost op or backward node and of the
// innermost range; empty: none.
struct Holder {
  std::string maker;
  std::string range;
  int module = kNoModule;
  uint64_t bytes = 0;
  uint64_t allocations = 0;
};

struct MemoryPeak {
  uint64_t bytes = 0;
  uint64_t time_ns = 0;
  uint64_t step = 0;
  uint64_t step_start_ns = 0;
  std::vector<Holder> holders;  // the largest first
  // By what it is for. Less than `bytes` only after a lost chunk.
  std::array<uint64_t, kMemoryRoles> roles = {};
};

class MemoryTotals : public Visitor, public UnitVisitor {
 public:
  // `attribution` must be called before this visitor, and outlive it.
  MemoryTotals(const StepRange& steps, Attribution* attribution)
      : steps_(steps), attribution_(*attribution) {}

  void OnSeek(const Seek& seek) override;
  void OnChunk(const ChunkStart& start) override;
  void OnStep(const StepStart& start) override;
  void OnWindow(const v1::Window& window) override;
  void OnAllocate(const Allocation& allocation) override;
  void OnFree(const Allocation& free) override;
  void OnSave(const SavedTensor& saved) override;
  void OnUnits(absl::Span<const Unit> units) override;

  // Tells what a storage that is live is for.
  void SetRole(uint64_t storage, MemoryRole role);

  // Within the steps.
  MemoryPeak peak() const;
  uint64_t alloc_count() const { return alloc_count_; }
  uint64_t free_count() const { return free_count_; }
  uint64_t allocated_bytes() const { return allocated_bytes_; }
  // How often an allocation failed for want of memory.
  uint64_t ran_out() const { return ran_out_; }

  // The most that was live at once of what a module and those inside of it
  // allocated, in bytes; absent if they allocated nothing.
  std::optional<uint64_t> PeakOf(int module) const;

  // What autograd kept for the backward pass.
  const SavedTotals& saved() const { return saved_; }

 private:
  using MakerKey = std::pair<const Operator*, std::pair<const Operator*, int>>;
  struct Held {
    uint64_t bytes = 0;
    uint64_t allocations = 0;
  };
  struct Live {
    uint64_t bytes;
    uint64_t step;  // in which it was made
    MemoryRole role;
    MakerKey maker;
  };
  // What waits for its module.
  struct Change {
    enum Kind { kAllocate, kFree, kSave, kRole, kChunk } kind;
    uint64_t time_ns;
    uint64_t storage;
    uint64_t bytes;  // of a chunk: what is live when it begins
    MemoryRole role;
    const Operator* maker;
    const Operator* range;
    int module;     // of the module call around it; kNoModule: none
    uint64_t unit;  // kNoUnit: none
  };
  struct ModuleMemory {
    uint64_t live = 0, peak = 0;
    bool any = false;
  };

  void Keep(const Change& change);
  Change ChangeOf(Change::Kind kind, const Allocation& allocation) const;
  void Apply(const Change& change);
  void Allocate(const Change& change);
  void Free(const Change& change);
  void Drop(const Live& live);
  void Save(const Change& change);
  void TakeRole(const Change& change);
  std::array<uint64_t, kMemoryRoles> PeakRoles() const;
  void EnterChunk(uint64_t live_bytes);
  void AddToModules(int module, int64_t bytes);
  void NotePeak(uint64_t time_ns);
  void NoteModulePeaks();
  void KeepHolders();

  const StepRange steps_;
  Attribution& attribution_;
  std::vector<Change> changes_;
  absl::flat_hash_map<uint64_t, Live> live_;  // by storage
  absl::flat_hash_map<MakerKey, Held> held_;
  std::vector<ModuleMemory> modules_;
  SavedTotals saved_;
  uint64_t live_bytes_ = 0;
  uint64_t step_ = 0, step_start_ns_ = 0;
  uint64_t alloc_count_ = 0, free_count_ = 0, allocated_bytes_ = 0;
  uint64_t ran_out_ = 0;

  MemoryPeak peak_;
  bool at_peak_ = false;  // nothing was freed since, so nobody's share is less
  absl::flat_hash_map<MakerKey, Held> peak_held_;
  // What was live then, by storage: its role may become known later.
  struct PeakStorage {
    uint64_t bytes;
    MemoryRole role;
  };
  absl::flat_hash_map<uint64_t, PeakStorage> peak_storages_;
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_TOTALS_MEMORY_TOTALS_H_
