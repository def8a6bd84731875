// A thread that has recorded before neither allocates nor frees to record.

#include "recording.h"
#include "support/malloc_calls.h"

namespace torchtape::internal {
namespace {

using testing::CallsOfMalloc;
using testing::IsOk;

class NoAllocationTest : public Recording {
 protected:
  void SetUp() override {
    ASSERT_THAT(Start(), IsOk());
    recorder_ = ThreadRecorder::Current();
  }

  // A call as the op callbacks record it.
  void RecordOp(const char* name) {
    KnownOperator* op = recorder_->FindByAddress(name);
    if (op == nullptr) {
      op = recorder_->AddByAddress(name, SpanKind::kOp, name, "", "");
    }
    if (op == nullptr) return;
    recorder_->values().Clear();
    recorder_->values().Real(0.5);
    recorder_->values().Integers(std::vector<int64_t>());
    ThreadRecorder::Call call;
    call.key = name;
    call.signature = recorder_->SignatureOf(op->id);
    call.has_values = call.identities = true;
    recorder_->Begin(call);
    ThreadRecorder::Current()->Allocate(0, 0x1000, 64);
    ThreadRecorder::Current()->Free(0x1000);
    recorder_->values().Clear();
    recorder_->End(name, Ticks(), recorder_->SignatureOf(0), true);
  }

  ThreadRecorder* recorder_ = nullptr;
};

// Else the tests below would say nothing.
TEST_F(NoAllocationTest, AllocationsAreSeen) {
  EXPECT_EQ(CallsOfMalloc([] { ::operator delete(::operator new(8)); }), 2);
  EXPECT_GT(CallsOfMalloc([] { const OpScope first("a new name"); }), 0);
}

TEST_F(NoAllocationTest, OpsThatWereSeenBeforeAllocateNothing) {
  static constexpr char kName[] = "aten::add";
  RecordOp(kName);
  EXPECT_EQ(CallsOfMalloc([this] {
              for (int i = 0; i < 1000; ++i) RecordOp(kName);
            }),
            0);
}

TEST_F(NoAllocationTest, NewSignaturesAllocateNothing) {
  KnownOperator* op = recorder_->AddByText(SpanKind::kOp, "aten::view");
  EXPECT_EQ(CallsOfMalloc([this, op] {
              for (int64_t i = 0; i < 10000; ++i) {
                recorder_->values().Clear();
                recorder_->values().Integer(i);
                recorder_->SignatureOf(op->id);
              }
            }),
            0);
}

TEST_F(NoAllocationTest, RangesStepsAndValuesAllocateNothing) {
  const auto turn = [this] {
    const OpScope range("a range with a name that is no short string");
    recorder_->Value("loss of the discriminator, smoothed", 1);
    recorder_->Step(1, true);
  };
  turn();
  EXPECT_EQ(CallsOfMalloc([&turn] {
              for (int i = 0; i < 1000; ++i) turn();
            }),
            0);
}

// Also with a ring that is full.
TEST_F(NoAllocationTest, DroppingAllocatesNothing) {
  EXPECT_EQ(CallsOfMalloc([this] {
              for (int i = 0; i < 100000; ++i) recorder_->Free(1);
            }),
            0);
}

}  // namespace
}  // namespace torchtape::internal
