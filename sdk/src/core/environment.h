#ifndef TORCHTAPE_SDK_CORE_ENVIRONMENT_H_
#define TORCHTAPE_SDK_CORE_ENVIRONMENT_H_

// What the process's environment says: TORCHTAPE_* overrides, ranks, the
// program and its host.

#include <string>

#include "absl/status/status.h"
#include "torchtape/options.h"
#include "torchtape/v1/tape.pb.h"

namespace torchtape::internal {

// Where TORCHTAPE=FILE says that this process shall be recorded; empty: it says
// nothing, or means another process. `torchtape record` sets with it
//   TORCHTAPE_PROCESS   the process that is meant, by its number
//   TORCHTAPE_CHILDREN  1: and all that it starts, each with a log of its own
std::string AutomaticPath();

// Applies the TORCHTAPE_* variables. Fails with InvalidArgument, naming the
// variable, or the option that is out of range.
absl::Status ApplyEnvironment(TrackerOptions* options);

// Fills in host, program, pid, ranks, and the command line if asked for.
void ReadProcessFacts(const TrackerOptions& options, v1::Run* run);

// Replaces "{rank}" and "{pid}". Without a rank "{rank}" becomes "0".
std::string ExpandPath(std::string path, const v1::Run& run);

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_CORE_ENVIRONMENT_H_
