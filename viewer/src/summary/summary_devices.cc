#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "output/text_escape.h"
#include "summary/device_json.h"
#include "summary/summary.h"
#include "summary/summary_parts.h"
#include "torchtape/format/names.h"

namespace torchtape::viewer {
namespace {

// Of the steps that have one.
std::string StepTimes(const SummaryFacts& facts) {
  std::vector<uint64_t> times;
  for (const Step& step : facts.steps) {
    if (const auto ns = facts.devices.StepNs(step.number)) times.push_back(*ns);
  }
  if (times.empty()) return "";
  return absl::StrCat("step median ", Time(Quantile(times, 0.5)), "   max ",
                      Time(Quantile(times, 1)));
}

std::string DeviceText(const DeviceTotal& device) {
  std::string text =
      absl::StrCat(format::DeviceName(device.device_type, device.device_index),
                   " busy ", Time(device.busy_ns));
  if (device.streams.size() > 1) {
    for (const DeviceStreamTotal& stream : device.streams) {
      absl::StrAppend(&text, "   stream ", stream.stream, " ",
                      Time(stream.busy_ns));
    }
  }
  return absl::StrCat(text, "   placed within ", Time(device.error_ns));
}

// Any but the CPU, as far as memory tells of it.
bool UsesDevices(const SummaryFacts& facts) {
  const std::vector<DeviceMemoryTotal> totals = facts.device_memory.totals();
  return std::any_of(
      totals.begin(), totals.end(),
      [](const DeviceMemoryTotal& total) { return total.name != "cpu"; });
}

// What was asked for, and what of it is not there.
std::string LevelText(const SummaryFacts& facts) {
  const v1::Options& options = facts.run.options();
  std::string text = absl::StrCat(
      options.no_device_time().empty() ? "times of " : "asked for: times of ",
      DeviceTimesName(options.device_time()));
  if (const uint64_t lost = facts.counts.lost_device_times(); lost != 0) {
    absl::StrAppend(&text, "; ", Plural(lost, "device time"),
                    " lost (see torchtape info)");
  }
  if (const uint64_t unplaced = facts.devices.unplaced(); unplaced != 0) {
    absl::StrAppend(&text, "; ", CountText(unplaced),
                    " of spans that are not known");
  }
  return text;
}

}  // namespace

void PrintDeviceMemory(const SummaryFacts& facts, std::ostream& out) {
  if (!UsesDevices(facts)) return;
  for (const DeviceMemoryTotal& total : facts.device_memory.totals()) {
    out << "          " << total.name << " peak "
        << (total.peak_bytes ? Bytes(*total.peak_bytes) : "-") << "   "
        << Plural(total.alloc_count, "allocation") << " of "
        << Bytes(total.allocated_bytes);
    if (total.allocator_reserved_peak_bytes) {
      out << "   its allocator gave out " << Bytes(*total.allocator_peak_bytes)
          << ", held " << Bytes(*total.allocator_reserved_peak_bytes);
    }
    out << '\n';
  }
}

void PrintDevices(const SummaryFacts& facts, std::ostream& out) {
  const v1::Options& options = facts.run.options();
  std::vector<std::string> lines;
  if (options.device_time() == v1::DEVICE_TIME_LEVEL_OFF) {
    if (!UsesDevices(facts)) return;
    lines.push_back("times were not recorded (device_time=off)");
  } else {
    for (const DeviceTotal& device : facts.devices.devices()) {
      lines.push_back(DeviceText(device));
    }
    if (const std::string steps = StepTimes(facts); !steps.empty()) {
      lines.push_back(steps);
    }
    if (!options.no_device_time().empty()) {
      lines.push_back(absl::StrCat("no device times: ",
                                   EscapeText(options.no_device_time())));
    } else if (lines.empty() && facts.counts.activities == 0) {
      lines.push_back("not used");
    }
    lines.push_back(LevelText(facts));
  }
  for (size_t i = 0; i < lines.size(); ++i) {
    out << (i == 0 ? "device    " : "          ") << lines[i] << '\n';
  }
}

}  // namespace torchtape::viewer
