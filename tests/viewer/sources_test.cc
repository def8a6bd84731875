// Logs that the Encoder made of real call sites, read by every verb.

#include <filesystem>
#include <map>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "support/encoding.h"
#include "support/temp_folder.h"
#include "viewer/fixture_run.h"
#include "viewer/sample_run.h"

namespace torchtape::viewer {
namespace {

using Json = nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using torchtape::testing::Encoding;
using torchtape::testing::Records;
using torchtape::testing::TempFolder;

v1::CodeObject ObjectOf(const FixtureCall& call) {
  v1::CodeObject object;
  object.set_path(call.object.path);
  object.set_build_id(call.object.build_id);
  object.set_load_address(call.load_address);
  return object;
}

// A log of one thread. Each of the calls takes 30 ns, 20 of them in an op that
// LibTorch calls inside; then the backward node of each takes 50 ns, with an op
// of 40 ns inside. One op has no call site.
std::string LogOf(const std::vector<FixtureCall>& calls) {
  Encoding encoding;
  Records main(1);
  main.Operator(1, "AddBackward0", format::SpanKind::kBackward).Signature(1, 1);
  main.Operator(2, "aten::mul").Signature(2, 2);
  main.Operator(3, "aten::zero_").Signature(3, 3);
  uint32_t id = 4;
  uint64_t ticks = 0;
  for (const FixtureCall& call : calls) {
    encoding.AddObject(ObjectOf(call));
    main.Operator(id, call.op).SignatureAt(call.address_in_memory(), id, id);
    main.Begin(ticks, id, {id}, format::kHasSequence);
    main.Begin(ticks + 5, 2).End(ticks + 25).End(ticks + 30);
    ++id;
    ticks += 100;
  }
  while (--id >= 4) {
    main.Begin(ticks, 1, {id, 1}, format::kHasSequence | format::kBackward);
    main.Begin(ticks + 5, 2).End(ticks + 45).End(ticks + 50);
    ticks += 100;
  }
  main.Begin(ticks, 3).End(ticks + 7);
  encoding.Finish({&main});
  return encoding.bytes();
}

VerbOptions BySource() {
  VerbOptions options;
  options.by = "source";
  return options;
}

Json RowOf(const Json& summary, const std::string& mark) {
  return Entry(summary["sources"], "line", FixtureLine(mark));
}

class Sources : public ::testing::Test {
 protected:
  const std::vector<FixtureCall> calls_ = RunFixture("debug");
  const std::string bytes_ = LogOf(calls_);
};

TEST_F(Sources, LineHasItsCallsWithTheirTimeForwardAndBackward) {
  const Json summary = JsonOf(Summary, bytes_, BySource());
  ASSERT_EQ(summary["sources"].size(), 5u);
  const Json add = RowOf(summary, "block add");
  EXPECT_THAT(add["file"].get<std::string>(), HasSubstr("/fixture/model.cc"));
  EXPECT_EQ(add["function"], "BlockImpl::forward");
  EXPECT_EQ(add["calls"], 1);
  EXPECT_EQ(add["total_ns"], 30 + 50);
  EXPECT_EQ(add["self_ns"], 30 + 50);
  EXPECT_EQ(add["forward_self_ns"], 30);
  EXPECT_EQ(add["backward_self_ns"], 50);
  EXPECT_EQ(add["ops"],
            Json::parse(R"([{"name":"aten::add","count":1,"total_ns":30}])"));
  EXPECT_EQ(
      add["backward"],
      Json::parse(R"([{"name":"AddBackward0","count":1,"total_ns":50}])"));
  EXPECT_EQ(RowOf(summary, "block relu")["ops"][0]["name"], "aten::relu");
  EXPECT_EQ(RowOf(summary, "lambda")["function"],
            "Train::{lambda}::operator()");
  // std::accumulate calls twice.
  EXPECT_EQ(RowOf(summary, "sum")["calls"], 2);
  EXPECT_EQ(RowOf(summary, "sum")["total_ns"], 2 * (30 + 50));
}

TEST_F(Sources, WhatHasNoLineIsOneRow) {
  const Json rest = JsonOf(Summary, bytes_, BySource())["no_source"];
  EXPECT_EQ(rest["file"], nullptr);
  EXPECT_EQ(rest["function"], nullptr);
  // linear, which LibTorch calls, with its backward node, and zero_.
  EXPECT_EQ(rest["calls"], 2);
  EXPECT_EQ(rest["backward"][0]["count"], 1);
  EXPECT_EQ(rest["self_ns"], 30 + 50 + 7);
}

TEST_F(Sources, TotalsEqualTheSumOfTheEvents) {
  std::map<std::string, Json> rows;
  const Json summary = JsonOf(Summary, bytes_, BySource());
  std::map<std::pair<Json, Json>, uint64_t> expected, self;
  std::map<uint64_t, std::pair<Json, Json>> open;
  VerbOptions json;
  json.json = true;
  std::istringstream lines(TextOf(Dump, bytes_, json));
  for (std::string line; std::getline(lines, line);) {
    const Json event = Json::parse(line);
    if (event["event"] == "begin") {
      const Json& source = event["source"];
      if (source != nullptr) {
        open[event["span"]] = {source["line"], source["function"]};
      }
    } else if (event["event"] == "end") {
      self[open[event["span"]]] += event["self_ns"].get<uint64_t>();
    }
  }
  uint64_t sum = 0, all = 0;
  Json sources = summary["sources"];
  sources.push_back(summary["no_source"]);
  for (const Json& row : sources) {
    const uint64_t row_self = self[{row["line"], row["function"]}];
    EXPECT_EQ(row["self_ns"], row_self) << row;
    EXPECT_EQ(row["forward_self_ns"].get<uint64_t>() +
                  row["backward_self_ns"].get<uint64_t>(),
              row_self);
    sum += row_self;
    uint64_t total = 0, calls = 0;
    for (const Json& op : row["ops"]) {
      total += op["total_ns"].get<uint64_t>();
      calls += op["count"].get<uint64_t>();
    }
    for (const Json& node : row["backward"]) {
      total += node["total_ns"].get<uint64_t>();
    }
    EXPECT_EQ(row["total_ns"], total);
    EXPECT_EQ(row["calls"], calls);
  }
  for (const char* part : {"ops", "backward"}) {
    for (const Json& op : summary[part]) all += op["self_ns"].get<uint64_t>();
  }
  EXPECT_EQ(sum, all);
  EXPECT_EQ(sum, 7 * (30 + 50) + 7u);
}

TEST_F(Sources, TableShowsLinesAndTheRest) {
  const std::string text = TextOf(Summary, bytes_, BySource());
  EXPECT_THAT(text,
              HasSubstr("model.cc:" + std::to_string(FixtureLine("sum"))));
  EXPECT_THAT(text, HasSubstr("NetImpl::forward"));
  EXPECT_THAT(text, HasSubstr("(not known)"));
  EXPECT_THAT(text, Not(HasSubstr("backward node")));
  VerbOptions options = BySource();
  options.filter = "lambda";
  EXPECT_THAT(TextOf(Summary, bytes_, options), Not(HasSubstr("NetImpl")));
  options.filter = "";
  options.top = 1;
  EXPECT_THAT(TextOf(Summary, bytes_, options), HasSubstr("4 more lines"));
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(line.size(), 100u) << line;
  }
}

TEST_F(Sources, LogWithoutCallSitesIsOneRow) {
  const Json summary = JsonOf(Summary, SampleRun().Finish(), BySource());
  EXPECT_EQ(summary["sources"].size(), 0u);
  EXPECT_EQ(summary["no_source"]["calls"], 3 * 2);  // linear and relu
  EXPECT_EQ(summary["no_source"]["backward"][0]["count"], 3);
}

TEST_F(Sources, OnlyTheChosenStepsAreCounted) {
  VerbOptions options = BySource();
  options.steps = {1, 1, "--step 1"};
  const Json summary = JsonOf(Summary, SampleRun().Finish(), options);
  EXPECT_EQ(summary["no_source"]["calls"], 2);
  EXPECT_EQ(JsonOf(Summary, SampleRun().Finish()).count("sources"), 0u);
}

TEST_F(Sources, DumpShowsWhereEachOpWasCalled) {
  const std::string text = TextOf(Dump, bytes_);
  const auto at = [](const char* mark, const std::string& function) {
    return "model.cc:" + std::to_string(FixtureLine(mark)) + ", " + function;
  };
  EXPECT_THAT(text, HasSubstr("aten::add() seq 4 at " +
                              at("block add", "BlockImpl::forward\n")));
  EXPECT_THAT(text, HasSubstr("aten::linear() seq 6 at "
                              "torch::nn::LinearImpl::forward in "
                              "libtorch_fixture.so\n"));
  EXPECT_THAT(text,
              HasSubstr("backward AddBackward0() seq 4 forward thread 1 of " +
                        at("block add", "BlockImpl::forward\n")));
}

TEST_F(Sources, ExportedNodeHasItsSource) {
  const Json nodes = JsonOf(ExportJson, bytes_)["nodes"];
  const Json add = Entry(nodes, "name", "aten::add")["source"];
  EXPECT_EQ(add["line"], FixtureLine("block add"));
  EXPECT_EQ(add["function"], "BlockImpl::forward");
  EXPECT_EQ(add["of_forward"], false);
  EXPECT_EQ(add["object"], FixturePath("debug"));
  EXPECT_EQ(add["address"], calls_[0].address);
  ASSERT_EQ(add["frames"].size(), 3u);
  EXPECT_EQ(add["frames"][0]["function"], "at::operator+");
  EXPECT_EQ(add["frames"][0]["inlined"], true);
  EXPECT_EQ(add["frames"][2]["function"], "NetImpl::forward");
  EXPECT_EQ(add["frames"][2]["line"], FixtureLine("net block"));
  EXPECT_EQ(add["frames"][2]["inlined"], false);
  const Json linear = Entry(nodes, "name", "aten::linear")["source"];
  EXPECT_EQ(linear["line"], nullptr);
  EXPECT_EQ(linear["frames"][0]["function"], "torch::nn::LinearImpl::forward");
  const Json node = Entry(nodes, "sequence", 4);
  EXPECT_EQ(node["source"]["line"], FixtureLine("block add"));
  EXPECT_EQ(Entry(nodes, "name", "aten::zero_")["source"], nullptr);
}

TEST_F(Sources, WithoutDebugInformationFunctionsHaveTheRows) {
  const Json summary = JsonOf(Summary, LogOf(RunFixture("plain")), BySource());
  const Json net = Entry(summary["sources"], "function", "NetImpl::forward");
  EXPECT_EQ(net["calls"], 3);
  EXPECT_EQ(net["file"], nullptr);
  EXPECT_EQ(net["line"], nullptr);
}

// As on another machine than the one that recorded.
TEST_F(Sources, BinariesMayBeElsewhere) {
  std::vector<FixtureCall> calls = calls_;
  for (FixtureCall& call : calls) {
    call.object.path =
        "/cluster/" +
        std::filesystem::path(call.object.path).filename().string();
  }
  const std::string bytes = LogOf(calls);
  std::ostringstream out;
  VerbOptions options = BySource();
  EXPECT_THAT(
      Summary(FromBytes(bytes), options, out)->notes,
      ElementsAre("no source lines of /cluster/libmodel_debug.so: there "
                  "is no such file (--symbols DIR looks elsewhere)"));
  EXPECT_THAT(TextOf(Dump, bytes), HasSubstr(" at libmodel_debug.so+0x"));
  options.symbols = {TORCHTAPE_FIXTURE};
  EXPECT_THAT(Summary(FromBytes(bytes), options, out)->notes, ElementsAre());
  EXPECT_EQ(JsonOf(Summary, bytes, options)["sources"].size(), 5u);
}

}  // namespace
}  // namespace torchtape::viewer
