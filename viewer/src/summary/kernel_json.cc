#include "summary/kernel_json.h"

#include "absl/strings/str_cat.h"
#include "dump/dump.h"
#include "output/text_escape.h"
#include "source/function_name.h"
#include "summary/summary_parts.h"

namespace torchtape::viewer {
namespace {

// Null: nothing was told of the device in the chosen steps.
Json UseJson(const DeviceIdle& idle, uint32_t device) {
  const auto found = idle.devices().find(device);
  if (found == idle.devices().end()) return nullptr;
  const DeviceUse& use = found->second;
  Json causes;
  for (size_t i = 0; i < kIdleCauses; ++i) {
    causes[absl::StrCat(IdleCauseName(static_cast<IdleCause>(i)), "_ns")] =
        use.idle_ns[i];
  }
  return {{"kernel_ns", use.kernel_ns},
          {"copy_ns", use.copy_ns},
          {"idle_ns", use.all_idle_ns()},
          {"causes", std::move(causes)},
          {"gaps", use.gaps},
          {"longest_gap_ns", use.longest_gap_ns},
          {"left_out", use.late}};
}

Json DevicesJson(const KernelTotals& totals, const DeviceIdle& idle) {
  Json json = Json::array();
  for (const ActivityDevice& device : totals.devices()) {
    Json streams = Json::array();
    for (const ActivityStream& stream : device.streams) {
      streams.push_back({{"context", stream.context},
                         {"stream", stream.stream},
                         {"count", stream.count},
                         {"busy_ns", stream.busy_ns}});
    }
    json.push_back({{"name", absl::StrCat("cuda:", device.device)},
                    {"busy_ns", device.busy_ns},
                    {"span_ns", device.span_ns},
                    {"use", UseJson(idle, device.device)},
                    {"streams", std::move(streams)}});
  }
  return json;
}

}  // namespace

bool WantsKernels(const v1::Options& options) {
  return options.device_time() == v1::DEVICE_TIME_LEVEL_KERNELS ||
         !options.no_kernels().empty();
}

Json KernelCountsJson(const v1::Run& run, const LogCounts& counts) {
  const v1::Options& options = run.options();
  if (!WantsKernels(options)) return nullptr;
  Json json;
  json["absent_because"] = options.no_kernels().empty()
                               ? Json(nullptr)
                               : Json(ToUtf8(options.no_kernels()));
  json["cupti_version"] = options.no_kernels().empty()
                              ? Json(options.cupti_version())
                              : Json(nullptr);
  json["activities"] = counts.activities;
  json["launches"] = counts.launches;
  const v1::ActivityLoss& loss = counts.activity_loss;
  json["lost"] = {{"dropped", loss.dropped()},
                  {"unfinished", loss.unfinished()},
                  {"unreadable", loss.unreadable()}};
  return json;
}

Json KernelsJson(const SummaryFacts& facts) {
  Json json = KernelCountsJson(facts.run, facts.counts);
  if (json.is_null()) return json;
  const KernelTotals& totals = facts.kernels;
  json["count"] = totals.count();
  json["total_ns"] = totals.total_ns();
  json["unlaunched_ns"] = totals.unlaunched_ns();
  json["unplaced_ns"] = totals.unplaced_ns();
  json["alignment_error_ns"] = totals.error_ns();
  json["devices"] = DevicesJson(totals, facts.idle);
  json["gaps"] = GapsJson(facts);
  json["modules"] = LaunchBoundJson(facts);
  json["kernels"] = Json::array();
  for (const KernelTotal& total : totals.kernels()) {
    json["kernels"].push_back({{"kind", ActivityKindName(total.kind)},
                               {"name", ToUtf8(FunctionName(total.name))},
                               {"linkage_name", ToUtf8(total.name)},
                               {"count", total.count},
                               {"total_ns", total.total_ns},
                               {"max_ns", total.max_ns},
                               {"bytes", total.bytes}});
  }
  json["ops"] = Json::array();
  for (const LaunchingOp& op : totals.ops()) {
    json["ops"].push_back(
        {{"name", op.name.empty() ? Json(nullptr) : Json(ToUtf8(op.name))},
         {"count", op.count},
         {"total_ns", op.total_ns}});
  }
  return json;
}

}  // namespace torchtape::viewer
