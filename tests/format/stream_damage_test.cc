// Columns that contradict each other. The checksums were right, so such a
// chunk was written by a faulty or hostile program.

#include <random>

#include "gmock/gmock.h"
#include "support/parse_text.h"
#include "support/status_matchers.h"
#include "torchtape/format/stream_cursor.h"

namespace torchtape::format {
namespace {

using ::testing::HasSubstr;
using testing::ParseText;
using testing::StatusIs;

struct Case {
  const char* stream;
  const char* message;
};

// Walks the stream to its end.
absl::Status Walk(const v1::Events& events,
                  StreamCursor::Columns columns = StreamCursor::Columns::kAll) {
  StreamCursor cursor(events, events.streams(0), columns);
  Event event;
  while (cursor.Next(&event)) {
  }
  return cursor.status();
}

v1::Events WithStream(const std::string& stream) {
  return ParseText<v1::Events>(
      R"(dictionary { signatures { op: 1 }
                      signatures { op: 1 values { tensor: 1 }
                                   values { real: true } } }
         streams {)" +
      stream + "}");
}

TEST(StreamDamage, EveryContradictionIsDataLoss) {
  const Case cases[] = {
      {R"(kinds: "\001" signatures: 1)", "`times`"},
      {R"(saves: 0 saved_bytes: 1)", "of saves ends"},
      {R"(saves: 0 saved_storages: -1)", "of saves ends"},
      {R"(saves: 2 saved_storages: -1 saved_bytes: 1)", "longer"},
      {R"(saved_storages: -1)", "longer"},
      {R"(kinds: "\011" times: 1)", "unknown kind"},
      {R"(times: [1, 2])", "`times`"},
      {R"(kinds: "\001" times: 1)", "`signatures` ends"},
      {R"(kinds: "\002" times: 1 signatures: 1)", "`sequences` ends"},
      {R"(kinds: "\003" times: 1 signatures: 1 sequences: 1)",
       "`forward_threads` ends"},
      {R"(kinds: "\004" times: 1 results: 0)", "did not begin"},
      {R"(kinds: "\005" times: 1)", "did not begin"},
      {R"(kinds: "\006" times: 1)", "did not begin"},
      {R"(kinds: "\001\004" times: [1, 1] signatures: 1)", "`results` ends"},
      {R"(kinds: "\001" times: 1 signatures: 3)", "signature"},
      {R"(kinds: "\001" times: 1 signatures: 0xffffffff)", "signature"},
      {R"(kinds: "\001\004" times: [1, 1] signatures: 1 results: 3)",
       "signature"},
      {R"(open { signature: 3 })", "signature"},
      {R"(kinds: "\001\001" times: [1, 1] signatures: [2, 2] tensors: 3
          storages: 3)",
       "`tensors` ends"},
      {R"(kinds: "\001" times: 1 signatures: 2 tensors: 3)", "`storages`"},
      {R"(kinds: "\001\001" times: [1, 1] signatures: [2, 2] reals: 3)",
       "`reals` ends"},
      {R"(kinds: "\007" times: 1 sizes: 1 addresses: 1)", "allocations"},
      {R"(kinds: "\007" times: 1 allocations: 1 addresses: 1)", "allocations"},
      {R"(kinds: "\007" times: 1 allocations: 1 sizes: 1)", "allocations"},
      {R"(kinds: "\007\007" times: [1, 1] allocations: [1, 1] sizes: [1, 1]
          addresses: [1, 1] allocation_devices: 1)",
       "allocations"},
      {R"(kinds: "\010" times: 1)", "`frees` ends"},
      {R"(kinds: "\000" times: 1)", "unknown kind"},
      {R"(kinds: "\011" times: 1)", "unknown kind"},
      {R"(kinds: "\377" times: 1)", "unknown kind"},
      {R"(start_time_ns: 5 kinds: "\001" times: 0xffffffffffffffff)", "time"},
      {R"(signatures: 1)", "longer"},
      {R"(frees: 1)", "longer"},
  };
  for (const Case& c : cases) {
    EXPECT_THAT(Walk(WithStream(c.stream)),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr(c.message)))
        << c.stream;
  }
}

TEST(StreamDamage, DamageIsFinal) {
  const v1::Events events = WithStream(R"(kinds: "\004\001" times: [1, 1]
                                          signatures: 1)");
  StreamCursor cursor(events, events.streams(0), StreamCursor::Columns::kAll);
  Event event;
  EXPECT_FALSE(cursor.Next(&event));
  EXPECT_FALSE(cursor.Next(&event));
  EXPECT_FALSE(cursor.status().ok());
}

TEST(StreamDamage, EndlessNestingIsDataLoss) {
  v1::Events events = WithStream("");
  v1::Stream* stream = events.mutable_streams(0);
  constexpr int kDeep = (1 << 16) + 1;
  stream->set_kinds(std::string(kDeep, v1::EVENT_KIND_BEGIN));
  for (int i = 0; i < kDeep; ++i) {
    stream->add_times(0);
    stream->add_signatures(1);
  }
  EXPECT_THAT(Walk(events), StatusIs(absl::StatusCode::kDataLoss,
                                     HasSubstr("nested too deeply")));
}

TEST(StreamDamage, HugeListsOfRealsAreNotBelieved) {
  const v1::Events events = ParseText<v1::Events>(R"(
      dictionary { signatures { values { reals: 0xffffffffffffffff }
                                values { reals: 2 } } }
      streams { kinds: "\001" times: 1 signatures: 1 reals: 1 })");
  EXPECT_THAT(Walk(events),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("`reals` ends")));
}

// Random columns: the sanitizers see whether any array is left.
TEST(StreamDamage, RandomColumnsNeverLeadOutside) {
  std::mt19937_64 random(1);
  const auto few = [&] { return static_cast<int>(random() % 12); };
  for (int round = 0; round < 20000; ++round) {
    v1::Events events = WithStream("");
    v1::Stream* stream = events.mutable_streams(0);
    const int size = few();
    for (int i = 0; i < size; ++i) {
      stream->mutable_kinds()->push_back(static_cast<char>(1 + random() % 8));
      stream->add_times(random() % 100);
    }
    for (int i = few(); i > 0; --i) stream->add_signatures(random() % 4);
    for (int i = few(); i > 0; --i) stream->add_sequences(few());
    for (int i = few(); i > 0; --i) stream->add_forward_threads(random() % 3);
    for (int i = few(); i > 0; --i) stream->add_results(random() % 4);
    for (int i = few(); i > 0; --i) {
      stream->add_tensors(random());
      stream->add_storages(random());
    }
    for (int i = few(); i > 0; --i) stream->add_reals(1);
    for (int i = few(); i > 0; --i) stream->add_allocations(random());
    for (int i = few(); i > 0; --i) stream->add_sizes(random());
    for (int i = few(); i > 0; --i) stream->add_addresses(few());
    for (int i = few(); i > 0; --i) stream->add_frees(random());
    (void)Walk(events);
    (void)Walk(events, StreamCursor::Columns::kOps);
  }
}

}  // namespace
}  // namespace torchtape::format
