#include "core/module_names.h"

#include <memory>

#include "gmock/gmock.h"

namespace torchtape::internal {
namespace {

class ModuleNamesTest : public ::testing::Test {
 protected:
  // A model of one module, whose owner is `owner`.
  static ModelFacts Model(const std::string& name, const std::string& path,
                          const void* address,
                          const std::shared_ptr<int>& owner) {
    ModelFacts model;
    model.name = name;
    ModuleFacts& module = model.modules.emplace_back();
    module.path = path;
    module.type = "torch::nn::LinearImpl";
    module.address = address;
    module.instance = owner;
    module.owned = owner != nullptr;
    return model;
  }
  std::string PathOf(const void* address,
                     const std::string& type = "torch::nn::LinearImpl") {
    return names_.Find(address, type).path;
  }

  ModuleNames names_;
  char places_[10000] = {};
};

TEST_F(ModuleNamesTest, TypesAreShort) {
  EXPECT_EQ(ShortTypeName("torch::nn::Conv2dImpl"), "Conv2d");
  EXPECT_EQ(ShortTypeName("(anonymous namespace)::Net"), "Net");
  EXPECT_EQ(ShortTypeName("mine::NetImpl"), "mine::NetImpl");
}

TEST_F(ModuleNamesTest, AttachedModuleIsNamedByItsPath) {
  const auto owner = std::make_shared<int>();
  names_.Attach(Model("net", "net.fc", places_, owner));
  EXPECT_EQ(PathOf(places_), "net.fc");
  EXPECT_EQ(names_.Find(places_, "any").type, "Linear");
}

TEST_F(ModuleNamesTest, OthersAreNumberedByType) {
  EXPECT_EQ(PathOf(places_), "Linear#1");
  EXPECT_EQ(PathOf(places_ + 8), "Linear#2");
  EXPECT_EQ(PathOf(places_, "torch::nn::ReLUImpl"), "ReLU#1");
  EXPECT_EQ(PathOf(places_), "Linear#1");
}

TEST_F(ModuleNamesTest, ModuleThatIsGoneNamesNothing) {
  auto owner = std::make_shared<int>();
  names_.Attach(Model("net", "net.fc", places_, owner));
  owner.reset();
  EXPECT_EQ(PathOf(places_), "Linear#1");
}

TEST_F(ModuleNamesTest, OfAModuleThatNobodyOwnsTheTypeTells) {
  names_.Attach(Model("net", "net.fc", places_, nullptr));
  EXPECT_EQ(PathOf(places_), "net.fc");
  EXPECT_EQ(PathOf(places_, "torch::nn::ReLUImpl"), "ReLU#1");
}

TEST_F(ModuleNamesTest, AttachedAgainItTakesThePlaceOfWhatItWas) {
  const auto owner = std::make_shared<int>();
  const uint64_t version = names_.version();
  names_.Attach(Model("net", "net.fc", places_, owner));
  names_.Attach(Model("net", "net.head", places_ + 8, owner));
  EXPECT_EQ(PathOf(places_ + 8), "net.head");
  EXPECT_EQ(PathOf(places_), "Linear#1");
  EXPECT_EQ(names_.version(), version + 2);
}

TEST_F(ModuleNamesTest, TheFirstModelNamesAModuleOfTwo) {
  const auto owner = std::make_shared<int>();
  names_.Attach(Model("gan", "gan.generator", places_, owner));
  names_.Attach(Model("generator", "generator", places_, owner));
  EXPECT_EQ(PathOf(places_), "gan.generator");
}

TEST_F(ModuleNamesTest, NumbersHaveABound) {
  for (int i = 0; i < 9000; ++i) names_.Find(places_ + i, "Net");
  EXPECT_EQ(PathOf(places_ + 9999, "Net"), "Net");
  EXPECT_EQ(PathOf(places_, "Net"), "Net#1");
}

TEST_F(ModuleNamesTest, AfterwardsNothingIsKept) {
  const auto owner = std::make_shared<int>();
  names_.Attach(Model("net", "net.fc", places_, owner));
  names_.Clear();
  EXPECT_EQ(PathOf(places_), "Linear#1");
  EXPECT_EQ(owner.use_count(), 1);
}

}  // namespace
}  // namespace torchtape::internal
