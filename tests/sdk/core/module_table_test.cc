#include "core/module_table.h"

#include "core/thread_recorder.h"
#include "gmock/gmock.h"
#include "thread_recording.h"

namespace torchtape::internal {
namespace {

ModuleInstance Instance(uint64_t address, uint64_t call_site = 1000) {
  return {address, 1, 2,
          ModuleInstance::CallWord(call_site, ModuleSource::kTap)};
}

TEST(ModuleTableTest, WhatIsAddedIsFoundAsAWhole) {
  ModuleTable table;
  EXPECT_EQ(table.Find(Instance(64), 1), nullptr);
  table.Add(Instance(64), 7);
  ASSERT_NE(table.Find(Instance(64), 1), nullptr);
  EXPECT_EQ(table.Find(Instance(64), 1)->op, 7u);
  EXPECT_EQ(table.Find(Instance(128), 1), nullptr);
  EXPECT_EQ(table.Find(Instance(64, 2000), 1), nullptr);
  ModuleInstance other_owner = Instance(64);
  other_owner.owner = 3;
  EXPECT_EQ(table.Find(other_owner, 1), nullptr);
}

TEST(ModuleTableTest, NamesThatChangedAreAskedForAnew) {
  ModuleTable table;
  table.Find(Instance(64), 1);
  table.Add(Instance(64), 7);
  EXPECT_EQ(table.Find(Instance(64), 2), nullptr);
}

TEST(ModuleTableTest, AnyNumberOfModulesHasRoom) {
  ModuleTable table;
  for (uint64_t i = 1; i <= 100000; ++i) {
    ASSERT_EQ(table.Find(Instance(i * 16), 0), nullptr);
    table.Add(Instance(i * 16), static_cast<uint32_t>(i));
    ASSERT_EQ(table.Find(Instance(i * 16), 0)->op, i);
  }
}

class ModuleSpansTest : public ThreadRecording {
 protected:
  ModuleSpansTest() : ThreadRecording(1 << 17) {}

  void Call(uint64_t address, const std::string& path) {
    ModuleTable::Entry* module =
        recorder().modules().Find(Instance(address), 0);
    if (module == nullptr) {
      module = recorder().AddModule(Instance(address), ModuleSource::kTap, path,
                                    "Linear");
    }
    Begin(recorder().SignatureOfModule(module, CallPath(1000)), 1);
    End(1);
  }
};

TEST_F(ModuleSpansTest, PathTypeAndSourceAreInTheLog) {
  Call(64, "net.fc");
  const testing::ReplayedLog log = Finish();
  const v1::Operator& op = log.chunks.at(0).dictionary().operators(0);
  EXPECT_EQ(op.kind(), v1::SPAN_KIND_MODULE);
  EXPECT_EQ(op.name(), "net.fc");
  EXPECT_EQ(op.overload(), "Linear");
  EXPECT_EQ(op.module_source(), v1::MODULE_SOURCE_TAP);
}

TEST_F(ModuleSpansTest, ModulesWithoutEndFillNoTable) {
  for (uint64_t i = 1; i <= 40000; ++i) {
    Call(i * 16, "net");
    if (i % 100 == 0) Drain();
  }
  const testing::ReplayedLog log = Finish();
  EXPECT_EQ(log.events.size(), 80000u);
}

}  // namespace
}  // namespace torchtape::internal
