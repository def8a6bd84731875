#include "torchtape/format/events_view.h"

#include "gmock/gmock.h"
#include "support/parse_text.h"
#include "support/status_matchers.h"

namespace torchtape::format {
namespace {

using ::testing::HasSubstr;
using testing::IsOk;
using testing::ParseText;
using ::testing::SizeIs;
using testing::StatusIs;

constexpr char kStream[] = R"(
  thread: 3 start_time_ns: 1000 first_span: 7 tensor_base: 5 storage_base: 6
  open { number: 2 signature: 1 }
  kinds: "\001\004" times: [300, 1] signatures: 1 results: 2
  tensors: 3 storages: 5 reals: 0.5)";

TEST(EventsView, HasWhatTheMessageHas) {
  const v1::Events events = ParseText<v1::Events>(
      std::string("step: 4 streams {") + kStream +
      "} streams { thread: 5 } steps { number: 5 } live_bytes: 9");
  const std::string payload = events.SerializeAsString();
  const auto view = EventsView::Parse(payload);
  ASSERT_THAT(view, IsOk());
  v1::Events head = events;
  head.clear_streams();
  EXPECT_EQ(view->head.DebugString(), head.DebugString());
  EXPECT_EQ(view->event_count(), 2);
  ASSERT_THAT(view->streams, SizeIs(2));
  const StreamView& stream = view->streams[0];
  EXPECT_EQ(stream.thread, 3);
  EXPECT_EQ(stream.start_time_ns, 1000);
  EXPECT_EQ(stream.first_span, 7);
  EXPECT_EQ(stream.tensor_base, 5);
  EXPECT_EQ(stream.storage_base, 6);
  ASSERT_THAT(stream.open, SizeIs(1));
  EXPECT_EQ(stream.open[0].number(), 2);
  EXPECT_EQ(stream.times, "\xac\x02\x01");
  EXPECT_THAT(stream.reals, SizeIs(8));
  EXPECT_EQ(view->streams[1].thread, 5);
}

// Protobuf lets a writer put a column into several parts, and not pack it.
TEST(EventsView, JoinsColumnsThatComeInParts) {
  const auto field = [](int number, const std::string& bytes) {
    return std::string{static_cast<char>(number << 3 | 2),
                       static_cast<char>(bytes.size())} +
           bytes;
  };
  const std::string times = field(6, "\x01") + field(6, "\x02");
  const std::string unpacked = {7 << 3, 1, 7 << 3, 2};  // signatures
  const std::string payload = field(6, field(5, "\x01\x01") + times + unpacked);
  const auto view = EventsView::Parse(payload);
  ASSERT_THAT(view, IsOk());
  EXPECT_EQ(view->streams[0].times, "\x01\x02");
  EXPECT_EQ(view->streams[0].signatures, "\x01\x02");
}

TEST(EventsView, AnythingElseIsDataLoss) {
  const std::string payload =
      ParseText<v1::Events>(std::string("streams {") + kStream + "}")
          .SerializeAsString();
  for (size_t size = 1; size < payload.size(); ++size) {
    EXPECT_THAT(EventsView::Parse(payload.substr(0, size)),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("parse")))
        << size;
  }
}

TEST(EventsView, MoreStreamsThanThreadsAreRefused) {
  std::string payload;
  for (int i = 0; i <= 1 << 16; ++i) payload += std::string("\x32\x00", 2);
  EXPECT_THAT(EventsView::Parse(payload),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("threads")));
}

}  // namespace
}  // namespace torchtape::format
