#ifndef TORCHTAPE_VIEWER_SRC_DUMP_ACTIVITY_JSON_H_
#define TORCHTAPE_VIEWER_SRC_DUMP_ACTIVITY_JSON_H_

// What a device did, as JSON. README.md ("dump") describes it.

#include "modules/launches.h"
#include "nlohmann/json.hpp"

namespace torchtape::viewer {

using Json = nlohmann::ordered_json;

// {kind, name, linkage_name, device, context, stream, duration_ns, bytes,
// alignment_error_ns, launch}. `launch` is null if the call is not known.
Json ActivityJson(const format::DeviceActivity& activity,
                  const LaunchPlace* launch);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_DUMP_ACTIVITY_JSON_H_
