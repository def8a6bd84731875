#include "replay/released.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dump/dump.h"
#include "output/text_escape.h"
#include "output/units.h"

namespace torchtape::viewer {
namespace {

using Json = nlohmann::ordered_json;

const char* ReasonName(v1::PinReason reason) {
  switch (reason) {
    case v1::PIN_REASON_ASKED:
      return "asked";
    case v1::PIN_REASON_NOT_FINITE:
      return "not_finite";
    case v1::PIN_REASON_OUT_OF_MEMORY:
      return "out_of_memory";
    default:
      return "unknown";
  }
}

std::string ReasonText(const v1::Pin& pin) {
  const std::string text = EscapeText(pin.text());
  switch (pin.reason()) {
    case v1::PIN_REASON_ASKED:
      return absl::StrCat("the program asked for it: ", text);
    case v1::PIN_REASON_NOT_FINITE:
      return absl::StrCat(text, " is not finite");
    case v1::PIN_REASON_OUT_OF_MEMORY:
      return absl::StrCat("out of memory: ", text);
    default:
      return absl::StrCat("reason ", static_cast<int>(pin.reason()));
  }
}

Json StepsJson(const format::Summary& summary) {
  Json steps = Json::array();
  for (const format::StepSummary& step : summary.steps) {
    Json json = {{"number", step.number},
                 {"start_ns", step.start_ns},
                 {"duration_ns", step.open ? Json() : Json(step.duration_ns)},
                 {"recorded", step.recorded}};
    // What was not recorded was not counted.
    if (step.recorded) {
      json["spans"] = step.spans;
      json["ops"] = step.ops;
      json["forward_ns"] = step.forward_ns;
      json["backward_ns"] = step.backward_ns;
    }
    if (step.peak_bytes && step.recorded) {
      json["allocations"] = step.allocations;
      json["allocated_bytes"] = step.allocated_bytes;
      json["frees"] = step.frees;
      json["peak_bytes"] = *step.peak_bytes;
    }
    steps.push_back(std::move(json));
  }
  return steps;
}

}  // namespace

void Released::AddRegion(const format::Chunk& chunk) {
  chunks_ += chunk.chunks;
  bytes_ += chunk.stored_bytes;
}

void Released::AddEvents(const format::Chunk& chunk) {
  numbers_.push_back(chunk.number);
}

void Released::AddSummary(format::Summary summary) {
  summaries_.erase(std::remove_if(summaries_.begin(), summaries_.end(),
                                  [&summary](const format::Summary& before) {
                                    return summary.Contains(before);
                                  }),
                   summaries_.end());
  summaries_.push_back(std::move(summary));
}

void Released::Finish() {
  for (const format::Summary& part : summaries_) summary_.Merge(part);
  summaries_.clear();
  for (const v1::ChunkRange& range : summary_.chunks) {
    const auto first =
        std::lower_bound(numbers_.begin(), numbers_.end(), range.first());
    const auto end =
        std::upper_bound(numbers_.begin(), numbers_.end(), range.last());
    if (first < end) told_twice_ += static_cast<uint64_t>(end - first);
  }
}

uint64_t Released::events() const {
  const v1::Statistics& counts = summary_.counts;
  return counts.spans_begun() + counts.spans_ended() + counts.allocations() +
         counts.frees();
}

std::string ReleasedText(const Released& released) {
  const std::vector<format::StepSummary>& steps = released.summary().steps;
  std::string text = "no summary is there";
  if (!steps.empty()) {
    text = absl::StrCat("steps ", CountText(steps.front().number), " to ",
                        CountText(steps.back().number), " (",
                        CountText(steps.size()),
                        "): ", CountText(released.events()), " events");
  }
  absl::StrAppend(&text, ", ", BytesText(static_cast<double>(released.bytes())),
                  " given back to the disk");
  if (!steps.empty()) absl::StrAppend(&text, "; summaries are kept");
  if (released.told_twice() != 0) {
    absl::StrAppend(&text, "; ", released.told_twice(),
                    " chunks of them are still there in full");
  }
  return text;
}

std::vector<std::string> PinTexts(const Released& released) {
  std::vector<std::string> texts;
  for (const v1::Pin& pin : released.summary().pins) {
    texts.push_back(absl::StrCat("in full up to step ", CountText(pin.step()),
                                 ": ", ReasonText(pin)));
  }
  if (released.summary().left_out_pins != 0) {
    texts.push_back(absl::StrCat(released.summary().left_out_pins,
                                 " more reasons kept nothing in full"));
  }
  return texts;
}

Json ReleasedCountsJson(const Released& released) {
  const format::Summary& summary = released.summary();
  Json json = {{"chunks", released.chunks()},
               {"bytes", released.bytes()},
               {"steps", summary.steps.size()},
               {"first_step", nullptr},
               {"last_step", nullptr},
               {"events", released.events()},
               {"told_twice_chunks", released.told_twice()},
               {"pins", Json::array()},
               {"left_out_pins", summary.left_out_pins}};
  if (!summary.steps.empty()) {
    json["first_step"] = summary.steps.front().number;
    json["last_step"] = summary.steps.back().number;
  }
  for (const v1::Pin& pin : summary.pins) {
    json["pins"].push_back({{"reason", ReasonName(pin.reason())},
                            {"text", ToUtf8(pin.text())},
                            {"step", pin.step()},
                            {"time_ns", pin.time_ns()}});
  }
  return json;
}

Json ReleasedJson(const Released& released) {
  const format::Summary& summary = released.summary();
  Json json = ReleasedCountsJson(released);
  json["step_rows"] = StepsJson(summary);
  json["spans"] = Json::array();
  for (const auto& [name, sums] : summary.spans) {
    json["spans"].push_back({{"kind", SpanKindName(name.first)},
                             {"name", ToUtf8(name.second)},
                             {"count", sums.begun},
                             {"timed_count", sums.timed},
                             {"threw_count", sums.threw},
                             {"total_ns", sums.total_ns},
                             {"self_ns", sums.self_ns}});
  }
  json["values"] = Json::array();
  for (const v1::LoggedValue& value : summary.values) {
    json["values"].push_back(
        {{"name", ToUtf8(value.name())},
         {"value", std::isfinite(value.value()) ? Json(value.value()) : Json()},
         {"step", value.step()},
         {"time_ns", value.time_ns()}});
  }
  json["left_out_values"] = summary.left_out_values;
  return json;
}

}  // namespace torchtape::viewer
