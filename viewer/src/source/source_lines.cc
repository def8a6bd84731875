#include "source/source_lines.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "source/user_frame.h"

namespace torchtape::viewer {
namespace {

constexpr size_t kMaxProblems = 8;

// Nobody expects the system's libraries to have lines.
bool IsSystems(const CodeObject& object) {
  return absl::StartsWith(object.path, "/lib/") ||
         absl::StartsWith(object.path, "/lib64/") ||
         absl::StartsWith(object.path, "/usr/lib/");
}

}  // namespace

UserLine LineOf(const Frame& span, const SourceFrame* own,
                const UserLine& around, const UserLine& forward) {
  if (own != nullptr) return {own, false};
  if (span.op->kind == v1::SPAN_KIND_BACKWARD && forward.frame != nullptr) {
    return {forward.frame, true};
  }
  return around;
}

void SourceLines::NoteProblem(const CallSite& call_site, const Site& site) {
  const CodeObject* object = call_site.object;
  if (site.problem.empty() || object == nullptr || IsLibTorch(*object) ||
      IsSystems(*object) || problems_.size() >= kMaxProblems) {
    return;
  }
  problems_.try_emplace(object->path, site.problem);
}

const SourceFrame* SourceLines::UserFrameOf(const CallSite& call_site) {
  for (const CallSite* at = &call_site; at != nullptr; at = at->caller) {
    if (at->id >= sites_.size()) sites_.resize(at->id + 1);
    KnownSite& known = sites_[at->id];
    if (known.site == nullptr) {
      known.site = &lookup_(*at);
      known.user = UserFrame(*at, *known.site);
      NoteProblem(*at, *known.site);
    }
    if (known.user != nullptr) return known.user;
  }
  return nullptr;
}

const CallSite& SourceLines::UsersSite(const CallSite& call_site) const {
  for (const CallSite* at = &call_site; at != nullptr; at = at->caller) {
    if (sites_[at->id].user != nullptr) return *at;
  }
  return call_site;
}

void SourceLines::OnBegin(const SpanBegin& begin) {
  const Frame& frame = begin.frame;
  std::vector<UserLine>& open = open_[begin.thread.facts.number()];
  const SourceFrame* own =
      frame.call_site == nullptr ? nullptr : UserFrameOf(*frame.call_site);
  const UserLine line =
      LineOf(frame, own, open.empty() ? UserLine() : open.back(),
             forward_ops_.Find(frame, {}));
  open.push_back(line);
  if (frame.op->kind == v1::SPAN_KIND_OP) forward_ops_.Remember(begin, line);
}

void SourceLines::OnEnd(const SpanEnd& end) {
  std::vector<UserLine>& open = open_[end.thread.facts.number()];
  if (!open.empty()) open.pop_back();
}

UserLine SourceLines::Current(uint32_t thread) const {
  const auto it = open_.find(thread);
  if (it == open_.end() || it->second.empty()) return {};
  return it->second.back();
}

std::vector<std::string> SourceLines::Notes() const {
  std::vector<std::string> notes;
  for (const auto& [path, problem] : problems_) {
    notes.push_back(absl::StrCat("no source lines of ", path, ": ", problem,
                                 " (--symbols DIR looks elsewhere)"));
  }
  return notes;
}

}  // namespace torchtape::viewer
