#ifndef TORCHTAPE_VIEWER_SRC_MODULES_MODULE_SOURCE_H_
#define TORCHTAPE_VIEWER_SRC_MODULES_MODULE_SOURCE_H_

// Whose work an op does, and who told.

#include <array>

#include "modules/module_tree.h"

namespace torchtape::viewer {

// The sources of truth, the best first. README.md ("Modules") describes them.
enum class ModuleSource {
  kScope,      // a module call that the program told of
  kTap,        // a module call that a tap saw
  kParameter,  // the parameters and buffers that the op reads
  kCallSite,   // the function that called the op
  kInferred,   // the modules that make what it reads and read what it makes
  kNone,       // nobody
};

inline constexpr std::array<ModuleSource, 6> kModuleSources = {
    ModuleSource::kScope,    ModuleSource::kTap,      ModuleSource::kParameter,
    ModuleSource::kCallSite, ModuleSource::kInferred, ModuleSource::kNone};

// "scope", "tap", "parameter", "call_site", "inferred", "none".
const char* ModuleSourceName(ModuleSource source);

// Of an op or backward node. An optimizer's op has a source but no module.
struct Owner {
  int module = kNoModule;
  ModuleSource source = ModuleSource::kNone;
  bool optimizer = false;

  bool known() const { return source != ModuleSource::kNone; }
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_MODULES_MODULE_SOURCE_H_
