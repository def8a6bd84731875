#include "output/text_escape.h"
#include "replay/log_state.h"
#include "summary/device_json.h"

namespace torchtape::viewer {
namespace {

template <typename Number>
Json IfSet(bool set, Number number) {
  return set ? Json(number) : Json(nullptr);
}

Json OptionsJson(const v1::Options& options) {
  return {{"shapes", options.shapes()},
          {"identities", options.identities()},
          {"arguments", options.arguments()},
          {"memory", options.memory()},
          {"saved_tensors", options.saved_tensors()},
          {"device_calls", options.device_calls()},
          {"backward", options.backward()},
          {"max_buffer_bytes", options.max_buffer_bytes()},
          {"schedule", ToUtf8(options.schedule())},
          {"device_time", DeviceTimeLevelName(options.device_time())}};
}

}  // namespace

Json RunJson(const v1::Run& run) {
  Json json = {{"program", ToUtf8(run.program())},
               {"tracker_version", ToUtf8(run.tracker_version())},
               {"torch_version", ToUtf8(run.torch_version())},
               {"torch_build", ToUtf8(run.torch_build())},
               {"host", ToUtf8(run.host())},
               {"pid", run.pid()},
               {"rank", IfSet(run.has_rank(), run.rank())},
               {"world_size", IfSet(run.has_world_size(), run.world_size())},
               {"local_rank", IfSet(run.has_local_rank(), run.local_rank())},
               {"start_wall_ns", run.start_wall_ns()},
               {"start_steady_ns", run.start_steady_ns()},
               {"clock", ToUtf8(run.clock())},
               {"op_source", ToUtf8(run.op_source())},
               {"options", OptionsJson(run.options())}};
  json["command_line"] = Json::array();
  for (const std::string& word : run.command_line()) {
    json["command_line"].push_back(ToUtf8(word));
  }
  json["devices"] = Json::array();
  for (const v1::Device& device : run.devices()) {
    json["devices"].push_back(
        {{"name", ToUtf8(device.name())}, {"model", ToUtf8(device.model())}});
  }
  return json;
}

}  // namespace torchtape::viewer
