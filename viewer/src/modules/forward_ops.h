#ifndef TORCHTAPE_VIEWER_SRC_MODULES_FORWARD_OPS_H_
#define TORCHTAPE_VIEWER_SRC_MODULES_FORWARD_OPS_H_

// Remembers something of each forward op for the backward node that it made.

#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "replay/visitor.h"

namespace torchtape::viewer {

template <typename Value>
class ForwardOps {
 public:
  // Ops that share a number follow each other, and the last of them made the
  // node: the others did not need a gradient.
  void Remember(const SpanBegin& begin, const Value& value) {
    const uint64_t torch_id = begin.thread.facts.torch_id();
    if (!begin.frame.sequence || begin.frame.backward || torch_id == 0) return;
    if (recent_.size() >= kMaxRemembered) Age();
    recent_[Key(torch_id, *begin.frame.sequence)] = value;
  }

  // What was remembered of the op that made a backward node, else `missing`.
  Value Find(const Frame& node, const Value& missing) const {
    if (!node.sequence || node.forward_thread == 0) return missing;
    const Key key(node.forward_thread, *node.sequence);
    for (const auto* known : {&recent_, &older_}) {
      const auto it = known->find(key);
      if (it != known->end()) return it->second;
    }
    return missing;
  }

  // To be called at each step. Forgets what is older than the last one: memory
  // must not follow the log.
  void Age() {
    older_ = std::move(recent_);
    recent_.clear();
  }

 private:
  // Within one step; a run without steps has more.
  static constexpr size_t kMaxRemembered = size_t{1} << 20;

  // A forward thread and a sequence number.
  using Key = std::pair<uint64_t, int64_t>;

  absl::flat_hash_map<Key, Value> recent_, older_;
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_MODULES_FORWARD_OPS_H_
