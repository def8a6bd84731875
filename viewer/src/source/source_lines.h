#ifndef TORCHTAPE_VIEWER_SRC_SOURCE_SOURCE_LINES_H_
#define TORCHTAPE_VIEWER_SRC_SOURCE_SOURCE_LINES_H_

// Tells which line of the user's program each span works for.
//
// It is the line that called it. Where that is in LibTorch, it is the line of
// the nearest span around it that has one. A backward node that the user did
// not call has the line of the op that made it.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "modules/forward_ops.h"
#include "replay/visitor.h"
#include "source/symbolizer.h"

namespace torchtape::viewer {

struct UserLine {
  const SourceFrame* frame = nullptr;  // null: not known
  bool of_forward = false;             // of the op that made the backward node
};

// The rule. `own` is the user's part of the span's own call site, or null.
UserLine LineOf(const Frame& span, const SourceFrame* own,
                const UserLine& around, const UserLine& forward);

class SourceLines : public Visitor {
 public:
  // Tells what is known of a call site; what it returns must outlive this.
  using Lookup = std::function<const Site&(const CallSite&)>;

  explicit SourceLines(Lookup lookup) : lookup_(std::move(lookup)) {}
  // `symbolizer` must outlive this.
  explicit SourceLines(Symbolizer* symbolizer)
      : lookup_([symbolizer](const CallSite& call_site) -> const Site& {
          return symbolizer->Find(call_site);
        }) {}

  void OnStep(const StepStart&) override { forward_ops_.Age(); }
  void OnBegin(const SpanBegin& begin) override;
  void OnEnd(const SpanEnd& end) override;

  // The line of the innermost open span of a thread. For visitors that are
  // called after this one, in OnBegin().
  UserLine Current(uint32_t thread) const;

  // What is known of a call site that a span of the log has.
  const Site& SiteOf(const CallSite& call_site) const {
    return *sites_[call_site.id].site;
  }

  // Of such a call site and its callers the first that has a line of the
  // user's; the call site itself if none has.
  const CallSite& UsersSite(const CallSite& call_site) const;

  // Why the lines of some objects of the user's are not known, in a line for
  // each.
  std::vector<std::string> Notes() const;

 private:
  struct KnownSite {
    const Site* site = nullptr;  // null: was not looked for yet
    const SourceFrame* user = nullptr;
  };

  const SourceFrame* UserFrameOf(const CallSite& call_site);
  void NoteProblem(const CallSite& call_site, const Site& site);

  const Lookup lookup_;
  std::vector<KnownSite> sites_;                               // by id
  absl::flat_hash_map<uint32_t, std::vector<UserLine>> open_;  // by thread
  ForwardOps<UserLine> forward_ops_;
  std::map<std::string, std::string> problems_;  // by the object's path
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_SOURCE_SOURCE_LINES_H_
