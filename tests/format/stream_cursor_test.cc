#include "torchtape/format/stream_cursor.h"

#include "gmock/gmock.h"
#include "support/parse_text.h"
#include "support/status_matchers.h"

namespace torchtape::format {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::ParseText;

// Signatures: 1 no values; 2 one tensor; 3 a list of a tensor and a real, and
// a complex.
constexpr char kDictionary[] = R"(
  dictionary {
    signatures { op: 1 }
    signatures { op: 2 values { tensor: 1 } }
    signatures {
      op: 3
      values { list { values { tensor: 1 } values { real: true } } }
      values { complex: true }
    }
  })";

// Walks one stream given in text format, event by event.
class StreamCursorTest : public ::testing::Test {
 protected:
  void Walk(const std::string& stream,
            StreamCursor::Columns columns = StreamCursor::Columns::kAll) {
    events_ = ParseText<v1::Events>(std::string(kDictionary) + " streams {" +
                                    stream + "}");
    cursor_.emplace(events_, events_.streams(0), columns);
  }
  // The next event, which must exist.
  const Event& Next() {
    EXPECT_TRUE(cursor_->Next(&event_)) << cursor_->status();
    return event_;
  }
  void ExpectEnd() {
    EXPECT_FALSE(cursor_->Next(&event_));
    EXPECT_THAT(cursor_->status(), IsOk());
  }

  v1::Events events_;
  absl::optional<StreamCursor> cursor_;
  Event event_;
};

TEST_F(StreamCursorTest, EmptyStreamHasNoEvents) {
  Walk("");
  ExpectEnd();
}

TEST_F(StreamCursorTest, SpanBeginsAndEnds) {
  Walk(R"(start_time_ns: 100 first_span: 7 kinds: "\001\004" times: [5, 20]
          signatures: 1 results: 2)");
  const Event& begin = Next();
  EXPECT_EQ(begin.kind, v1::EVENT_KIND_BEGIN);
  EXPECT_EQ(begin.time_ns, 105);
  EXPECT_EQ(begin.span->number, 7);
  EXPECT_EQ(begin.span->signature, 1);
  EXPECT_FALSE(begin.span->sequence);
  EXPECT_EQ(begin.parent, nullptr);
  const Event& end = Next();
  EXPECT_EQ(end.kind, v1::EVENT_KIND_END);
  EXPECT_EQ(end.time_ns, 125);
  EXPECT_EQ(end.span->number, 7);
  EXPECT_EQ(end.span->start_time_ns, 105);
  EXPECT_EQ(end.result, 2);
  ExpectEnd();
}

TEST_F(StreamCursorTest, SpansNest) {
  Walk(R"(kinds: "\001\001\005\001\006\005" times: [1, 1, 1, 1, 1, 1]
          signatures: [1, 2, 1])");
  EXPECT_EQ(Next().depth, 0);
  EXPECT_EQ(Next().depth, 1);
  EXPECT_EQ(event_.parent->number, 0);
  EXPECT_EQ(Next().span->number, 1);
  EXPECT_EQ(event_.parent->number, 0);
  EXPECT_EQ(Next().span->number, 2);
  EXPECT_EQ(cursor_->open().size(), 2);
  EXPECT_EQ(Next().kind, v1::EVENT_KIND_END_UNKNOWN);
  EXPECT_EQ(Next().span->number, 0);
  EXPECT_EQ(event_.parent, nullptr);
  EXPECT_THAT(cursor_->open(), IsEmpty());
  ExpectEnd();
}

TEST_F(StreamCursorTest, SpansOpenedInEarlierChunksEndHere) {
  Walk(R"(open { number: 3 start_time_ns: 10 signature: 1 sequence: 5 }
          open { number: 4 start_time_ns: 11 signature: 2 forward_thread: 9 }
          start_time_ns: 20 kinds: "\004\004" times: [1, 1] results: [0, 0])");
  EXPECT_EQ(Next().span->number, 4);
  EXPECT_EQ(event_.span->forward_thread, 9);
  EXPECT_FALSE(event_.span->sequence);
  EXPECT_EQ(event_.parent->number, 3);
  EXPECT_EQ(Next().span->sequence, 5);
  EXPECT_EQ(event_.span->start_time_ns, 10);
  ExpectEnd();
}

TEST_F(StreamCursorTest, SequenceNumbersAreSums) {
  Walk(R"(kinds: "\002\002\002" times: [0, 0, 0] signatures: [1, 1, 1]
          sequences: [10, 1, -4])");
  EXPECT_EQ(Next().span->sequence, 10);
  EXPECT_EQ(Next().span->sequence, 11);
  EXPECT_EQ(Next().span->sequence, 7);
  ExpectEnd();
}

TEST_F(StreamCursorTest, BackwardNodesNameTheirForwardOp) {
  Walk(R"(kinds: "\003" times: 0 signatures: 1 sequences: 10
          forward_threads: 2)");
  EXPECT_EQ(Next().span->sequence, 10);
  EXPECT_EQ(event_.span->forward_thread, 2);
  ExpectEnd();
}

TEST_F(StreamCursorTest, BackwardNodesMayHaveNoSequenceNumber) {
  Walk(R"(kinds: "\003\002" times: [0, 0] signatures: [1, 1]
          sequences: [0, 3] forward_threads: 0xffffffff)");
  EXPECT_FALSE(Next().span->sequence);
  EXPECT_EQ(event_.span->forward_thread, 0);
  EXPECT_EQ(Next().span->sequence, 3);
  ExpectEnd();
}

