#include "source/source_json.h"

#include "absl/strings/str_cat.h"
#include "output/text_escape.h"
#include "source/user_frame.h"

namespace torchtape::viewer {
namespace {

std::string BaseName(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

Json TextOrNull(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(ToUtf8(text));
}

}  // namespace

std::string FrameText(const SourceFrame& frame) {
  if (frame.line == 0) return EscapeText(frame.function);
  const std::string place = absl::StrCat(BaseName(frame.file), ":", frame.line);
  return EscapeText(frame.function.empty()
                        ? place
                        : absl::StrCat(place, ", ", frame.function));
}

std::string SiteText(const CallSite& call_site, const SourceLines& lines) {
  const CallSite* at = &lines.UsersSite(call_site);
  const Site& site = lines.SiteOf(*at);
  const SourceFrame* frame = UserFrame(*at, site);
  if (frame == nullptr && !site.frames.empty()) frame = &site.frames.front();
  if (frame == nullptr) return EscapeText(PlaceOf(*at));
  if (frame->line != 0) return FrameText(*frame);
  return absl::StrCat(FrameText(*frame), " in ",
                      EscapeText(BaseName(at->object->path)));
}

Json FrameJson(const SourceFrame& frame) {
  return {{"file", TextOrNull(frame.file)},
          {"line", frame.line == 0 ? Json(nullptr) : Json(frame.line)},
          {"function", TextOrNull(frame.function)}};
}

Json SourceJson(const UserLine& line, const CallSite* call_site,
                const SourceLines& lines) {
  if (line.frame == nullptr && call_site == nullptr) return nullptr;
  Json json = FrameJson(line.frame == nullptr ? SourceFrame() : *line.frame);
  json["of_forward"] = line.of_forward;
  json["object"] = nullptr;
  json["address"] = nullptr;
  json["frames"] = nullptr;
  if (call_site == nullptr) return json;
  if (call_site->object != nullptr) {
    json["object"] = ToUtf8(call_site->object->path);
  }
  json["address"] = call_site->address;
  json["frames"] = Json::array();
  const CallSite* const last = &lines.UsersSite(*call_site);
  for (const CallSite* at = call_site;; at = at->caller) {
    for (const SourceFrame& frame : lines.SiteOf(*at).frames) {
      json["frames"].push_back(FrameJson(frame));
      json["frames"].back()["inlined"] = frame.inlined;
    }
    if (at == last) return json;
  }
}

}  // namespace torchtape::viewer
