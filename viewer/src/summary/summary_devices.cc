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

}  // namespace

void PrintDeviceMemory(const SummaryFacts& facts, std::ostream& out) {
  const std::vector<DeviceMemoryTotal> totals = facts.device_memory.totals();
  const bool only_cpu =
      totals.empty() || (totals.size() == 1 && totals[0].name == "cpu");
  if (only_cpu) return;
  for (const DeviceMemoryTotal& total : totals) {
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
  if (options.device_time() == v1::DEVICE_TIME_LEVEL_OFF) return;
  std::vector<std::string> lines;
  for (const DeviceTotal& device : facts.devices.devices()) {
    lines.push_back(DeviceText(device));
  }
  if (const std::string steps = StepTimes(facts); !steps.empty()) {
    lines.push_back(steps);
  }
  if (!options.no_device_time().empty()) {
    lines.push_back(absl::StrCat("no device times: ",
                                 EscapeText(options.no_device_time())));
  }
  if (const uint64_t lost = facts.counts.lost_device_times(); lost != 0) {
    lines.push_back(absl::StrCat(Plural(lost, "device time"),
                                 " lost (see torchtape info)"));
  }
  if (lines.empty()) lines.push_back("not used");
  for (size_t i = 0; i < lines.size(); ++i) {
    out << (i == 0 ? "device    " : "          ") << lines[i] << '\n';
  }
}

}  // namespace torchtape::viewer
