#include "summary/device_json.h"

#include <iterator>

#include "absl/strings/str_cat.h"
#include "output/text_escape.h"
#include "torchtape/format/names.h"

namespace torchtape::viewer {

std::string DeviceTimeLevelName(v1::DeviceTimeLevel level) {
  constexpr const char* kNames[] = {"off", "steps", "modules", "ops",
                                    "kernels"};
  const auto index = static_cast<size_t>(level);
  return index < std::size(kNames) ? kNames[index] : absl::StrCat(index);
}

std::string DeviceTimesName(v1::DeviceTimeLevel level) {
  return DeviceTimeLevelName(level == v1::DEVICE_TIME_LEVEL_KERNELS
                                 ? v1::DEVICE_TIME_LEVEL_STEPS
                                 : level);
}

Json DeviceLossJson(const v1::DeviceLoss& loss) {
  return {{"exhausted", loss.exhausted()},
          {"capturing", loss.capturing()},
          {"failed", loss.failed()},
          {"unresolved", loss.unresolved()}};
}

Json DeviceTimeJson(const v1::Run& run, const LogCounts& counts,
                    const DeviceTotals& totals) {
  const v1::Options& options = run.options();
  if (options.device_time() == v1::DEVICE_TIME_LEVEL_OFF) return nullptr;
  Json json = {{"level", DeviceTimeLevelName(options.device_time())},
               {"absent_because", options.no_device_time().empty()
                                      ? Json(nullptr)
                                      : Json(ToUtf8(options.no_device_time()))},
               {"times", counts.device_times},
               {"lost", DeviceLossJson(counts.device_loss)},
               {"unplaced", totals.unplaced()}};
  json["devices"] = Json::array();
  for (const DeviceTotal& device : totals.devices()) {
    Json streams = Json::array();
    for (const DeviceStreamTotal& stream : device.streams) {
      streams.push_back({{"stream", stream.stream},
                         {"times", stream.times},
                         {"busy_ns", stream.busy_ns}});
    }
    json["devices"].push_back(
        {{"name", format::DeviceName(device.device_type, device.device_index)},
         {"busy_ns", device.busy_ns},
         {"alignment_error_ns", device.error_ns},
         {"streams", std::move(streams)}});
  }
  return json;
}

}  // namespace torchtape::viewer
