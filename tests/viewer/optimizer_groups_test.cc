// The optimizers' time by parameter group.

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "viewer/model_parts.h"
#include "viewer/owners.h"
#include "viewer/sample_run.h"

namespace torchtape::viewer {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Json = nlohmann::json;

// The weight of m.a in one group, the parameters of m.b in another.
v1::Model TwoGroups() {
  v1::Model optimizer;
  optimizer.set_name("SGD#1");
  optimizer.set_optimizer(true);
  *optimizer.add_modules() = NewModule("SGD#1", "SGD", 0);
  *optimizer.add_modules() = NewModule("SGD#1.0", "", 1);
  *optimizer.add_modules() = NewModule("SGD#1.1", "", 1);
  *optimizer.add_parameters() = NewParameter("SGD#1.0.0", 2, kFirstWeight);
  *optimizer.add_parameters() = NewParameter("SGD#1.1.0", 3, kSecondWeight);
  *optimizer.add_parameters() = NewParameter("SGD#1.1.1", 3, kSecondBias);
  return optimizer;
}

class OptimizerGroupsTest : public ::testing::Test {
 protected:
  OptimizerGroupsTest() : run_(TwoLayers()) { run_.log.Model(TwoGroups()); }

  void BeginStep() {
    run_.Begin(run_.log.Span(v1::SPAN_KIND_RANGE, "Optimizer.step#SGD.step"));
  }
  // Changes a parameter, and reads these.
  void Change(uint64_t parameter, std::vector<uint64_t> reads = {}) {
    reads.insert(reads.begin(), parameter);
    run_.Op("aten::add_", reads, {parameter}, {},
            "aten::add_.Tensor(Tensor(a!) self, Tensor other) -> Tensor(a!)");
  }
  // "SGD#1.0: 2 ops", for each group.
  std::vector<std::string> Groups() {
    const Json json = JsonOf(Summary, run_.log.Finish())["optimizer"];
    std::vector<std::string> groups;
    for (const Json& group : json["groups"]) {
      EXPECT_EQ(group["time_ns"], 10 * group["ops"].get<int>());
      groups.push_back(group["name"].get<std::string>() + ": " +
                       group["ops"].dump() + " ops");
    }
    return groups;
  }

  OwnersLog run_;
};

TEST_F(OptimizerGroupsTest, OpWorksForTheGroupWhoseParametersItTouches) {
  BeginStep();
  Change(kFirstWeight);
  Change(kSecondWeight);
  Change(kSecondBias);
  run_.End();
  EXPECT_THAT(Groups(), ElementsAre("SGD#1.0: 1 ops", "SGD#1.1: 2 ops"));
}

TEST_F(OptimizerGroupsTest, StateIsKnownByTheParametersThatItIsTouchedWith) {
  BeginStep();
  run_.Op("aten::mul_", {50}, {50});      // known from the third
  run_.Op("aten::add_", {50, 60}, {50});  // likewise, and tells of a gradient
  Change(kFirstWeight, {50});
  run_.Op("aten::square", {60}, {61});
  run_.End();
  EXPECT_THAT(Groups(), ElementsAre("SGD#1.0: 4 ops", "SGD#1.1: 0 ops"));
}

TEST_F(OptimizerGroupsTest, OpForSeveralGroupsIsInNone) {
  BeginStep();
  Change(kFirstWeight, {kSecondWeight});
  run_.End();
  EXPECT_THAT(Groups(), ElementsAre("SGD#1.0: 0 ops", "SGD#1.1: 0 ops"));
}

TEST_F(OptimizerGroupsTest, WorkOutsideOfStepsIsInNoGroup) {
  Change(kFirstWeight);
  EXPECT_THAT(Groups(), ElementsAre("SGD#1.0: 0 ops", "SGD#1.1: 0 ops"));
}

TEST_F(OptimizerGroupsTest, ParametersOfEachGroupAreCounted) {
  const Json groups = JsonOf(Summary, run_.log.Finish())["optimizer"]["groups"];
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups[0]["parameters"], 10);
  EXPECT_EQ(groups[1]["parameters"], 20);
  EXPECT_EQ(groups[1]["type"], "SGD");
}

TEST(OptimizerGroups, LogWithoutOptimizersHasNone) {
  EXPECT_THAT(JsonOf(Summary, SampleRun().Finish())["optimizer"]["groups"],
              IsEmpty());
}

}  // namespace
}  // namespace torchtape::viewer
