// What is shown of some steps, found through the index, is what a reading of
// the whole log shows of them.

#include "step_chunks.h"

#include <filesystem>
#include <sstream>

#include "gmock/gmock.h"
#include "support/status_matchers.h"
#include "support/temp_folder.h"
#include "torchtape/format/layout.h"
#include "torchtape/viewer/verbs.h"

namespace torchtape::viewer {
namespace {

using ::testing::ElementsAre;
using testing::IsOk;

v1::IndexEntry Entry(v1::ChunkKind kind, uint64_t offset, uint64_t first,
                     uint64_t last) {
  v1::IndexEntry entry;
  entry.set_kind(kind);
  entry.set_offset(offset);
  entry.set_stored_bytes(10);
  entry.set_first_step(first);
  entry.set_last_step(last);
  return entry;
}

// Chunks with the steps 0 to 2, 2 to 2, 2 to 5 and 5 to 7, after a model.
v1::Index SomeIndex() {
  v1::Index index;
  *index.add_chunks() = Entry(v1::CHUNK_KIND_RUN, 10, 0, 0);
  *index.add_chunks() = Entry(v1::CHUNK_KIND_MODEL, 20, 0, 0);
  *index.add_chunks() = Entry(v1::CHUNK_KIND_EVENTS, 30, 0, 2);
  *index.add_chunks() = Entry(v1::CHUNK_KIND_EVENTS, 40, 2, 2);
  *index.add_chunks() = Entry(v1::CHUNK_KIND_EVENTS, 50, 2, 5);
  *index.add_chunks() = Entry(v1::CHUNK_KIND_EVENTS, 60, 5, 7);
  return index;
}

TEST(StepChunks, AreThoseThatTheStepsAreIn) {
  const v1::Index index = SomeIndex();
  EXPECT_THAT(*ChunksWithSteps(index, *ParseStep("1")), ElementsAre(20, 30));
  EXPECT_THAT(*ChunksWithSteps(index, *ParseStep("2")),
              ElementsAre(20, 30, 40, 50));
  EXPECT_THAT(*ChunksWithSteps(index, *ParseSteps("3:4")), ElementsAre(20, 50));
  EXPECT_THAT(*ChunksWithSteps(index, *ParseSteps("4:6")),
              ElementsAre(20, 50, 60));
}

TEST(StepChunks, AreNotKnownWhereAStepMayGoOn) {
  EXPECT_FALSE(ChunksWithSteps(SomeIndex(), *ParseStep("7")));
  EXPECT_FALSE(ChunksWithSteps(SomeIndex(), *ParseSteps("3:9")));
  EXPECT_FALSE(ChunksWithSteps(SomeIndex(), StepRange()));
}

TEST(StepChunks, AreNotBelievedInDisorder) {
  v1::Index index = SomeIndex();
  index.mutable_chunks(4)->set_offset(35);
  EXPECT_FALSE(ChunksWithSteps(index, *ParseStep("2")));
}

// Counts what is read of it.
class CountingSource : public format::ByteSource {
 public:
  explicit CountingSource(std::string bytes)
      : bytes_(format::FromString(std::move(bytes))) {}
  uint64_t size() const override { return bytes_->size(); }
  absl::StatusOr<std::string> Read(uint64_t offset,
                                   size_t length) const override {
    absl::StatusOr<std::string> bytes = bytes_->Read(offset, length);
    bytes_read_ += bytes->size();
    return bytes;
  }
  uint64_t bytes_read() const { return bytes_read_; }

 private:
  const std::unique_ptr<format::ByteSource> bytes_;
  mutable uint64_t bytes_read_ = 0;
};

struct Dumped {
  absl::Status status;
  std::string text;
  uint64_t bytes_read = 0;
};

Dumped DumpStep(const std::string& bytes, uint64_t step) {
  auto source = std::make_shared<CountingSource>(bytes);
  Log log{"run.tape", source, false, {}, {}};
  VerbOptions options;
  options.steps = *ParseStep(std::to_string(step));
  std::ostringstream out;
  Dumped dumped;
  dumped.status = Dump(log, options, out).status();
  dumped.text = out.str();
  dumped.bytes_read = source->bytes_read();
  return dumped;
}

// A log without its footer has no index, so it is read from its start.
TEST(StepChunks, GiveTheSameDumpOfEachStepOfEachOldLog) {
  int steps = 0, seeks = 0;
  for (const auto& file :
       std::filesystem::recursive_directory_iterator(OLD_LOGS)) {
    if (file.path().extension() != ".tape") continue;
    const std::string log = testing::ReadFile(file.path());
    const std::string no_index =
        log.substr(0, log.size() - format::kFooterBytes);
    for (uint64_t step = 0; step < 32; ++step, ++steps) {
      const Dumped by_index = DumpStep(log, step);
      const Dumped whole = DumpStep(no_index, step);
      EXPECT_EQ(by_index.status.message(), whole.status.message())
          << file.path() << ' ' << step;
      EXPECT_EQ(by_index.text, whole.text) << file.path() << ' ' << step;
      seeks += by_index.bytes_read < whole.bytes_read;
    }
  }
  EXPECT_GT(steps, 100);
  EXPECT_GT(seeks, 30);
}

}  // namespace
}  // namespace torchtape::viewer
