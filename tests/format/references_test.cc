// FORMAT.md "References": how ids are written.

#include "gmock/gmock.h"
#include "support/status_matchers.h"
#include "torchtape/format/stream_cursor.h"

namespace torchtape::format {
namespace {

using ::testing::ElementsAre;
using testing::IsOk;

// Decodes `codes` as the tensors of one event.
std::vector<uint64_t> Decode(uint64_t base, std::vector<uint64_t> codes) {
  v1::Events events;
  v1::Signature* signature = events.mutable_dictionary()->add_signatures();
  v1::Stream* stream = events.add_streams();
  stream->set_tensor_base(base);
  stream->set_kinds(std::string(1, v1::EVENT_KIND_BEGIN));
  stream->add_times(0);
  stream->add_signatures(1);
  for (uint64_t code : codes) {
    signature->add_values()->set_tensor(1);
    stream->add_tensors(code);
    stream->add_storages(0);
  }
  StreamCursor cursor(events, *stream, StreamCursor::Columns::kAll);
  Event event;
  EXPECT_TRUE(cursor.Next(&event));
  std::vector<uint64_t> ids;
  for (const TensorId& id : event.tensors) ids.push_back(id.tensor);
  return ids;
}

TEST(References, ZeroIsNone) { EXPECT_THAT(Decode(10, {0}), ElementsAre(0)); }

TEST(References, EvenCodesAreTheIdItself) {
  EXPECT_THAT(Decode(10, {2, 20}), ElementsAre(1, 10));
}

TEST(References, ThreeIsTheNextNewId) {
  EXPECT_THAT(Decode(10, {3, 3, 3}), ElementsAre(11, 12, 13));
}

TEST(References, OneIsTheLatestId) {
  EXPECT_THAT(Decode(10, {3, 1, 1}), ElementsAre(11, 11, 11));
}

// 5 is one back, 9 is two back; the highest id stays what it was.
TEST(References, SmallOddCodesAreRecentIds) {
  EXPECT_THAT(Decode(10, {3, 3, 3, 5, 9, 1}),
              ElementsAre(11, 12, 13, 12, 11, 13));
}

// 7 is two ahead: another thread made the id between.
TEST(References, IdsOfOtherThreadsMayBeJumpedOver) {
  EXPECT_THAT(Decode(10, {7, 1, 5}), ElementsAre(12, 12, 11));
}

TEST(References, EvenCodesDoNotMoveTheHighest) {
  EXPECT_THAT(Decode(10, {2, 3}), ElementsAre(1, 11));
}

TEST(References, ForgedCodesWrapAround) {
  EXPECT_THAT(Decode(~uint64_t{0}, {3}), ElementsAre(0));
  EXPECT_THAT(Decode(0, {~uint64_t{0}}), ElementsAre(uint64_t{1} << 62));
}

// Storages of ops, allocations and frees are coded against one highest id.
TEST(References, StoragesAllocationsAndFreesShareOneState) {
  v1::Events events;
  events.mutable_dictionary()->add_signatures()->add_values()->set_tensor(1);
  v1::Stream* stream = events.add_streams();
  stream->set_kinds(std::string{v1::EVENT_KIND_ALLOCATE, v1::EVENT_KIND_BEGIN,
                                v1::EVENT_KIND_FREE});
  for (int i = 0; i < 3; ++i) stream->add_times(0);
  stream->add_allocations(3);
  stream->add_sizes(1);
  stream->add_addresses(1);
  stream->add_signatures(1);
  stream->add_tensors(3);
  stream->add_storages(3);
  stream->add_frees(5);
  StreamCursor cursor(events, *stream, StreamCursor::Columns::kAll);
  Event event;
  ASSERT_TRUE(cursor.Next(&event));
  EXPECT_EQ(event.storage, 1);
  ASSERT_TRUE(cursor.Next(&event));
  EXPECT_EQ(event.tensors[0].storage, 2);
  ASSERT_TRUE(cursor.Next(&event));
  EXPECT_EQ(event.storage, 1);
  EXPECT_THAT(cursor.status(), IsOk());
}

}  // namespace
}  // namespace torchtape::format
