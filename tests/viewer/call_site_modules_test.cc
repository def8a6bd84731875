#include "modules/call_site_modules.h"

#include <deque>
#include <map>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "viewer/model_parts.h"

namespace torchtape::viewer {
namespace {

using testing::ElementsAre;

// Two blocks with two layers each, then a head.
ModuleTree Tree() {
  v1::Model model;
  *model.add_modules() = NewModule("net", "Net", 0);
  *model.add_modules() = NewModule("net.0", "Block", 1);
  *model.add_modules() = NewModule("net.0.x", "Layer", 2);
  *model.add_modules() = NewModule("net.0.y", "Layer", 2);
  *model.add_modules() = NewModule("net.1", "Block", 1);
  *model.add_modules() = NewModule("net.1.x", "Layer", 5);
  *model.add_modules() = NewModule("net.1.y", "Layer", 5);
  *model.add_modules() = NewModule("net.head", "Layer", 1);
  ModuleTree tree;
  tree.Add(model);
  return tree;
}

class CallSiteModulesTest : public ::testing::Test {
 protected:
  // An op of a module that is known.
  void Known(const std::string& path) {
    Unit unit;
    unit.owner = {tree_.Find(path), ModuleSource::kParameter, false};
    units_.push_back(unit);
  }
  // One that this function calls, of which inlining left these around it.
  void CalledBy(std::vector<SourceFrame> frames,
                const std::string& object = "/me/train") {
    const CodeObject& code = objects_.emplace_back(CodeObject{object, ""});
    CallSite& site = call_sites_.emplace_back();
    site.id = static_cast<uint32_t>(call_sites_.size() - 1);
    site.object = &code;
    sites_[site.id].frames = std::move(frames);
    Unit unit;
    unit.call_site = &site;
    units_.push_back(unit);
  }
  // The same call as before.
  void Again(size_t unit) {
    Unit again;
    again.call_site = units_[unit].call_site;
    units_.push_back(again);
  }
  static SourceFrame At(const std::string& function) {
    return {function, "net.cc", 7, false};
  }

  // The path of each unit's module; "-" if it has none.
  std::vector<std::string> Paths() {
    modules_.Tell(tree_, 0, &units_);
    std::vector<std::string> paths;
    for (const Unit& unit : units_) {
      paths.push_back(unit.owner.module == kNoModule
                          ? "-"
                          : tree_.modules()[unit.owner.module].path);
    }
    return paths;
  }

  ModuleTree tree_ = Tree();
  std::vector<Unit> units_;
  std::deque<CodeObject> objects_;
  std::deque<CallSite> call_sites_;
  std::map<uint32_t, Site> sites_;
  CallSiteModules modules_{[this](const CallSite& call_site) -> const Site& {
    return sites_[call_site.id];
  }};
};

TEST_F(CallSiteModulesTest, FunctionOfTheOnlyModuleOfItsTypeTellsIt) {
  CalledBy({{"at::relu", "/x/include/ATen/ops/relu.h", 3, true},
            At("Net::forward")});
  EXPECT_THAT(Paths(), ElementsAre("net"));
  EXPECT_EQ(units_[0].owner.source, ModuleSource::kCallSite);
}

TEST_F(CallSiteModulesTest, ModuleThatIsMetAfterItsFunctionIsFound) {
  CalledBy({At("Late::forward")});
  EXPECT_THAT(Paths(), ElementsAre("-"));
  tree_.AddCalled("net.late", "Late", tree_.Find("net"));
  Again(0);
  EXPECT_EQ(Paths()[1], "net.late");
}

TEST_F(CallSiteModulesTest, InnermostInlinedFunctionTells) {
  Known("net.0.x");
  CalledBy({At("Block::forward"), At("Net::forward")});
  Known("net.0.y");
  EXPECT_EQ(Paths()[1], "net.0");
}

TEST_F(CallSiteModulesTest, LambdaWorksForTheFunctionAroundIt) {
  CalledBy({At("Net::forward::{lambda}::operator()")});
  EXPECT_THAT(Paths(), ElementsAre("net"));
}

TEST_F(CallSiteModulesTest, ConstructorDoesNotWorkForItsModule) {
  CalledBy({At("Net::Net")});
  EXPECT_THAT(Paths(), ElementsAre("-"));
}

TEST_F(CallSiteModulesTest, WithoutDebugInformationNothingIsTold) {
  CalledBy({{"Net::forward", "", 0, false}});
  EXPECT_THAT(Paths(), ElementsAre("-"));
}

TEST_F(CallSiteModulesTest, CodeOfLibTorchTellsNothing) {
  CalledBy({At("Net::forward")}, "/x/libtorch_cpu.so");
  EXPECT_THAT(Paths(), ElementsAre("-"));
}

TEST_F(CallSiteModulesTest, NeighboursTellWhichModuleOfTheTypeItIs) {
  Known("net.0.x");
  CalledBy({At("Block::forward")});
  Known("net.0.y");
  Known("net.1.x");
  Again(1);
  Known("net.1.y");
  EXPECT_EQ(Paths()[1], "net.0");
  EXPECT_EQ(Paths()[4], "net.1");
}

TEST_F(CallSiteModulesTest, LastLineOfAFunctionIsKnownByTheLastCall) {
  Known("net.0.y");
  CalledBy({At("Block::forward")});
  Known("net.1.x");
  Known("net.1.y");
  Again(1);
  Known("net.head");
  EXPECT_EQ(Paths()[1], "net.0");
  EXPECT_EQ(Paths()[4], "net.1");
}

TEST_F(CallSiteModulesTest, FirstLineOfAFunctionIsKnownByTheFirstCall) {
  CalledBy({At("Block::forward")});
  Known("net.0.y");
  Again(0);
  Known("net.1.x");
  EXPECT_EQ(Paths()[0], "net.0");
  EXPECT_EQ(Paths()[2], "net.1");
}

TEST_F(CallSiteModulesTest, AmbiguousCallIsNotTold) {
  Known("net.0.y");
  CalledBy({At("Block::forward")});
  Known("net.1.x");
  EXPECT_EQ(Paths()[1], "-");
}

TEST_F(CallSiteModulesTest, BackwardPassSeparatesNeighbours) {
  Known("net.0.x");
  units_.emplace_back().backward = true;
  CalledBy({At("Block::forward")});
  EXPECT_EQ(Paths()[2], "-");
}

}  // namespace
}  // namespace torchtape::viewer
