#include <cmath>

#include "output/text_escape.h"
#include "source/source_json.h"
#include "summary/device_json.h"
#include "summary/kernel_json.h"
#include "summary/summary.h"
#include "summary/summary_parts.h"
#include "summary/work_json.h"

namespace torchtape::viewer {
namespace {

template <typename T>
Json Known(const std::optional<T>& number) {
  return number ? Json(*number) : Json(nullptr);
}

Json Measured(bool measured, uint64_t number) {
  return measured ? Json(number) : Json(nullptr);
}

// JSON has no word for what is not finite.
Json Finite(double number) {
  return std::isfinite(number) ? Json(number) : Json(nullptr);
}

Json RunPart(const SummaryFacts& facts) {
  Json json = RunJson(facts.run);
  json["log"] = ToUtf8(facts.log.name);
  json["size_bytes"] = facts.log.source->size();
  json["finished"] = facts.report.index.has_value();
  json["damaged"] = !facts.report.damage.empty();
  json["threads"] = facts.counts.threads.size();
  json["events"] = facts.counts.events();
  json["dropped_events"] = facts.counts.dropped_events;
  json["writer_cpu_ns"] =
      facts.report.index &&
              !facts.report.index->statistics().has_recovered_events()
          ? Json(facts.report.index->statistics().writer_cpu_ns())
          : Json(nullptr);
  return json;
}

Json StepsPart(const SummaryFacts& facts) {
  Json json = Json::array();
  for (const Step& step : facts.steps) {
    json.push_back(
        {{"number", step.number},
         {"start_ns", step.start_ns},
         {"duration_ns", Known(step.duration_ns)},
         {"recorded", step.recorded},
         {"ops", Measured(step.recorded, step.ops)},
         {"forward_ns", Measured(step.recorded, step.forward_ns)},
         {"backward_ns", Measured(step.recorded, step.backward_ns)},
         {"work", step.recorded ? WorkJson(facts.work.OfStep(step.number))
                                : Json(nullptr)},
         {"device_ns", Known(facts.devices.StepNs(step.number))}});
  }
  return json;
}

Json SpanJson(const SpanTotal& total) {
  return {{"name", ToUtf8(total.name)},
          {"count", total.count},
          {"untimed_count", total.untimed_count},
          {"threw_count", total.threw_count},
          {"total_ns", total.total_ns},
          {"self_ns", total.self_ns}};
}

Json SpansPart(const std::vector<SpanTotal>& totals) {
  Json json = Json::array();
  for (const SpanTotal& total : totals) json.push_back(SpanJson(total));
  return json;
}

Json OpsPart(const SummaryFacts& facts) {
  Json json = Json::array();
  for (const SpanTotal& total : facts.ops) {
    Json entry = SpanJson(total);
    entry["forward_count"] = total.forward_count;
    entry["backward_count"] = total.backward_count;
    entry["forward_self_ns"] = total.forward_self_ns;
    entry["backward_self_ns"] = total.backward_self_ns;
    entry["work"] = WorkJson(facts.work.OfName(total.name));
    json.push_back(std::move(entry));
  }
  return json;
}

Json Text(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(ToUtf8(text));
}

Json WaitsPart(const SummaryFacts& facts) {
  Json json = Json::array();
  for (const WaitTotal& wait : facts.waits) {
    Json entry = FrameJson(wait.frame);
    entry["module"] = ModulePath(facts, wait.module);
    entry["op"] = Text(wait.op);
    entry["call"] = Text(wait.call);
    entry["cause"] = Text(wait.cause);
    entry["count"] = wait.count;
    entry["wait_ns"] = wait.wait_ns;
    entry["copied_bytes"] =
        wait.cause.empty() ? Json(nullptr) : Json(wait.copied_bytes);
    json.push_back(std::move(entry));
  }
  return json;
}

Json MemoryPart(const SummaryFacts& facts) {
  if (!facts.peak) return nullptr;
  const MemoryPeak& peak = *facts.peak;
  Json json = {{"peak_bytes", peak.bytes},
               {"peak_step", peak.step},
               {"peak_time_ns", peak.time_ns},
               {"peak_step_start_ns", peak.step_start_ns},
               {"alloc_count", facts.memory.alloc_count()},
               {"free_count", facts.memory.free_count()},
               {"allocated_bytes", facts.memory.allocated_bytes()},
               {"ran_out", facts.memory.ran_out()},
               {"saved_bytes", Known(facts.memory.saved().all())}};
  json["roles"] = nullptr;
  if (facts.memory.saved().all()) {
    json["roles"] = Json::object();
    for (size_t i = 0; i < kMemoryRoles; ++i) {
      const auto role = static_cast<MemoryRole>(i);
      json["roles"][MemoryRoleName(role)] = peak.roles[i];
    }
  }
  json["holders"] = Json::array();
  for (const Holder& holder : peak.holders) {
    json["holders"].push_back({{"maker", Text(holder.maker)},
                               {"range", Text(holder.range)},
                               {"module", ModulePath(facts, holder.module)},
                               {"bytes", holder.bytes},
                               {"allocations", holder.allocations}});
  }
  json["devices"] = Json::array();
  for (const DeviceMemoryTotal& total : facts.device_memory.totals()) {
    json["devices"].push_back(
        {{"name", total.name},
         {"alloc_count", total.alloc_count},
         {"free_count", total.free_count},
         {"allocated_bytes", total.allocated_bytes},
         {"peak_bytes", Known(total.peak_bytes)},
         {"allocator_peak_bytes", Known(total.allocator_peak_bytes)},
         {"allocator_reserved_peak_bytes",
          Known(total.allocator_reserved_peak_bytes)}});
  }
  return json;
}

Json ModulesPart(const SummaryFacts& facts) {
  Json json = Json::array();
  const std::vector<Module>& modules = facts.attribution.tree().modules();
  const std::vector<DirectedWork> work = facts.work.WithinModules();
  const std::vector<DirectedWork> self_work = facts.work.OfModules();
  const std::vector<DeviceModuleTime> devices = facts.DeviceModules();
  for (const ModuleTotal& total : facts.modules.totals()) {
    const auto i = static_cast<size_t>(total.index);
    const Module& module = modules[i];
    const DeviceModuleTime& device = devices[i];
    json.push_back(
        {{"path", ToUtf8(module.path)},
         {"type", ToUtf8(module.type)},
         {"training", module.training},
         {"parameters", module.parameters},
         {"own_parameters", module.own_parameters},
         {"bytes", module.bytes},
         {"calls", Known(total.calls)},
         {"forward_ns", Known(total.forward_ns)},
         {"backward_ns", Known(total.backward_ns)},
         {"parent", ModulePath(facts, module.parent)},
         {"ops_forward_ns", total.ops.forward_ns},
         {"ops_backward_ns", total.ops.backward_ns},
         {"self_forward_ns", total.self_ops.forward_ns},
         {"self_backward_ns", total.self_ops.backward_ns},
         {"peak_bytes", Known(facts.memory.PeakOf(total.index))},
         {"saved_bytes", Known(facts.memory.saved().Of(total.index))},
         {"work", WorkJson(work[i])},
         {"self_work", WorkJson(self_work[i])},

         {"device_forward_ns", Known(device.forward_ns)},
         {"device_backward_ns", Known(device.backward_ns)}});
  }
  return json;
}

Json ValuesPart(const std::vector<ValueTotal>& values) {
  Json json = Json::array();
  for (const ValueTotal& total : values) {
    json.push_back({{"name", ToUtf8(total.name)},
                    {"count", total.count},
                    {"first", Finite(total.first)},
                    {"last", Finite(total.last)},
                    {"least", Finite(total.least)},
                    {"greatest", Finite(total.greatest)},
                    {"first_step", total.first_step},
                    {"last_step", total.last_step}});
  }
  return json;
}

Json SourcePart(const SourceTotal& total) {
  Json json = FrameJson(total.frame);
  json["calls"] = total.sum.count;
  json["untimed_count"] = total.sum.untimed_count;
  json["threw_count"] = total.sum.threw_count;
  json["total_ns"] = total.sum.total_ns;
  json["self_ns"] = total.sum.self_ns;
  json["forward_self_ns"] = total.sum.forward_self_ns;
  json["backward_self_ns"] = total.sum.backward_self_ns;
  for (const auto& [key, ops] : {std::make_pair("ops", &total.ops),
                                 std::make_pair("backward", &total.backward)}) {
    json[key] = Json::array();
    for (const SpanTotal& op : *ops) {
      json[key].push_back({{"name", ToUtf8(op.name)},
                           {"count", op.count},
                           {"total_ns", op.total_ns}});
    }
  }
  return json;
}

}  // namespace

Json SummaryJson(const SummaryFacts& facts) {
  Json json;
  json["run"] = RunPart(facts);
  json["steps"] = StepsPart(facts);
  json["memory"] = MemoryPart(facts);
  json["values"] = ValuesPart(facts.values);
  json["modules"] = ModulesPart(facts);
  json["optimizer"] = {{"ops", facts.modules.optimizer().count()},
                       {"time_ns", facts.modules.optimizer().ns()},
                       {"work", WorkJson(facts.work.optimizer())},
                       {"device_ns", Known(facts.devices.optimizer_ns())},
                       {"groups", Json::array()}};
  for (const OptimizerGroup& group : facts.groups) {
    json["optimizer"]["groups"].push_back({{"name", ToUtf8(group.name)},
                                           {"type", ToUtf8(group.type)},
                                           {"parameters", group.parameters},
                                           {"ops", group.count},
                                           {"time_ns", group.time_ns}});
  }
  json["device_time"] = DeviceTimeJson(facts.run, facts.counts, facts.devices);
  json["kernels"] = KernelsJson(facts);
  json["unattributed"] = {
      {"forward_ns", facts.modules.unattributed().forward_ns},
      {"backward_ns", facts.modules.unattributed().backward_ns},
      {"work", WorkJson(facts.work.unattributed())}};
  json["ops"] = OpsPart(facts);
  json["backward"] = SpansPart(facts.backward);
  json["ranges"] = SpansPart(facts.ranges);
  json["scripts"] = SpansPart(facts.scripts);
  json["device_calls"] = SpansPart(facts.device_calls);
  json["work"] = WorkJson(facts.work.all());
  if (facts.options.by == "waits") json["waits"] = WaitsPart(facts);
  if (facts.options.by == "oom") json["out_of_memory"] = MomentJson(facts);
  if (facts.options.by == "path") json["critical_path"] = PathJson(facts);
  json["released"] = facts.report.released.any()
                         ? ReleasedJson(facts.report.released)
                         : Json(nullptr);
  if (facts.options.by != "source") return json;
  json["sources"] = Json::array();
  for (const SourceTotal& total : facts.sources) {
    json["sources"].push_back(SourcePart(total));
  }
  json["no_source"] = SourcePart(facts.no_source);
  return json;
}

}  // namespace torchtape::viewer