TEST_F(StreamCursorTest, IdsAndRealsFollowTheSignature) {
  Walk(R"(tensor_base: 10 storage_base: 5 kinds: "\001\004" times: [0, 0]
          signatures: 3 results: 2 tensors: [3, 4] storages: [3, 0]
          reals: [0.5, 1, -2])");
  Next();
  ASSERT_EQ(event_.tensors.size(), 1);
  EXPECT_EQ(event_.tensors[0].tensor, 11);
  EXPECT_EQ(event_.tensors[0].storage, 6);
  EXPECT_THAT(event_.reals, ElementsAre(0.5, 1, -2));
  Next();
  ASSERT_EQ(event_.tensors.size(), 1);
  EXPECT_EQ(event_.tensors[0].tensor, 2);
  EXPECT_EQ(event_.tensors[0].storage, 0);
  EXPECT_THAT(event_.reals, IsEmpty());
  ExpectEnd();
}

TEST_F(StreamCursorTest, EmptyColumnsMeanNotRecorded) {
  Walk(R"(kinds: "\001\004" times: [0, 0] signatures: 3 results: 2)");
  EXPECT_THAT(Next().tensors, IsEmpty());
  EXPECT_THAT(event_.reals, IsEmpty());
  EXPECT_THAT(Next().tensors, IsEmpty());
  ExpectEnd();
}

TEST_F(StreamCursorTest, ListsOfRealsTakeTheirLength) {
  events_ = ParseText<v1::Events>(R"(
      dictionary { signatures { op: 1 values { reals: 2 } } }
      streams { kinds: "\001\001" times: [0, 0] signatures: [1, 1]
                reals: [1, 2, 3, 4] })");
  cursor_.emplace(events_, events_.streams(0), StreamCursor::Columns::kAll);
  EXPECT_THAT(Next().reals, ElementsAre(1, 2));
  EXPECT_THAT(Next().reals, ElementsAre(3, 4));
  ExpectEnd();
}

TEST_F(StreamCursorTest, MemoryIsAllocatedAndFreed) {
  Walk(R"(storage_base: 4 kinds: "\007\007\010" times: [1, 1, 1]
          allocations: [3, 3] sizes: [100, 200] addresses: [4096, -96]
          frees: 3)");
  const Event& event = Next();
  EXPECT_EQ(event.kind, v1::EVENT_KIND_ALLOCATE);
  EXPECT_EQ(event.storage, 5);
  EXPECT_EQ(event.bytes, 100);
  EXPECT_EQ(event.address, 4096);
  EXPECT_EQ(event.span, nullptr);
  EXPECT_EQ(event.device_index, -1);
  EXPECT_EQ(Next().storage, 6);
  EXPECT_EQ(event.address, 4000);
  EXPECT_EQ(Next().kind, v1::EVENT_KIND_FREE);
  EXPECT_EQ(event.storage, 7);
  ExpectEnd();
}

TEST_F(StreamCursorTest, AllocationsNameTheirDevice) {
  Walk(R"(kinds: "\007\007" times: [1, 1] allocations: [3, 3] sizes: [1, 1]
          addresses: [1, 1] allocation_devices: [0, 0x103])");
  EXPECT_EQ(Next().device_type, 0);
  EXPECT_EQ(event_.device_index, -1);
  EXPECT_EQ(Next().device_type, 1);
  EXPECT_EQ(event_.device_index, 2);
  ExpectEnd();
}

TEST_F(StreamCursorTest, AllocationsBelongToTheInnermostSpan) {
  Walk(R"(kinds: "\001\001\007\005\010" times: [0, 0, 0, 0, 0]
          signatures: [1, 1] allocations: 3 sizes: 1 addresses: 1 frees: 1)");
  Next(), Next();
  EXPECT_EQ(Next().span->number, 1);
  EXPECT_EQ(event_.parent->number, 0);
  EXPECT_EQ(event_.depth, 1);
  Next();
  EXPECT_EQ(Next().span->number, 0);
  EXPECT_EQ(event_.parent, nullptr);
  ExpectEnd();
}

TEST_F(StreamCursorTest, OpsAloneLeaveOutIdsAndMemory) {
  Walk(R"(kinds: "\001\007\004" times: [1, 1, 1] signatures: 3 results: 2
          tensors: [3, 3] storages: [3, 3] reals: [1, 2, 3]
          allocations: 3 sizes: 100 addresses: 4096)",
       StreamCursor::Columns::kOps);
  EXPECT_THAT(Next().tensors, IsEmpty());
  EXPECT_EQ(Next().kind, v1::EVENT_KIND_ALLOCATE);
  EXPECT_EQ(event_.time_ns, 2);
  EXPECT_EQ(event_.bytes, 0);
  EXPECT_EQ(Next().result, 2);
  ExpectEnd();
}

TEST_F(StreamCursorTest, StreamsOfAChunkShareTheirCounts) {
  events_ = ParseText<v1::Events>(
      std::string(kDictionary) +
      R"(streams { kinds: "\001" times: 1 signatures: 2 tensors: 3 storages: 3 }
         streams { kinds: "\001" times: 2 signatures: 1 })");
  const auto counts = std::make_shared<const SignatureCounts>(events_);
  for (const v1::Stream& stream : events_.streams()) {
    cursor_.emplace(counts, StreamView::Of(stream),
                    StreamCursor::Columns::kAll);
    Next();
    ExpectEnd();
  }
}

}  // namespace
}  // namespace torchtape::format
