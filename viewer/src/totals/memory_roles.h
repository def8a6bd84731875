#ifndef TORCHTAPE_VIEWER_SRC_TOTALS_MEMORY_ROLES_H_
#define TORCHTAPE_VIEWER_SRC_TOTALS_MEMORY_ROLES_H_

// Finds what storages are for, as training goes. A storage has the highest of
// the roles that it ever had.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "replay/visitor.h"

namespace torchtape::viewer {

// In rising order.
enum class MemoryRole : uint8_t {
  kTemporary,       // none of the others
  kSaved,           // autograd kept it for the backward pass
  kOptimizerState,  // made by an optimizer's step, and outlived it
  kGradient,        // what a parameter's gradient was summed up in or from
  kParameter,       // of an attached model, or a buffer of one
};
inline constexpr size_t kMemoryRoles = 5;

// "temporary", "saved", "optimizer_state", "gradient", "parameter".
const char* MemoryRoleName(MemoryRole role);

// Tells of each storage that is more than temporary, once it is known. Does not
// know parameters: ModuleTree::OwnerOf() does.
class MemoryRoles : public Visitor {
 public:
  using Sink = std::function<void(uint64_t storage, MemoryRole role)>;

  // The visitors that `sink` tells must be called before this one.
  explicit MemoryRoles(Sink sink) : sink_(std::move(sink)) {}

  void OnBegin(const SpanBegin& begin) override;
  void OnEnd(const SpanEnd& end) override;
  void OnAllocate(const Allocation& allocation) override;
  void OnFree(const Allocation& free) override;
  void OnSave(const SavedTensor& saved) override;

 private:
  const Sink sink_;
  // Made in an optimizer's step that is not over, by storage: its thread.
  absl::flat_hash_map<uint64_t, uint32_t> in_optimizer_;
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_TOTALS_MEMORY_ROLES_H_
