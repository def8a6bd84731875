// Starts what the environment asks for before main(), in each program that is
// linked with the SDK, whether it uses it or not: the linker is told to take
// this in (sdk/CMakeLists.txt).

#include "automatic.h"
#include "core/environment.h"

extern "C" {
// So that it has a name that the linker can be told.
extern const bool torchtape_automatic_start;
const bool torchtape_automatic_start = [] {
  if (torchtape::internal::AutomaticPath().empty()) return false;
  torchtape::internal::DismissPreloaded();
  torchtape::internal::StartAutomatic();
  return true;
}();
}
