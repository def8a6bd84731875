#ifndef TORCHTAPE_TESTS_SDK_CORE_THREAD_RECORDING_H_
#define TORCHTAPE_TESTS_SDK_CORE_THREAD_RECORDING_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/thread_recorder.h"
#include "gmock/gmock.h"
#include "support/encoding.h"

namespace torchtape::internal {

// One thread's recorder with a ring that is emptied when the test says so.
class ThreadRecording : public ::testing::Test {
 protected:
  explicit ThreadRecording(size_t ring_words)
      : recorder_(std::make_unique<ThreadRecorder>(
            std::make_unique<Ring>(ring_words), 1, ThreadFacts{1, "", 0, 0})) {}

  // Begins and ends a span with C++'s scope, as callbacks do.
  class Scope {
   public:
    Scope(ThreadRecording* test, const char* name) : test_(test) {
      ThreadRecorder::Call call = test->CallOf(name);
      call.key = this;
      test->recorder().Begin(call);
    }
    ~Scope() { test_->recorder().End(this, Ticks(), 0, false); }

   private:
    ThreadRecording* const test_;
  };

  ThreadRecorder& recorder() { return *recorder_; }
  const void* Key(size_t number) const { return keys_ + number; }

  KnownOperator* Op(const std::string& name) {
    KnownOperator* op = recorder_->FindByText(SpanKind::kOp, name);
    return op ? op : recorder_->AddByText(SpanKind::kOp, name);
  }
  ThreadRecorder::Call CallOf(const std::string& name) {
    ThreadRecorder::Call call;
    KnownOperator* op = Op(name);
    call.signature = op ? recorder_->BareSignature(op) : 0;
    return call;
  }
  void Begin(const std::string& name, size_t key) {
    ThreadRecorder::Call call = CallOf(name);
    call.key = Key(key);
    recorder_->Begin(call);
  }
  void Begin(uint32_t signature, size_t key) {
    ThreadRecorder::Call call;
    call.key = Key(key);
    call.signature = signature;
    recorder_->Begin(call);
  }
  // With what `values()` holds.
  void BeginWithValues(const std::string& name, size_t key) {
    ThreadRecorder::Call call;
    call.key = Key(key);
    call.signature = recorder_->SignatureOf(Op(name)->id);
    call.has_values = call.identities = true;
    recorder_->Begin(call);
  }
  void End(size_t key) { recorder_->End(Key(key), Ticks(), 0, false); }

  // Moves what is in the ring into the log.
  void Drain() {
    format::RecordSource source;
    source.thread.set_number(1);
    Ring* ring = recorder_->ring();
    ring->Peek(&source.first, &source.second);
    EXPECT_TRUE(encoding_.encoder()
                    .Consume(absl::MakeSpan(&source, 1), format::ClockLine(),
                             ~uint64_t{0} - 1)
                    .ok());
    ring->Release(source.position);
  }
  testing::ReplayedLog Finish() {
    Drain();
    testing::ReplayedLog log = encoding_.Finish();
    EXPECT_THAT(log.problems, ::testing::IsEmpty());
    return log;
  }

  static std::vector<std::string> Ops(const testing::ReplayedLog& log) {
    std::vector<std::string> ops;
    for (const testing::SeenEvent& event : log.events) ops.push_back(event.op);
    return ops;
  }

 private:
  const char keys_[2000] = {};
  testing::Encoding encoding_;
  std::unique_ptr<ThreadRecorder> recorder_;
};

}  // namespace torchtape::internal

#endif  // TORCHTAPE_TESTS_SDK_CORE_THREAD_RECORDING_H_
