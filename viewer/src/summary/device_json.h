#ifndef TORCHTAPE_VIEWER_SRC_SUMMARY_DEVICE_JSON_H_
#define TORCHTAPE_VIEWER_SRC_SUMMARY_DEVICE_JSON_H_

// Device times in words and as JSON; README.md ("Device times") describes it.

#include "replay/log_counts.h"
#include "replay/log_state.h"
#include "totals/device_totals.h"

namespace torchtape::viewer {

// "off", "steps", "modules", "ops", "kernels"; a number that is not known as it
// is.
std::string DeviceTimeLevelName(v1::DeviceTimeLevel level);

// Of what device times are: with kernels they are of steps.
std::string DeviceTimesName(v1::DeviceTimeLevel level);

Json DeviceLossJson(const v1::DeviceLoss& loss);

// Null if no device times were asked for.
Json DeviceTimeJson(const v1::Run& run, const LogCounts& counts,
                    const DeviceTotals& totals);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_SUMMARY_DEVICE_JSON_H_
