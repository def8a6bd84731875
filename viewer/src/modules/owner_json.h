#ifndef TORCHTAPE_VIEWER_SRC_MODULES_OWNER_JSON_H_
#define TORCHTAPE_VIEWER_SRC_MODULES_OWNER_JSON_H_

// Owners in words and in JSON. README.md ("Modules") describes both.

#include <cstdint>
#include <string>

#include "modules/module_source.h"
#include "nlohmann/json.hpp"

namespace torchtape::viewer {

using Json = nlohmann::ordered_json;

// "net.relu#2": the path of a module and which of its calls in the step it is,
// unless the first or not known (0).
std::string CallText(const ModuleTree& tree, int module, uint32_t call);

// " in net.relu#2 by tap", " in the optimizer by parameter"; empty if nobody
// told.
std::string OwnerText(const ModuleTree& tree, const Owner& owner,
                      uint32_t call);

// Adds `module`, `module_call`, `module_source` and `optimizer`.
void AddOwner(const ModuleTree& tree, const Owner& owner, uint32_t call,
              Json* json);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_MODULES_OWNER_JSON_H_
