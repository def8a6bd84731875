#ifndef TORCHTAPE_VIEWER_SRC_REPORT_REPORT_MEMORY_H_
#define TORCHTAPE_VIEWER_SRC_REPORT_REPORT_MEMORY_H_

// Keeps for a report every allocation that is live in one of the kept steps,
// and of each step how much was live at most.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "report/report_spans.h"
#include "totals/memory_roles.h"

namespace torchtape::viewer {

class ReportMemory : public Visitor, public UnitVisitor {
 public:
  // All must outlive this; the latter two must be called before this visitor,
  // and `attribution` must tell it of units. Keeps at most `most` allocations.
  ReportMemory(const KeptSteps* kept, const Attribution* attribution,
               const ReportSpans* spans, size_t most)
      : kept_(*kept), attribution_(*attribution), spans_(*spans), most_(most) {}

  void OnChunk(const ChunkStart& start) override;
  void OnStep(const StepStart& start) override;
  void OnWindow(const v1::Window& window) override;
  void OnAllocate(const Allocation& allocation) override;
  void OnFree(const Allocation& free) override;
  void OnUnits(absl::Span<const Unit> units) override;

  // Tells what a storage that is live is for.
  void SetRole(uint64_t storage, MemoryRole role);

  size_t count() const { return kept_allocations_.size(); }
  // When there was no more room; absent: there was.
  std::optional<uint64_t> cut_at_ns() const { return cut_at_ns_; }

  void TakeColumns(Columns* columns) const;

 private:
  static constexpr size_t kNotKept = static_cast<size_t>(-1);

  struct Kept {
    uint64_t time_ns, bytes, storage;
    MemoryRole role;
    uint64_t maker;   // 1 + the operator's id; 0: nobody
    uint64_t module;  // 1 + index; 0: none
    int64_t span, free_span = ReportSpans::kNoSpan;
    uint64_t lifetime_ns = 0;  // + 1; 0: never freed
  };
  struct Live {
    Kept facts;
    size_t kept = kNotKept;
  };
  // An allocation whose module is not told yet.
  struct Pending {
    uint64_t storage, unit;
    size_t kept;
  };
  // Bytes that are live but whose allocation is in a lost chunk.
  struct Correction {
    uint64_t time_ns;
    int64_t bytes;
  };
  struct StepPeak {
    uint64_t step, bytes;
  };

  void Keep(Live* live);
  void Correct(uint64_t time_ns, uint64_t live_bytes);
  void NotePeak();
  void Close(const Live& live, uint64_t time_ns, int64_t span);

  const KeptSteps& kept_;
  const Attribution& attribution_;
  const ReportSpans& spans_;
  const size_t most_;

  bool keeping_ = false;
  uint64_t step_ = 0;
  uint64_t live_bytes_ = 0;
  std::optional<uint64_t> cut_at_ns_;
  absl::flat_hash_map<uint64_t, Live> live_;  // by storage
  std::vector<Kept> kept_allocations_;
  std::vector<Pending> pending_;
  std::vector<Correction> corrections_;
  std::vector<StepPeak> peaks_;
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_REPORT_REPORT_MEMORY_H_
