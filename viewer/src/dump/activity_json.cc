#include "dump/activity_json.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "dump/dump.h"
#include "output/text_escape.h"
#include "source/function_name.h"

namespace torchtape::viewer {
namespace {

Json LaunchJson(const LaunchPlace* launch) {
  if (launch == nullptr) return nullptr;
  return {{"thread", launch->thread},
          {"span", launch->span ? Json(*launch->span) : Json(nullptr)},
          {"time_ns", launch->time_ns},
          {"op", launch->op == nullptr ? Json(nullptr)
                                       : Json(ToUtf8(launch->op->name))}};
}

}  // namespace

Json ActivityJson(const format::DeviceActivity& activity,
                  const LaunchPlace* launch) {
  const std::string name(activity.name);
  const bool moves = activity.kind != v1::ACTIVITY_KIND_KERNEL;
  return {{"kind", ActivityKindName(activity.kind)},
          {"name", ToUtf8(FunctionName(name))},
          {"linkage_name", ToUtf8(name)},
          {"device", absl::StrCat("cuda:", activity.device)},
          {"context", activity.context},
          {"stream", activity.stream},
          {"duration_ns", activity.duration_ns},
          {"bytes", moves ? Json(activity.bytes) : Json(nullptr)},
          {"alignment_error_ns", activity.error_ns},
          {"launch", LaunchJson(launch)}};
}

}  // namespace torchtape::viewer
