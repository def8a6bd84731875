#ifndef TORCHTAPE_VIEWER_SRC_SOURCE_CALL_SITE_TABLE_H_
#define TORCHTAPE_VIEWER_SRC_SOURCE_CALL_SITE_TABLE_H_

// Gives call sites and code objects one identity for the whole log, as
// OperatorTable does for operators.

#include <deque>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "replay/visitor.h"

namespace torchtape::viewer {

class CallSiteTable {
 public:
  // Starts a chunk.
  void Load(const v1::Dictionary& dictionary);

  // The call site of a 1-based signature; null if it is not known. The pointer
  // stays valid.
  const CallSite* Of(uint32_t signature) const {
    return signature < of_signature_.size() ? of_signature_[signature]
                                            : nullptr;
  }

  // All so far. Moves them out; addresses stay valid.
  std::deque<CallSite> TakeSites() { return std::move(sites_); }
  std::deque<CodeObject> TakeObjects() { return std::move(objects_); }

 private:
  const CodeObject* Intern(const v1::CodeObject& object);
  const CallSite* Intern(const CodeObject* object, uint64_t address,
                         const CallSite* caller);

  std::vector<const CallSite*> of_signature_;  // of the chunk
  std::deque<CallSite> sites_;
  std::deque<CodeObject> objects_;
  absl::flat_hash_map<std::tuple<const CodeObject*, uint64_t, const CallSite*>,
                      const CallSite*>
      known_sites_;
  absl::flat_hash_map<std::pair<std::string, std::string>, const CodeObject*>
      known_objects_;
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_SOURCE_CALL_SITE_TABLE_H_
