#include "gmock/gmock.h"
#include "graph/graph.h"
#include "gtest/gtest.h"
#include "viewer/device_run.h"

namespace torchtape::viewer {
namespace {

using Json = nlohmann::json;

Json Export(int level, const std::string& bytes = SampleRun().Finish()) {
  VerbOptions options;
  options.level = level;
  return JsonOf(ExportJson, bytes, options);
}

Json Find(const Json& graph, const std::string& name) {
  return Entry(graph["nodes"], "name", name);
}

bool HasEdge(const Json& graph, const Json& from, const Json& to,
             const std::string& type) {
  for (const Json& edge : graph["edges"]) {
    if (edge["source"] == from["id"] && edge["target"] == to["id"] &&
        edge["type"] == type) {
      return true;
    }
  }
  return false;
}

TEST(Export, NodeHasEveryField) {
  const Json graph = Export(0);
  const Json linear = Find(graph, "aten::linear");
  EXPECT_EQ(linear["operation_type"], "layer_op");
  EXPECT_EQ(linear["kind"], "op");
  EXPECT_EQ(linear["step"], 2);  // the last whole one
  EXPECT_EQ(linear["thread"], 1);
  EXPECT_EQ(linear["start_ns"], 2020000);
  EXPECT_EQ(linear["duration_ns"], 100000);
  EXPECT_EQ(linear["self_ns"], 30000);
  EXPECT_EQ(linear["sequence"], 20);
  EXPECT_EQ(linear["module"], "model.fc");
  EXPECT_EQ(linear["threw"], false);
  EXPECT_EQ(linear["memory"]["allocated_bytes"], 1000);
  EXPECT_EQ(linear["memory"]["net_bytes"], 1000);
  ASSERT_EQ(linear["inputs"].size(), 3u);
  const Json weight = linear["inputs"][1];
  EXPECT_EQ(weight["argument"], "weight");
  EXPECT_EQ(weight["tensor"], 1);
  EXPECT_EQ(weight["storage"], 1);
  EXPECT_EQ(weight["dtype"], "float32");
  EXPECT_EQ(weight["shape"], Json({3, 4}));
  EXPECT_EQ(weight["strides"], Json({4, 1}));
  EXPECT_EQ(linear["outputs"][0]["shape"], Json({2, 3}));
}

TEST(Export, ModelIsInTheGraph) {
  const Json model = Export(0)["models"][0];
  EXPECT_EQ(model["modules"][1]["path"], "model.fc");
  EXPECT_EQ(model["modules"][1]["parent"], "model");
  EXPECT_EQ(model["parameters"][0]["path"], "model.fc.weight");
  EXPECT_EQ(model["parameters"][0]["storage"], 1);
}

TEST(Export, EdgesConnectOpsThatAreSiblings) {
  const Json graph = Export(0);
  const Json linear = Find(graph, "aten::linear"), t = Find(graph, "aten::t"),
             addmm = Find(graph, "aten::addmm"),
             relu = Find(graph, "aten::relu");
  EXPECT_TRUE(HasEdge(graph, linear, relu, "data_flow"));
  EXPECT_TRUE(HasEdge(graph, t, addmm, "data_flow"));
  EXPECT_FALSE(HasEdge(graph, addmm, relu, "data_flow"));
}

TEST(Export, BackwardNodeKnowsItsForwardOp) {
  const Json graph = Export(0);
  const Json node = Find(graph, "AddmmBackward0");
  EXPECT_EQ(node["operation_type"], "backward");
  EXPECT_EQ(node["forward_op"], Find(graph, "aten::addmm")["id"]);
  EXPECT_EQ(node["module"], "model.fc");
  EXPECT_TRUE(
      HasEdge(graph, Find(graph, "aten::linear"), node, "gradient_flow"));
  EXPECT_EQ(Find(graph, "aten::mm")["operation_type"], "gradient_op");
}

TEST(Export, LevelsHideMoreAndMore) {
  EXPECT_EQ(Export(0)["nodes"].size(), 7u);
  const Json graph = Export(3);
  EXPECT_EQ(graph["nodes"].size(), 4u);  // batch, linear, relu, the node
  EXPECT_EQ(Find(graph, "aten::addmm"), nullptr);
  EXPECT_EQ(Find(graph, "AddmmBackward0")["forward_op"],
            Find(graph, "aten::linear")["id"]);
}

TEST(Export, EdgesGoAroundHiddenNodes) {
  LogBuilder log;
  const v1::Value x = log.Tensor({2});
  const uint32_t relu = log.Op("aten::relu", "", {x}),
                 view = log.Op("aten::view", "", {x}),
                 add = log.Op("aten::add", "", {x, x}),
                 softmax = log.Op("aten::softmax", "", {x}),
                 out = log.Returns({x});
  log.Begin(1, 100, relu, {{1, 1}});
  log.End(1, 110, out, {{2, 2}});
  log.Begin(1, 120, view, {{2, 2}});
  log.End(1, 130, out, {{3, 2}});
  log.Begin(1, 140, add, {{3, 2}, {3, 2}});
  log.End(1, 150, out, {{4, 4}});
  log.Begin(1, 160, softmax, {{4, 4}});
  log.End(1, 170, out, {{5, 5}});
  log.Step(1, 200);
  const std::string bytes = log.Finish();
  const Json one = Export(1, bytes);
  EXPECT_TRUE(HasEdge(one, Find(one, "aten::relu"), Find(one, "aten::add"),
                      "data_flow"));
  const Json three = Export(3, bytes);
  EXPECT_EQ(three["nodes"].size(), 2u);
  ASSERT_EQ(three["edges"].size(), 1u);
  EXPECT_TRUE(HasEdge(three, Find(three, "aten::relu"),
                      Find(three, "aten::softmax"), "data_flow"));
}

TEST(Export, ArgumentsHaveTheirNamesAndExactValues) {
  LogBuilder log;
  v1::Value none, number, real, text, list, undefined;
  none.set_none(true);
  number.set_integer(-(int64_t{1} << 62));
  real.set_real(true);
  text.set_text("sum\n");
  list.mutable_integers()->add_values(2);
  undefined.set_undefined_tensor(true);
  log.Begin(1, 100,
            log.Op("aten::f",
                   "aten::f(Tensor? a, int b, float c=0.5, str d=\"x, y\", "
                   "int[2] e=[1, 1], Tensor g) -> ()",
                   {none, number, real, text, list, undefined}),
            {}, {}, {0.1});
  log.End(1, 110);
  const Json arguments = Find(Export(0, log.Finish()), "aten::f")["arguments"];
  EXPECT_EQ(arguments["a"], nullptr);
  EXPECT_EQ(arguments["b"], -(int64_t{1} << 62));
  EXPECT_EQ(arguments["c"], 0.1);
  EXPECT_EQ(arguments["d"], "sum\n");
  EXPECT_EQ(arguments["e"], Json::array({2}));
  EXPECT_EQ(arguments["g"], Json({{"undefined_tensor", true}}));
}

TEST(Export, StepThatIsNotThereIsAnError) {
  VerbOptions options;
  options.steps = {7, 7, "--step 7"};
  std::ostringstream out;
  EXPECT_EQ(ExportJson(FromBytes(SampleRun().Finish()), options, out)
                .status()
                .message(),
            "--step 7: the log holds steps 0 to 2");
}

// In step 1: an op with an op and a call in it that launch on two streams, and
// a kernel that runs behind the step; another of step 2.
std::string DeviceStep() {
  DeviceRun run;
  run.Call("aten::before", 100, 110);
  run.log.Step(1, 500);
  run.BeginOp("aten::linear", kFirstWeight, 990);
  run.BeginOp("aten::addmm", kNoWeight, 1000);
  run.Begin(run.log.Span(v1::SPAN_KIND_DEVICE_CALL, "cudaLaunchKernel"), 1005);
  run.Launch(1010);
  run.Ran(1030, 1050, kKernel, 9, "_Z4gemmIfEvT_");
  run.Ran(1020, 1060);
  run.End(1012);
  run.End(1015);
  run.Launch(1016);
  run.Ran(2100, 2110, kSet, 7, "Memset");
  run.End(1020);
  run.log.DeviceTime(1, 2, 3, 2020, 50);
  run.log.DeviceTime(1, 1, 3, 2020, 60);
  run.log.DeviceTime(0, 1, 3, 1990, 900);
  run.log.Step(2, 2000);
  run.Op("aten::linear", kFirstWeight, 2010, 2020);
  run.Ran(2030, 2040);
  run.log.DeviceTime(1, 4, 3, 3020, 7);
  run.log.DeviceTime(0, 2, 3, 3000, 70);
  run.log.Activity(kKernel, "of nobody", 4711, 7, 1900, 5);
  return run.log.Finish();
}

Json ExportOfStep(uint64_t step, int level, const std::string& bytes) {
  VerbOptions options;
  options.level = level;
  options.steps = {step, step, "--step"};
  return JsonOf(ExportJson, bytes, options);
}

TEST(Export, StepHasWhatItLaunchedByStreamWithTheNodeThatDid) {
  const Json graph = ExportOfStep(1, 0, DeviceStep());
  const Json& activities = graph["activities"];
  ASSERT_EQ(activities.size(), 3u);
  EXPECT_EQ(activities[2],
            Json({{"kind", "kernel"},
                  {"name", "gemm<float>"},
                  {"linkage_name", "_Z4gemmIfEvT_"},
                  {"device", "cuda:0"},
                  {"context", 0},
                  {"stream", 9},
                  {"duration_ns", 20},
                  {"bytes", nullptr},
                  {"alignment_error_ns", 20},
                  {"launch",
                   {{"thread", 1},
                    {"span", 3},
                    {"time_ns", 1010},
                    {"op", "aten::addmm"}}},
                  {"start_ns", 1030},
                  {"node", Find(graph, "cudaLaunchKernel")["id"]}}));
  EXPECT_EQ(activities[0]["stream"], 7);
  EXPECT_EQ(activities[0]["start_ns"], 1020);
  EXPECT_EQ(activities[1]["kind"], "memset");
  EXPECT_EQ(activities[1]["bytes"], 0);
  EXPECT_EQ(activities[1]["start_ns"], 2100);
  EXPECT_EQ(activities[1]["node"], Find(graph, "aten::linear")["id"]);
}

TEST(Export, StepHasWhatStreamsTookForItAndItsNodes) {
  const Json graph = ExportOfStep(1, 0, DeviceStep());
  const Json& times = graph["device_times"];
  ASSERT_EQ(times.size(), 3u);
  EXPECT_EQ(times[0]["start_ns"], 990);
  EXPECT_EQ(times[0]["duration_ns"], 900);
  EXPECT_EQ(times[0]["node"], nullptr);
  EXPECT_EQ(times[1]["duration_ns"], 60);
  EXPECT_EQ(times[1]["node"], Find(graph, "aten::linear")["id"]);
  EXPECT_EQ(times[2], Json({{"device", "cuda:0"},
                            {"stream", 3},
                            {"start_ns", 1020},
                            {"duration_ns", 50},
                            {"alignment_error_ns", 20},
                            {"node", Find(graph, "aten::addmm")["id"]}}));
}

TEST(Export, WhatDevicesDidIsOfTheNearestNodeThatIsShown) {
  const Json graph = ExportOfStep(1, 3, DeviceStep());
  const Json linear = Find(graph, "aten::linear");
  ASSERT_NE(linear, nullptr);
  ASSERT_EQ(graph["activities"].size(), 3u);
  for (const Json& activity : graph["activities"]) {
    EXPECT_EQ(activity["node"], linear["id"]);
  }
  // That of an op that is not shown is in its op's.
  ASSERT_EQ(graph["device_times"].size(), 2u);
  EXPECT_EQ(graph["device_times"][0]["node"], nullptr);
  EXPECT_EQ(graph["device_times"][1]["node"], linear["id"]);
}

TEST(Export, WhatWasNotRecordedOfDevicesIsAbsent) {
  const Json without = Export(0);
  EXPECT_EQ(without["activities"], nullptr);
  EXPECT_EQ(without["device_times"], nullptr);
  OwnersLog run(TwoLayers(), v1::DEVICE_TIME_LEVEL_OPS);
  run.Op("aten::relu", {1}, {2}, 1);
  run.log.DeviceTime(1, 0, 3, 1500, 5);
  const Json times = Export(0, run.log.Finish());
  EXPECT_EQ(times["activities"], nullptr);
  EXPECT_EQ(times["device_times"].size(), 1u);
}

}  // namespace
}  // namespace torchtape::viewer
