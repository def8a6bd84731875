#include <filesystem>

#include "absl/strings/str_cat.h"
#include "output/text_escape.h"
#include "summary/summary_parts.h"

namespace torchtape::viewer {

Json ModulePath(const SummaryFacts& facts, int module) {
  if (module == kNoModule) return nullptr;
  return ToUtf8(facts.attribution.tree().modules()[module].path);
}

std::string ModulePathText(const SummaryFacts& facts, int module,
                           absl::string_view none) {
  if (module == kNoModule) return std::string(none);
  return EscapeText(facts.attribution.tree().modules()[module].path);
}

std::string LineText(const SourceFrame& frame) {
  if (frame.file.empty()) return "(not known)";
  return EscapeText(absl::StrCat(
      std::filesystem::path(frame.file).filename().string(), ":", frame.line));
}

}  // namespace torchtape::viewer
