#include "totals/wait_totals.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "viewer/owners.h"
#include "viewer/sample_run.h"

namespace torchtape::viewer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

v1::Value Integer(int64_t value) {
  v1::Value integer;
  integer.set_integer(value);
  return integer;
}

// A training whose log has the calls of the runtime library, each of 10 ns or
// as long as it is said.
class Waits : public ::testing::Test {
 protected:
  Waits() {
    run_.log.run.mutable_options()->set_device_calls(true);
    run_.log.Model(TwoLayers());
  }

  uint32_t CallOf(const std::string& name, const std::string& schema = "",
                  std::vector<v1::Value> values = {}) {
    return run_.log.Op(name, schema, std::move(values),
                       v1::SPAN_KIND_DEVICE_CALL);
  }
  uint32_t CopyToHost(int64_t bytes) {
    return CallOf("cudaMemcpyAsync",
                  "cudaMemcpyAsync(int bytes, int kind, int stream) -> int",
                  {Integer(bytes), Integer(2), Integer(7)});
  }
  uint32_t Synchronize() { return CallOf("cudaStreamSynchronize"); }

  void Begin(uint32_t signature, const LogBuilder::Ids& ids = {},
             std::optional<int64_t> sequence = {}) {
    run_.log.Begin(1, time_ns_ += 10, signature, ids, sequence);
  }
  void End(uint64_t ns = 10) { run_.log.End(1, time_ns_ += ns); }
  void Call(uint32_t signature, uint64_t ns = 10) {
    Begin(signature);
    End(ns);
  }
  void Step(uint64_t number) { run_.log.Step(number, time_ns_ += 10); }
  // An op that reads its module's weight, copies a number and waits for it.
  void Item(uint64_t wait_ns) {
    Begin(run_.log.Op("aten::item", "",
                      {run_.log.Tensor({1}), run_.log.Tensor({1})}),
          {{1, 1}, {kFirstWeight, kFirstWeight}}, 1);
    Call(CopyToHost(4));
    Call(Synchronize(), wait_ns);
    End();
  }

  Json Rows(VerbOptions options = {}) {
    options.by = "waits";
    return JsonOf(Summary, bytes(), options)["waits"];
  }
  std::string bytes() {
    if (bytes_.empty()) bytes_ = run_.log.Finish();
    return bytes_;
  }

  struct {
    LogBuilder log;
  } run_;

 private:
  uint64_t time_ns_ = 0;
  std::string bytes_;
};

TEST_F(Waits, HaveTheOpAndModuleAroundThemAndTheCopyThatTheyAreFor) {
  Item(300);
  Item(500);
  const Json rows = Rows();
  ASSERT_EQ(rows.size(), 1);
  EXPECT_EQ(rows[0]["op"], "aten::item");
  EXPECT_EQ(rows[0]["module"], "m.a");
  EXPECT_EQ(rows[0]["call"], "cudaStreamSynchronize");
  EXPECT_EQ(rows[0]["cause"], "copy to host");
  EXPECT_EQ(rows[0]["copied_bytes"], 8);
  EXPECT_EQ(rows[0]["count"], 2);
  EXPECT_EQ(rows[0]["wait_ns"], 800);
}

TEST_F(Waits, OutsideOfOpsAreForWhatTheyWait) {
  Call(Synchronize(), 100);
  Call(CallOf("cudaDeviceSynchronize"), 700);
  const Json rows = Rows();
  ASSERT_EQ(rows.size(), 2);  // the longest first
  EXPECT_EQ(rows[0]["call"], "cudaDeviceSynchronize");
  EXPECT_EQ(rows[0]["op"], nullptr);
  EXPECT_EQ(rows[0]["module"], nullptr);
  EXPECT_EQ(rows[0]["cause"], nullptr);
  EXPECT_EQ(rows[0]["copied_bytes"], nullptr);
  EXPECT_EQ(rows[1]["wait_ns"], 100);
}

TEST_F(Waits, CopyThatBlocksIsAWaitAndOneThatDoesNotIsNone) {
  Call(CopyToHost(4), 50);
  Call(CallOf("cudaMemcpy", "cudaMemcpy(int bytes, int kind) -> int",
              {Integer(64), Integer(1)}),
       90);
  Call(CallOf("cudaLaunchKernel"), 20);
  const Json rows = Rows();
  ASSERT_EQ(rows.size(), 1);
  EXPECT_EQ(rows[0]["call"], "cudaMemcpy");
  EXPECT_EQ(rows[0]["cause"], "copy to device");
  EXPECT_EQ(rows[0]["copied_bytes"], 64);
  EXPECT_EQ(rows[0]["wait_ns"], 90);
}

TEST_F(Waits, CopyIsTheCauseOfOneWaitOnly) {
  Begin(run_.log.Op("aten::copy_"));
  Call(CopyToHost(16));
  Call(Synchronize(), 40);
  Call(Synchronize(), 60);
  End();
  const Json rows = Rows();
  ASSERT_EQ(rows.size(), 2);
  EXPECT_EQ(rows[0]["cause"], nullptr);
  EXPECT_EQ(rows[1]["cause"], "copy to host");
}

TEST_F(Waits, AreThoseOfTheStepsThatWereChosen) {
  Item(300);
  Step(1);
  Call(Synchronize(), 20);
  VerbOptions options;
  options.steps.first = options.steps.last = 1;
  const Json rows = Rows(options);
  ASSERT_EQ(rows.size(), 1);
  EXPECT_EQ(rows[0]["op"], nullptr);
}

TEST_F(Waits, AreATableInWords) {
  Item(300);
  VerbOptions options;
  options.by = "waits";
  const std::string text = TextOf(Summary, bytes(), options);
  EXPECT_THAT(text, HasSubstr("StreamSynchronize  copy to host     4 B"));
  EXPECT_THAT(text, HasSubstr("m.a"));
  EXPECT_THAT(text, HasSubstr("100 %"));
}

TEST_F(Waits, CallsAddUpToTheTimeOfTheirOp) {
  Item(300);
  const Json summary = JsonOf(Summary, bytes());
  uint64_t sum = Entry(summary["ops"], "name", "aten::item")["self_ns"];
  for (const Json& call : summary["device_calls"]) {
    sum += call["self_ns"].get<uint64_t>();
  }
  EXPECT_EQ(sum, Entry(summary["ops"], "name", "aten::item")["total_ns"]);
}

TEST(WaitsOfALogWithoutDeviceCalls, AreSaidToBeUnknown) {
  VerbOptions options;
  options.by = "waits";
  const std::string text = TextOf(Summary, SampleRun().Finish(), options);
  EXPECT_THAT(text, HasSubstr("device calls were not recorded"));
}

}  // namespace
}  // namespace torchtape::viewer
