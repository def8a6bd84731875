#include "report/report_json.h"

#include "dump/dump.h"
#include "ops/op_class.h"
#include "output/text_escape.h"
#include "replay/replay.h"
#include "summary/own_cost_json.h"

namespace torchtape::viewer {
namespace {

const char* ClassName(OpClass op_class) {
  switch (op_class) {
    case OpClass::kView:
      return "view";
    case OpClass::kMemory:
      return "memory";
    case OpClass::kTensor:
      return "tensor";
    case OpClass::kProduct:
      return "product";
    case OpClass::kLayer:
      return "layer";
    case OpClass::kCustom:
      return "custom";
  }
  return "custom";
}

Json OperatorsPart(const ReplayReport& report) {
  Json json = Json::array();
  for (const Operator& op : report.operators) {
    const OpClass op_class = op.kind == v1::SPAN_KIND_BACKWARD
                                 ? ClassOfNode(op.name)
                                 : ClassOfOp(op.name);
    json.push_back({{"kind", SpanKindName(op.kind)},
                    {"name", ToUtf8(op.name)},
                    {"overload", ToUtf8(op.overload)},
                    {"class", ClassName(op_class)},
                    {"level", LevelOf(op_class)}});
  }
  return json;
}

Json ModulesPart(const ModuleTree& tree) {
  Json json = Json::array();
  for (const Module& module : tree.modules()) {
    json.push_back({{"path", ToUtf8(module.path)},
                    {"type", ToUtf8(module.type)},
                    {"parent", module.parent}});
  }
  return json;
}

Json ThreadsPart(const LogCounts& counts) {
  Json json = Json::array();
  for (const auto& [number, thread] : counts.threads) {
    json.push_back({{"number", number}, {"name", ToUtf8(thread.name())}});
  }
  return json;
}

Json DropsPart(const LogCounts& counts) {
  Json json = Json::array();
  for (const v1::Drop& drop : counts.drops) {
    json.push_back({{"start_ns", drop.start_time_ns()},
                    {"end_ns", drop.end_time_ns()},
                    {"events", drop.events()}});
  }
  return json;
}

Json AuditsPart(const LogCounts& counts) {
  Json json = Json::array();
  for (const v1::Audit& audit : counts.audits) {
    json.push_back({{"time_ns", audit.time_ns()},
                    {"tapped_ops", audit.tapped_ops()},
                    {"missed_ops", audit.missed_ops()}});
  }
  return json;
}

template <typename T>
Json Known(const std::optional<T>& number) {
  return number ? Json(*number) : Json(nullptr);
}

// Null where everything that was asked for is there.
Json KeptPart(const ReportFacts& facts) {
  Json json = {{"spans", facts.spans.count()},
               {"allocations", facts.memory.count()},
               {"spans_cut_at_ns", Known(facts.spans.cut_at_ns())},
               {"allocations_cut_at_ns", Known(facts.memory.cut_at_ns())},
               {"activities_cut_at_ns", Known(facts.devices.cut_at_ns())}};
  json["steps"] = facts.kept.all ? Json(nullptr) : Json(facts.kept.steps);
  return json;
}

Json OwnCostPart(const ReportFacts& facts) {
  if (!facts.report.index) return nullptr;
  return OwnCostJson(facts.report.index->statistics(), facts.counts);
}

}  // namespace

Json ReportJson(const ReportFacts& facts) {
  Json json = {{"format", "torchtape report 1"},
               {"summary", facts.summary},
               {"chosen", facts.chosen},
               {"kept", KeptPart(facts)},
               {"end_ns", facts.counts.end_ns}};
  json["modules"] = ModulesPart(facts.attribution.tree());
  json["operators"] = OperatorsPart(facts.report);
  json["lines"] = facts.spans.LinesJson();
  json["texts"] = facts.spans.texts();
  json["works"] = facts.spans.WorksJson();
  json["module_sources"] = Json::array();
  for (ModuleSource source : kModuleSources) {
    json["module_sources"].push_back(ModuleSourceName(source));
  }
  json["threads"] = ThreadsPart(facts.counts);
  json["own_cost"] = OwnCostPart(facts);
  json["drops"] = DropsPart(facts.counts);
  json["audits"] = AuditsPart(facts.counts);
  json["notes"] = Json::array();
  for (const std::string& note : facts.notes) {
    json["notes"].push_back(EscapeText(note));
  }
  return json;
}

}  // namespace torchtape::viewer
