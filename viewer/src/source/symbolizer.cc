#include "source/symbolizer.h"

#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"

namespace torchtape::viewer {
namespace {

using AnswerJson = nlohmann::json;

// Questions and answers are CBOR: unlike JSON it carries any bytes.
std::string ToBytes(const AnswerJson& json) {
  std::string bytes;
  AnswerJson::to_cbor(json, bytes);
  return bytes;
}

AnswerJson FromBytes(const std::string& bytes) {
  return AnswerJson::from_cbor(bytes, true, /*allow_exceptions=*/false);
}

AnswerJson ToJson(const Site& site) {
  AnswerJson frames = AnswerJson::array();
  for (const SourceFrame& frame : site.frames) {
    frames.push_back({frame.function, frame.file, frame.line, frame.inlined});
  }
  return {std::move(frames), site.problem};
}

Site ToSite(const AnswerJson& json) {
  Site site;
  for (const AnswerJson& frame : json.at(0)) {
    site.frames.push_back({frame.at(0), frame.at(1), frame.at(2), frame.at(3)});
  }
  site.problem = json.at(1);
  return site;
}

// What runs in a process of its own.
class Reader {
 public:
  explicit Reader(const SearchPlaces& places) : places_(places) {}

  std::string Answer(const std::string& question) {
    const AnswerJson json = FromBytes(question);
    return ToBytes(ToJson(Find({json.at(0), json.at(1)}, json.at(2))));
  }

 private:
  Site Find(const CodeObject& object, uint64_t address) {
    const FoundFiles& found = FilesOf(object);
    Site site;
    for (const auto& file : found.files) {
      site.frames = file->Lines(address);
      if (!site.frames.empty()) break;
    }
    site.problem = found.problem;
    if (site.frames.empty()) site.frames.emplace_back();
    // The outermost function is the one that the symbol table has.
    SourceFrame& outermost = site.frames.back();
    for (const auto& file : found.files) {
      if (!outermost.function.empty()) break;
      outermost.function = file->Symbol(address);
    }
    if (outermost.function.empty() && outermost.file.empty()) {
      site.frames.pop_back();
    }
    return site;
  }

  const FoundFiles& FilesOf(const CodeObject& object) {
    auto [it, added] = files_.try_emplace({object.path, object.build_id});
    if (added) it->second = FindFiles(object, places_);
    return it->second;
  }

  const SearchPlaces places_;
  std::map<std::pair<std::string, std::string>, FoundFiles> files_;
};

bool HasLine(const Site& site) {
  for (const SourceFrame& frame : site.frames) {
    if (frame.line != 0) return true;
  }
  return false;
}

}  // namespace

Symbolizer::Symbolizer(const SearchPlaces& places,
                       const IsolationLimits& limits)
    : reader_(
          [reader = std::make_shared<Reader>(places)](
              const std::string& question) { return reader->Answer(question); },
          limits) {
  reader_.Start();  // before a replay starts its threads
}

Site Symbolizer::Ask(const CodeObject& object, uint64_t address) {
  const ObjectKey key(object.path, object.build_id);
  Site site;
  if (unreadable_.count(key) == 0) {
    const std::optional<std::string> answer =
        reader_.Ask(ToBytes({object.path, object.build_id, address}));
    if (answer) return ToSite(FromBytes(*answer));
    unreadable_.insert(key);
  }
  site.problem = "the file there is damaged";
  return site;
}

// The call ends one byte before the address that it returns to.
const Site& Symbolizer::Find(const CodeObject& object,
                             uint64_t return_address) {
  const ObjectKey key(object.path, object.build_id);
  auto [it, added] = known_.try_emplace({key, return_address});
  if (!added) return it->second;
  Site& site = it->second;
  if (return_address == 0) return site;
  site = Ask(object, return_address - 1);
  if (HasLine(site)) {
    site.problem.clear();
  } else if (site.problem.empty()) {
    site.problem = "its debug information does not cover this code";
  }
  return site;
}

const Site& Symbolizer::Find(const CallSite& site) {
  static const Site nowhere = {{}, "it is in no object file"};
  if (site.object == nullptr) return nowhere;
  return Find(*site.object, site.address);
}

std::string PlaceOf(const CallSite& site) {
  const std::string at = absl::StrCat("0x", absl::Hex(site.address));
  if (site.object == nullptr) return at;
  const std::string& path = site.object->path;
  return absl::StrCat(path.substr(path.rfind('/') + 1), "+", at);
}

}  // namespace torchtape::viewer
