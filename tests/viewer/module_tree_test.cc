#include "modules/module_tree.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "viewer/model_parts.h"

namespace torchtape::viewer {
namespace {

// m.a and m.b; both use the parameter of storage 5, and m.b has one of its own.
v1::Model Tied() {
  v1::Model model;
  model.set_name("m");
  *model.add_modules() = NewModule("m", "Layer", 0);
  *model.add_modules() = NewModule("m.a", "Layer", 1);
  *model.add_modules() = NewModule("m.b", "Layer", 1);
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
  *model.add_modules() = NewModule("a", "Layer", 7);
  *model.add_modules() = NewModule("b", "Layer", 2);
  *model.add_parameters() = NewParameter("c.weight", 99, 5);
  ModuleTree tree;
  tree.Add(model);
  EXPECT_EQ(tree.modules()[0].parent, kNoModule);
  EXPECT_EQ(tree.modules()[1].parent, kNoModule);
}

TEST(ModuleTree, IndexOfAModuleStaysWhenItsModelIsToldOfAgain) {
  ModuleTree tree;
  tree.Add(Tied());
  const int b = tree.Find("m.b");
  v1::Model without_a = Tied();
  *without_a.mutable_modules(1) = NewModule("m.c", "Layer", 1);
  tree.Add(without_a);
  EXPECT_EQ(tree.Find("m.b"), b);
  EXPECT_EQ(tree.modules()[b].path, "m.b");
  EXPECT_EQ(tree.modules()[tree.Find("m.c")].depth, 1);
  EXPECT_EQ(tree.modules()[tree.Find("m.a")].parameters, 0u);
}

TEST(ModuleTree, ParentsComeBeforeTheirChildrenAndSiblingsTogether) {
  ModuleTree tree;
  v1::Model model;
  *model.add_modules() = NewModule("m", "Layer", 0);
  *model.add_modules() = NewModule("m.a", "Layer", 1);
  *model.add_modules() = NewModule("m.b", "Layer", 1);
  *model.add_modules() = NewModule("m.a.x", "Layer", 2);
  tree.Add(model);
  std::vector<std::string> paths;
  for (int index : tree.Order()) paths.push_back(tree.modules()[index].path);
  EXPECT_THAT(paths, testing::ElementsAre("m", "m.a", "m.a.x", "m.b"));
}

TEST(ModuleTree, ModelThatSaysAModuleIsInsideOfItselfMakesNoCycle) {
  v1::Model model;
  *model.add_modules() = NewModule("a", "Layer", 0);
  *model.add_modules() = NewModule("b", "Layer", 1);
  *model.add_modules() = NewModule("a", "Layer", 2);
  ModuleTree tree;
  tree.Add(model);
  EXPECT_EQ(tree.Order().size(), 2u);
  EXPECT_EQ(tree.modules()[tree.Find("a")].parent, kNoModule);
}

TEST(ModuleTree, CommonModuleIsTheNearestThatHoldsBoth) {
  ModuleTree tree;
  tree.Add(Tied());
  const int m = tree.Find("m"), a = tree.Find("m.a"), b = tree.Find("m.b");
  EXPECT_EQ(tree.CommonOf(a, b), m);
  EXPECT_EQ(tree.CommonOf(a, m), m);
  EXPECT_EQ(tree.CommonOf(a, a), a);
  EXPECT_EQ(tree.CommonOf(a, tree.AddCalled("Linear#1", "Linear", kNoModule)),
            kNoModule);
}

}  // namespace
}  // namespace torchtape::viewer
