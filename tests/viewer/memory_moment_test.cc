#include "totals/memory_moment.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "viewer/device_run.h"

namespace torchtape::viewer {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

constexpr uint32_t kCuda = 1 << 8 | 1;

Json MomentOf(const std::string& bytes,
              const VerbOptions& options = By("oom")) {
  return JsonOf(Summary, bytes, options)["out_of_memory"];
}

Json HeldBy(const Json& moment, const Json& module) {
  return Entry(moment["modules"], "module", module);
}

// Sums of the whole, by module, line and device.
void ExpectSumsAreExact(const Json& moment) {
  const uint64_t known = moment["live_bytes"].get<uint64_t>() -
                         moment["unknown_bytes"].get<uint64_t>();
  for (const char* by : {"modules", "sources", "devices"}) {
    uint64_t sum = 0, allocations = 0;
    for (const Json& held : moment[by]) {
      sum += held["bytes"].get<uint64_t>();
      allocations += held["allocations"].get<uint64_t>();
    }
    EXPECT_EQ(sum, known) << by;
    EXPECT_EQ(moment["allocations"], allocations) << by;
  }
  if (moment["roles"].is_null()) return;
  uint64_t roles = 0;
  for (const auto& [role, bytes] : moment["roles"].items()) {
    roles += bytes.get<uint64_t>();
  }
  EXPECT_EQ(roles, known);
}

// In step 1, m.a holds 1000 B that it saves, m.b 300 B, and nobody 50 B, when
// memory runs out at 2000 in "big", which m.b's op calls. Another 7 B come
// after.
class OutOfMemory : public ::testing::Test {
 protected:
  OutOfMemory() {
    log_.run.mutable_options()->set_memory(true);
    log_.run.mutable_options()->set_saved_tensors(true);
    log_.Model(TwoLayers());
  }

  void Begin(const std::string& name, uint64_t time_ns, uint64_t weight = 0) {
    const uint32_t op =
        log_.Op(name, "",
                weight == 0 ? std::vector<v1::Value>()
                            : std::vector<v1::Value>{log_.Tensor({1})});
    if (weight == 0) return log_.Begin(1, time_ns, op);
    log_.Begin(1, time_ns, op, {{weight, weight}}, ++sequence_);
  }
  void UntilItRunsOut() {
    log_.Step(1, 1000);
    Begin("linear", 1010, kFirstWeight);
    log_.Allocate(1, 1020, 1, 1000);
    log_.Save(1, 1, 1000);
    log_.Allocate(1, 1025, 2, 4000);
    log_.Free(1, 1030, 2);
    log_.End(1, 1040);
    log_.Allocate(1, 1050, 3, 50);
    Begin("matmul", 1100, kSecondWeight);
    log_.Allocate(1, 1110, 4, 300);
    Begin("big", 1200);
    log_.OutOfMemory("cpu, 123456 bytes", 2000);
    log_.Threw(1, 2010);
    log_.Threw(1, 2020);
  }
  void Run() {
    UntilItRunsOut();
    log_.Allocate(1, 2100, 5, 7);
    log_.Free(1, 2200, 1);
    log_.Step(2, 3000);
  }

  LogBuilder log_;

