#include "modules/owner_json.h"

#include "absl/strings/str_cat.h"
#include "output/text_escape.h"

namespace torchtape::viewer {

std::string CallText(const ModuleTree& tree, int module, uint32_t call) {
  std::string text = EscapeText(tree.modules()[module].path);
  if (call > 1) absl::StrAppend(&text, "#", call);
  return text;
}

std::string OwnerText(const ModuleTree& tree, const Owner& owner,
                      uint32_t call) {
  if (!owner.known()) return "";
  return absl::StrCat(
      " in ",
      owner.optimizer ? "the optimizer" : CallText(tree, owner.module, call),
      " by ", ModuleSourceName(owner.source));
}

void AddOwner(const ModuleTree& tree, const Owner& owner, uint32_t call,
              Json* json) {
  const bool known = owner.module != kNoModule;
  (*json)["module"] =
      known ? Json(ToUtf8(tree.modules()[owner.module].path)) : Json(nullptr);
  (*json)["module_call"] = known && call != 0 ? Json(call) : Json(nullptr);
  (*json)["module_source"] = ModuleSourceName(owner.source);
  (*json)["optimizer"] = owner.optimizer;
}

}  // namespace torchtape::viewer
