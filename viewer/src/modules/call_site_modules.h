#ifndef TORCHTAPE_VIEWER_SRC_MODULES_CALL_SITE_MODULES_H_
#define TORCHTAPE_VIEWER_SRC_MODULES_CALL_SITE_MODULES_H_

// Tells the module of an op from the function that called it:
// `NetImpl::forward` works for the module of type NetImpl. Where there are
// several of the type, it is the one that the ops before and after on the
// thread work in; where these differ, the calls of other instances tell whether
// this line comes first or last in the function. What stays ambiguous is not
// told, and without debug information nothing is: an inlined function would be
// taken for its caller's.

#include <functional>
#include <vector>

#include "modules/unit.h"
#include "source/symbolizer.h"

namespace torchtape::viewer {

class CallSiteModules {
 public:
  // Tells what is known of a call site; what it returns must outlive this.
  using Lookup = std::function<const Site&(const CallSite&)>;

  explicit CallSiteModules(Lookup lookup) : lookup_(std::move(lookup)) {}
  // `symbolizer` must outlive this.
  explicit CallSiteModules(Symbolizer* symbolizer)
      : lookup_([symbolizer](const CallSite& call_site) -> const Site& {
          return symbolizer->Find(call_site);
        }) {}

  // Gives an owner to those units of the forward pass that have none yet and
  // are of `first` or later.
  void Tell(const ModuleTree& tree, size_t first, std::vector<Unit>* units);

 private:
  // The modules that a call site may work for.
  struct Candidates {
    bool known = false;
    const std::vector<int>* modules = nullptr;  // null: none
    // Whether it was seen as the first or last that a module does.
    bool first = false, last = false;
  };
  struct Neighbours {
    int before = kNoModule, after = kNoModule;
  };

  Candidates& Of(const ModuleTree& tree, const CallSite& call_site);
  void FindNeighbours(const std::vector<Unit>& units);
  void Learn(const ModuleTree& tree, const std::vector<Unit>& units);
  int Choose(const ModuleTree& tree, const Candidates& candidates,
             const Neighbours& neighbours) const;

  const Lookup lookup_;
  uint64_t revision_ = 0;               // of the tree that sites_ is about
  std::vector<Candidates> sites_;       // by the call site's id
  std::vector<Neighbours> neighbours_;  // by unit
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_MODULES_CALL_SITE_MODULES_H_
