#ifndef TORCHTAPE_VIEWER_SRC_REPLAY_OPERATOR_TABLE_H_
#define TORCHTAPE_VIEWER_SRC_REPLAY_OPERATOR_TABLE_H_

// Gives operators one identity for the whole log. In the log each chunk counts
// its own.

#include <deque>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "replay/visitor.h"

namespace torchtape::viewer {

class OperatorTable {
 public:
  // Starts a chunk.
  void Load(const v1::Dictionary& dictionary);

  // The operator of a 1-based signature; one named "(unknown)" if there is none
  // such. The pointer stays valid.
  const Operator* Of(uint32_t signature) {
    const Operator* op =
        signature < of_signature_.size() ? of_signature_[signature] : nullptr;
    return op != nullptr ? op : Unknown();
  }

  // All operators so far. Moves them out; addresses stay valid.
  std::deque<Operator> Take() { return std::move(operators_); }

 private:
  const Operator* Unknown();
  const Operator* Intern(const v1::Operator& op);

  std::vector<const Operator*> of_signature_;  // of the chunk; null: unknown
  std::deque<Operator> operators_;
  absl::flat_hash_map<std::string, const Operator*> by_content_;
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_REPLAY_OPERATOR_TABLE_H_
