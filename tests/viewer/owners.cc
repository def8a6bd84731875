#include "viewer/owners.h"

#include <sstream>

#include "viewer/model_parts.h"
#include "viewer/sample_run.h"

namespace torchtape::viewer {
namespace {

LogBuilder::Ids Whole(const std::vector<uint64_t>& tensors) {
  LogBuilder::Ids ids;
  for (uint64_t tensor : tensors) ids.push_back({tensor, tensor});
  return ids;
}

std::string OwnerIn(const nlohmann::json& line) {
  std::string owner = line["name"].get<std::string>() + ": ";
  const std::string source = line["module_source"];
  if (source == "none") return owner + "none";
  if (line["optimizer"]) return owner + "optimizer by " + source;
  owner += line["module"];
  if (line["module_call"].is_number() && line["module_call"] > 1) {
    owner += "#" + std::to_string(line["module_call"].get<int>());
  }
  return owner + " by " + source;
}

}  // namespace

v1::Model TwoLayers() {
  v1::Model model;
  model.set_name("m");
  *model.add_modules() = NewModule("m", "Net", 0);
  *model.add_modules() = NewModule("m.a", "Layer", 1);
  *model.add_modules() = NewModule("m.b", "Layer", 1);
  *model.add_parameters() = NewParameter("m.a.weight", 2, kFirstWeight);
  *model.add_parameters() = NewParameter("m.b.weight", 3, kSecondWeight);
  *model.add_parameters() = NewParameter("m.b.bias", 3, kSecondBias);
  return model;
}

void OwnersLog::OpOn(const std::string& name, const LogBuilder::Ids& reads,
                     const LogBuilder::Ids& makes,
                     std::optional<int64_t> sequence,
                     const std::string& schema) {
  const v1::Value tensor = log.Tensor({10});
  const uint32_t op =
      log.Op(name, schema, std::vector<v1::Value>(reads.size(), tensor));
  const uint32_t returned =
      log.Returns(std::vector<v1::Value>(makes.size(), tensor));
  log.Begin(1, time_ns_ += 10, op, reads, sequence);
  log.End(1, time_ns_ += 10, returned, makes);
}

void OwnersLog::Op(const std::string& name, const std::vector<uint64_t>& reads,
                   const std::vector<uint64_t>& makes,
                   std::optional<int64_t> sequence, const std::string& schema) {
  OpOn(name, Whole(reads), Whole(makes), sequence, schema);
}

void OwnersLog::Node(const std::string& name,
                     const std::vector<uint64_t>& reads, int64_t sequence,
                     uint32_t forward_thread) {
  const std::vector<v1::Value> tensors(reads.size(), log.Tensor({10}));
  const uint32_t node = log.Op(name, "", tensors, v1::SPAN_KIND_BACKWARD);
  log.BeginBackward(1, time_ns_ += 10, node, sequence, forward_thread,
                    Whole(reads));
  log.End(1, time_ns_ += 10);
}

void OwnersLog::Begin(uint32_t signature) {
  log.Begin(1, time_ns_ += 10, signature);
}

void OwnersLog::End() { log.End(1, time_ns_ += 10); }

void OwnersLog::Step(uint64_t number) { log.Step(number, time_ns_ += 10); }

std::vector<std::string> OwnersLog::Owners() {
  VerbOptions options;
  options.json = true;
  std::istringstream lines(TextOf(Dump, log.Finish(), options));
  std::vector<std::string> owners;
  for (std::string line; std::getline(lines, line);) {
    const nlohmann::json json = nlohmann::json::parse(line, nullptr, false);
    if (json["event"] == "begin") owners.push_back(OwnerIn(json));
  }
  return owners;
}

}  // namespace torchtape::viewer
