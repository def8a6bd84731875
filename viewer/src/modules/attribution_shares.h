#ifndef TORCHTAPE_VIEWER_SRC_MODULES_ATTRIBUTION_SHARES_H_
#define TORCHTAPE_VIEWER_SRC_MODULES_ATTRIBUTION_SHARES_H_

// How much of the time of ops each source told the module of.

#include <array>
#include <cstdint>

#include "modules/unit.h"

namespace torchtape::viewer {

class AttributionShares : public UnitVisitor {
 public:
  void OnUnits(absl::Span<const Unit> units) override {
    for (const Unit& unit : units) {
      by_source_[static_cast<size_t>(unit.owner.source)] += unit.duration_ns;
      all_ns_ += unit.duration_ns;
    }
  }

  uint64_t ns(ModuleSource source) const {
    return by_source_[static_cast<size_t>(source)];
  }

  // Of outermost ops and backward nodes.
  uint64_t all_ns() const { return all_ns_; }

 private:
  std::array<uint64_t, kModuleSources.size()> by_source_ = {};
  uint64_t all_ns_ = 0;
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_MODULES_ATTRIBUTION_SHARES_H_
