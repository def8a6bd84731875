#ifndef TORCHTAPE_VIEWER_SRC_OPS_OP_WORK_H_
#define TORCHTAPE_VIEWER_SRC_OPS_OP_WORK_H_

// Tells of each op that ends how much it computed and moved. Work is counted
// once: of ops inside of each other, by the outermost that has a formula.
//
//   OpWork work;
//   WorkTotals totals(steps, &work, &attribution);
//   Replay({}, {&attribution, &work, &totals}, &reader);
//
// Memory: the signatures of a chunk.

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/node_hash_map.h"
#include "ops/flops.h"
#include "replay/visitor.h"

namespace torchtape::viewer {

// What one call did.
struct Work {
  uint64_t matrix_flops = 0, arithmetic_flops = 0, transcendental_calls = 0;
  uint64_t moved_bytes = 0;
  bool on_cpu = true;  // else its time is that of starting it

  friend bool operator==(const Work& a, const Work& b) {
    return a.matrix_flops == b.matrix_flops &&
           a.arithmetic_flops == b.arithmetic_flops &&
           a.transcendental_calls == b.transcendental_calls &&
           a.moved_bytes == b.moved_bytes && a.on_cpu == b.on_cpu;
  }
};

struct SpanWork {
  enum class State {
    kElsewhere,  // part of what counts, or made of what counts
    kCounted,
    kUnknown,
  };
  State state = State::kElsewhere;
  Work work = {};
  // The time that belongs to `work`: without what counts by itself.
  uint64_t time_ns = 0;
  bool timed = false;
};

class OpWork : public Visitor {
 public:
  void OnChunk(const ChunkStart&) override;
  void OnBegin(const SpanBegin& begin) override;
  void OnEnd(const SpanEnd& end) override;

  // In OnEnd(), for visitors that are called after this: of the span that ends.
  const SpanWork& Ending() const { return ending_; }

 private:
  struct Inputs {
    uint64_t number;  // 1, 2, 3, ...
    std::optional<std::vector<OpValue>> values;
  };
  struct OpenOp {
    OpWorkRule rule;
    std::shared_ptr<const Inputs> inputs;
    bool inside = false;      // of one that counts with all that is inside
    bool has_inside = false;  // at least one op
  };

  std::shared_ptr<const Inputs> InputsOf(const SpanBegin& begin);
  const std::vector<Argument>& NamesOf(const Operator& op, bool inputs);
  const OpWorkRule& RuleFor(const Operator& op);
  std::optional<Work> WorkOf(const OpenOp& open, const SpanEnd& end);
  std::optional<Work> Compute(const OpenOp& open, const SpanEnd& end);

  absl::node_hash_map<uint32_t, std::vector<OpenOp>> open_;  // by thread
  SpanWork ending_;
  uint64_t inputs_count_ = 0;

  // By operator, of the whole log.
  absl::flat_hash_map<uint32_t, OpWorkRule> rules_;
  absl::node_hash_map<uint32_t, std::vector<Argument>> arguments_, returns_;
  // By signature, of a chunk; results by the number of their inputs too.
  absl::flat_hash_map<const v1::Signature*, std::shared_ptr<const Inputs>>
      inputs_;
  absl::flat_hash_map<std::pair<uint64_t, const v1::Signature*>,
                      std::optional<Work>>
      results_;
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_OPS_OP_WORK_H_
