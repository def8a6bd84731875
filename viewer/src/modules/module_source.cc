#include "modules/module_source.h"

namespace torchtape::viewer {

const char* ModuleSourceName(ModuleSource source) {
  switch (source) {
    case ModuleSource::kScope:
      return "scope";
    case ModuleSource::kTap:
      return "tap";
    case ModuleSource::kParameter:
      return "parameter";
    case ModuleSource::kCallSite:
      return "call_site";
    case ModuleSource::kInferred:
      return "inferred";
    case ModuleSource::kNone:
      return "none";
  }
  return "none";
}

}  // namespace torchtape::viewer
