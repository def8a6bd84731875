#include "gtest/gtest.h"
#include "module_tree.h"
#include "viewer/sample_run.h"

namespace torchtape::viewer {
namespace {

using Json = nlohmann::json;

v1::Module NewModule(const std::string& path, uint32_t parent) {
  v1::Module module;
  module.set_path(path);
  module.set_parent(parent);
  return module;
}

v1::Parameter NewParameter(const std::string& path, uint32_t module,
                           uint64_t storage) {
  v1::Parameter parameter;
  parameter.set_path(path);
  parameter.set_module(module);
  parameter.set_tensor(storage);
  parameter.set_storage(storage);
  parameter.set_defined(true);
  parameter.mutable_type()->add_sizes(10);
  parameter.set_bytes(40);
  return parameter;
}

// m.a and m.b; both use the parameter of storage 5, and m.b has one of its own.
v1::Model Tied() {
  v1::Model model;
  model.set_name("m");
  *model.add_modules() = NewModule("m", 0);
  *model.add_modules() = NewModule("m.a", 1);
  *model.add_modules() = NewModule("m.b", 1);
  *model.add_parameters() = NewParameter("m.a.weight", 2, 5);
  model.mutable_parameters(0)->add_aliases("m.b.weight");
  *model.add_parameters() = NewParameter("m.b.bias", 3, 6);
  return model;
}

TEST(ModuleTree, SharedParameterCountsOnceInWhateverHoldsIt) {
  ModuleTree tree;
  tree.Add(Tied());
  EXPECT_EQ(tree.modules()[0].parameters, 20u);
  EXPECT_EQ(tree.modules()[1].parameters, 10u);
  EXPECT_EQ(tree.modules()[2].parameters, 20u);
  EXPECT_EQ(tree.modules()[2].own_parameters, 20u);
  EXPECT_EQ(tree.bytes(), 80u);
}

TEST(ModuleTree, ModelThatIsAttachedAgainReplacesItself) {
  ModuleTree tree;
  tree.Add(Tied());
  tree.Add(Tied());
  EXPECT_EQ(tree.modules().size(), 3u);
  EXPECT_EQ(tree.bytes(), 80u);
}

TEST(ModuleTree, ParentsThatMakeNoSenseAreLeftOut) {
  v1::Model model;
  *model.add_modules() = NewModule("a", 7);
  *model.add_modules() = NewModule("b", 2);
  *model.add_parameters() = NewParameter("c.weight", 99, 5);
  ModuleTree tree;
  tree.Add(model);
  EXPECT_EQ(tree.modules()[0].parent, kNoModule);
  EXPECT_EQ(tree.modules()[1].parent, kNoModule);
}

// Runs one op of 100 ns that reads these storages and gives its module.
std::string OwnerOf(const std::vector<uint64_t>& storages,
                    const std::string& name, const std::string& schema,
                    std::optional<int64_t> sequence) {
  LogBuilder log;
  log.Model(Tied());
  std::vector<v1::Value> inputs;
  LogBuilder::Ids ids;
  for (uint64_t storage : storages) {
    inputs.push_back(log.Tensor({10}));
    ids.push_back({storage, storage});
  }
  log.Begin(1, 100, log.Op(name, schema, inputs), ids, sequence);
  log.End(1, 200);
  const Json summary = JsonOf(Summary, log.Finish());
  for (const Json& module : summary["modules"]) {
    if (module["path"] != "m" && module["forward_ns"] == 100) {
      return module["path"];
    }
  }
  return "";
}

TEST(Attribution, OpBelongsToTheOneModuleWhoseParametersItReads) {
  EXPECT_EQ(OwnerOf({9, 6}, "aten::add", "", 1), "m.b");
  EXPECT_EQ(OwnerOf({9, 5, 6}, "aten::linear", "", 1), "m.b");
}

TEST(Attribution, OpThatReadsASharedParameterBelongsToNobody) {
  EXPECT_EQ(OwnerOf({9, 5}, "aten::linear", "", 1), "");
}

TEST(Attribution, OpThatReadsNoParameterBelongsToNobody) {
  EXPECT_EQ(OwnerOf({9}, "aten::relu", "", 1), "");
}

TEST(Attribution, OptimizerIsNotTheForwardPass) {
  EXPECT_EQ(OwnerOf({6, 9}, "aten::add_",
                    "aten::add_.Tensor(Tensor(a!) self, Tensor other) -> "
                    "Tensor(a!)",
                    {}),
            "");
  EXPECT_EQ(OwnerOf({9, 6}, "aten::add", "", {}), "");
}

TEST(Attribution, LayerWithoutGradientIsTheForwardPass) {
  EXPECT_EQ(OwnerOf({9, 6}, "aten::linear", "", {}), "m.b");
}

TEST(Attribution, ModuleSpansTellCallsAndTime) {
  LogBuilder log;
  log.Model(Tied());
  const uint32_t m = log.Span(v1::SPAN_KIND_MODULE, "m"),
                 a = log.Span(v1::SPAN_KIND_MODULE, "m.a"),
                 op = log.Op("aten::relu"),
                 node = log.Span(v1::SPAN_KIND_BACKWARD, "ReluBackward0");
  log.Begin(1, 100, m);
  for (uint64_t call = 0; call < 2; ++call) {
    log.Begin(1, 110 + 100 * call, a);
    log.Begin(1, 120 + 100 * call, op, {}, 1 + static_cast<int64_t>(call));
    log.End(1, 150 + 100 * call);
    log.End(1, 160 + 100 * call);
  }
  log.End(1, 500);
  log.BeginBackward(1, 600, node, 2, 1);
  log.End(1, 670);
  const Json summary = JsonOf(Summary, log.Finish());
  const Json root = Entry(summary["modules"], "path", "m"),
             leaf = Entry(summary["modules"], "path", "m.a"),
             unused = Entry(summary["modules"], "path", "m.b");
  EXPECT_EQ(root["calls"], 1);
  EXPECT_EQ(root["forward_ns"], 400);
  EXPECT_EQ(root["backward_ns"], 70);
  EXPECT_EQ(leaf["calls"], 2);
  EXPECT_EQ(leaf["forward_ns"], 100);
  EXPECT_EQ(leaf["backward_ns"], 70);
  EXPECT_EQ(unused["calls"], 0);
  EXPECT_EQ(unused["forward_ns"], nullptr);
}

}  // namespace
}  // namespace torchtape::viewer