 private:
  int64_t sequence_ = 0;
};

TEST_F(OutOfMemory, SaysWhoHeldWhatAtThatInstantAndSumsAreExact) {
  Run();
  const Json moment = MomentOf(log_.Finish());
  EXPECT_EQ(moment["asked"], "cpu, 123456 bytes");
  EXPECT_EQ(moment["step"], 1);
  EXPECT_EQ(moment["time_ns"], 2000);
  EXPECT_EQ(moment["op"], "big");
  EXPECT_EQ(moment["live_bytes"], 1350);
  EXPECT_EQ(moment["unknown_bytes"], 0);
  ExpectSumsAreExact(moment);
  EXPECT_EQ(HeldBy(moment, "m.a")["bytes"], 1000);
  EXPECT_EQ(HeldBy(moment, "m.a")["roles"]["saved"], 1000);
  EXPECT_EQ(HeldBy(moment, "m.b")["bytes"], 300);
  EXPECT_EQ(HeldBy(moment, "m.b")["roles"]["temporary"], 300);
  EXPECT_EQ(HeldBy(moment, nullptr)["bytes"], 50);
  EXPECT_EQ(moment["roles"]["saved"], 1000);
  const Json& largest = moment["largest"];
  ASSERT_EQ(largest.size(), 3);
  EXPECT_EQ(largest[0]["storage"], 1);
  EXPECT_EQ(largest[0]["maker"], "linear");
  EXPECT_EQ(largest[0]["module"], "m.a");
  EXPECT_EQ(largest[0]["role"], "saved");
  EXPECT_EQ(largest[0]["device"], "cpu");
  EXPECT_EQ(largest[0]["step"], 1);
  EXPECT_EQ(largest[2]["maker"], nullptr);
}

TEST_F(OutOfMemory, SummaryPointsToIt) {
  Run();
  Begin("relu", 3100);
  log_.End(1, 3200);
  const std::string bytes = log_.Finish();
  EXPECT_EQ(JsonOf(Summary, bytes, {})["memory"]["ran_out"], 1);
  EXPECT_THAT(TextOf(Summary, bytes, {}),
              HasSubstr("ran out 1 time; torchtape summary --oom tells who"));
  VerbOptions later;
  later.steps = {2, 2, "--step 2"};
  EXPECT_EQ(JsonOf(Summary, bytes, later)["memory"]["ran_out"], 0);
  EXPECT_THAT(TextOf(Summary, bytes, later), Not(HasSubstr("ran out")));
}

TEST_F(OutOfMemory, TheLastOneOfTheChosenStepsIsTold) {
  Run();
  Begin("again", 3010);
  log_.OutOfMemory("cpu, 99 bytes", 3020);
  log_.Threw(1, 3030);
  const std::string bytes = log_.Finish();
  EXPECT_EQ(MomentOf(bytes)["asked"], "cpu, 99 bytes");
  EXPECT_EQ(MomentOf(bytes)["live_bytes"], 357);
  VerbOptions options = By("oom");
  options.steps = {1, 1, "--step 1"};
  EXPECT_EQ(MomentOf(bytes, options)["asked"], "cpu, 123456 bytes");
  EXPECT_EQ(MomentOf(bytes, options)["live_bytes"], 1350);
}

TEST_F(OutOfMemory, RunThatIsKilledByItTellsIt) {
  UntilItRunsOut();
  log_.NewChunk();
  const Json moment = MomentOf(log_.Kill());
  EXPECT_EQ(moment["asked"], "cpu, 123456 bytes");
  EXPECT_EQ(moment["live_bytes"], 1350);
  ExpectSumsAreExact(moment);
}

TEST_F(OutOfMemory, OtherEndOfAKilledRunIsToldToo) {
  log_.Step(1, 1000);
  Begin("linear", 1010, kFirstWeight);
  log_.Allocate(1, 1020, 1, 1000, kCuda);
  log_.End(1, 1030);
  log_.NewChunk();
  const std::string bytes = log_.Kill();
  const Json moment = MomentOf(bytes);
  EXPECT_EQ(moment["asked"], nullptr);
  EXPECT_EQ(moment["step"], 1);
  EXPECT_EQ(moment["live_bytes"], 1000);
  EXPECT_EQ(HeldBy(moment, "m.a")["bytes"], 1000);
  EXPECT_EQ(moment["devices"][0]["name"], "cuda:0");
  EXPECT_THAT(TextOf(Summary, bytes, By("oom")),
              HasSubstr("the run was killed in step 1"));
}

TEST_F(OutOfMemory, RunThatComesToItsEndNeverRanOut) {
  log_.Step(1, 1000);
  log_.Allocate(1, 1020, 1, 1000);
  const std::string bytes = log_.Finish();
  EXPECT_EQ(MomentOf(bytes), nullptr);
  EXPECT_THAT(TextOf(Summary, bytes, By("oom")), HasSubstr("did not run out"));
}

TEST_F(OutOfMemory, OtherOpThatThrewIsNotBlamed) {
  Begin("small", 1010);
  log_.OutOfMemory("cpu, 9 bytes", 1020);
  log_.End(1, 1030);
  Begin("later", 1040);
  log_.Threw(1, 1050);
  EXPECT_EQ(MomentOf(log_.Finish())["op"], nullptr);
}

TEST_F(OutOfMemory, ParametersFromBeforeTheRecordingAreSaidToBeMissing) {
  Run();
  const std::string bytes = log_.Finish();
  const uint64_t older = MomentOf(bytes)["older_parameter_bytes"];
  EXPECT_GT(older, 0);
  EXPECT_THAT(TextOf(Summary, bytes, By("oom")),
              HasSubstr("from before the recording are not in it"));
}

TEST_F(OutOfMemory, WhatDamagedChunksAllocatedIsUnknown) {
  log_.Step(1, 100);
  log_.Allocate(1, 110, 8, 600);
  log_.NewChunk();
  log_.Allocate(1, 120, 9, 70);
  log_.NewChunk();
  Run();
  std::string bytes = log_.Finish();
  bytes[log_.offsets()[1] + 60] ^= 0x55;  // the first with events
  const Json moment = MomentOf(bytes);
  EXPECT_EQ(moment["live_bytes"], 1350 + 670);
  EXPECT_EQ(moment["unknown_bytes"], 600);
  ExpectSumsAreExact(moment);
}

TEST_F(OutOfMemory, WithoutRecordsOfSavedTensorsRolesAreNotKnown) {
  log_.run.mutable_options()->set_saved_tensors(false);
  Begin("linear", 1010, kFirstWeight);
  log_.Allocate(1, 1020, 1, 1000);
  log_.OutOfMemory("cpu, 9 bytes", 1025);
  log_.End(1, 1040);
  const Json moment = MomentOf(log_.Finish());
  EXPECT_EQ(moment["roles"], nullptr);
  EXPECT_EQ(moment["largest"][0]["role"], nullptr);
  ExpectSumsAreExact(moment);
}

TEST_F(OutOfMemory, AllocatorOfADeviceTellsWhatItHeldAtThatInstant) {
  log_.Allocate(1, 900, 8, 600, kCuda);
  log_.DeviceMemory(900, 7000, 8192);
  log_.NewChunk();
  UntilItRunsOut();
  log_.DeviceMemory(1990, 7100, 9216);
  log_.DeviceMemory(2050, 1, 2);
  log_.NewChunk();
  log_.DeviceMemory(2900, 3, 4);
  log_.Step(2, 3000);
  const std::string bytes = log_.Finish();
  const Json devices = MomentOf(bytes)["devices"];
  const Json cuda = Entry(devices, "name", "cuda:0");
  EXPECT_EQ(cuda["bytes"], 600);
  EXPECT_EQ(cuda["allocator_allocated_bytes"], 7100);
  EXPECT_EQ(cuda["allocator_reserved_bytes"], 9216);
  const Json cpu = Entry(devices, "name", "cpu");
  EXPECT_EQ(cpu["allocator_allocated_bytes"], nullptr);
  EXPECT_EQ(cpu["allocator_reserved_bytes"], nullptr);
  EXPECT_THAT(TextOf(Summary, bytes, By("oom")),
              HasSubstr("the allocator of cuda:0 had given out 6.9 KiB and "
                        "held 9.0 KiB of the device"));
}

TEST_F(OutOfMemory, AllocatorIsThatOfTheChunksBeforeIfItSaidNothingSince) {
  log_.Allocate(1, 890, 8, 1);
  log_.DeviceMemory(900, 7000, 8192);
  log_.NewChunk();
  UntilItRunsOut();
  const Json moment = MomentOf(log_.Finish());
  const Json cuda = Entry(moment["devices"], "name", "cuda:0");
  EXPECT_EQ(cuda["bytes"], 0);
  EXPECT_EQ(cuda["allocations"], 0);
  EXPECT_EQ(cuda["allocator_reserved_bytes"], 8192);
  ExpectSumsAreExact(moment);
}

TEST_F(OutOfMemory, AllocatorOfAKilledRunIsThatOfItsEnd) {
  log_.Step(1, 1000);
  log_.Allocate(1, 1020, 1, 1000, kCuda);
  log_.DeviceMemory(1020, 7000, 8192);
  log_.NewChunk();
  log_.Allocate(1, 1030, 2, 1000, kCuda);
  log_.DeviceMemory(1030, 8000, 9000);
  log_.NewChunk();
  const Json cuda = MomentOf(log_.Kill())["devices"].at(0);
  EXPECT_EQ(cuda["allocator_allocated_bytes"], 8000);
}

TEST_F(OutOfMemory, RoleIsThatUpToTheEndOfTheSteps) {
  Run();
  log_.Free(1, 3010, 5);  // an event, behind which m.b's memory is saved
  log_.Save(1, 4, 300);
  VerbOptions options = By("oom");
  options.steps = {1, 1, "--step 1"};
  const std::string bytes = log_.Finish();
  EXPECT_EQ(HeldBy(MomentOf(bytes), "m.b")["roles"]["saved"], 300);
  EXPECT_EQ(HeldBy(MomentOf(bytes, options), "m.b")["roles"]["temporary"], 300);
}

TEST_F(OutOfMemory, ParameterIsAParameter) {
  log_.Step(1, 1000);
  Begin("empty", 1010);
  log_.Allocate(1, 1020, kFirstWeight, 24);
  log_.OutOfMemory("cpu, 9 bytes", 1030);
  log_.Threw(1, 1040);
  EXPECT_EQ(MomentOf(log_.Finish())["largest"][0]["role"], "parameter");
}

TEST_F(OutOfMemory, WhatWasLiveInAnotherWindowIsForgotten) {
  log_.Allocate(1, 110, 8, 600);
  log_.Window(120, false);
  log_.Window(130, true);
  Run();
  const Json moment = MomentOf(log_.Finish());
  EXPECT_EQ(moment["live_bytes"], 1350);
  ExpectSumsAreExact(moment);
}

TEST_F(OutOfMemory, EndOfAKilledRunIsOfItsLastStep) {
  Begin("before", 10);
  log_.End(1, 20);
  log_.Step(1, 1000);
  log_.Allocate(1, 1020, 1, 1000);
  log_.NewChunk();
  VerbOptions options = By("oom");
  options.steps = {0, 0, "--step 0"};
  EXPECT_EQ(MomentOf(log_.Kill(), options), nullptr);
}

TEST_F(OutOfMemory, StepThatFreesMoreThanFitsKeepsItsModules) {
  log_.Step(1, 1000);
  Begin("linear", 1010, kFirstWeight);
  log_.Allocate(1, 1020, 1, 1000);
  for (uint64_t i = 0; i < 70'000; ++i) {
    log_.Allocate(1, 1030, 10 + i, 8);
    log_.Free(1, 1030, 10 + i);
  }
  log_.OutOfMemory("cpu, 9 bytes", 1040);
  log_.End(1, 1050);
  const Json moment = MomentOf(log_.Finish());
  EXPECT_EQ(HeldBy(moment, "m.a")["bytes"], 1000);
}

TEST_F(OutOfMemory, TextHasTables) {
  Run();
  const std::string text = TextOf(Summary, log_.Finish(), By("oom"));
  EXPECT_THAT(text, HasSubstr("out of memory: cpu, 123456 bytes, in step 1, at "
                              "2.0 us, in big"));
  EXPECT_THAT(text, HasSubstr("live then: 1.3 KiB in 3 allocations   cpu "));
  EXPECT_THAT(text, HasSubstr("held by module"));
  EXPECT_THAT(text, Not(HasSubstr("held by line")));
  EXPECT_THAT(text, HasSubstr("linear            m.a"));
}

}  // namespace
}  // namespace torchtape::viewer
