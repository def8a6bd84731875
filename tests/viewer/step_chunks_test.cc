// Some steps of a log are told from the chunks that hold them, and as they are
// told where all of it is read.

#include "replay/step_chunks.h"

#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "torchtape/viewer/verbs.h"
#include "viewer/log_builder.h"
#include "viewer/model_parts.h"

namespace torchtape::viewer {
namespace {

using ::testing::ElementsAre;

constexpr uint64_t kSteps = 14;

StepRange Only(uint64_t first, uint64_t last) {
  return {first, last, "--steps"};
}

// A training: weights and state that stay, a gradient that the next step frees,
// a backward node in the step after its op, a range that is open all along.
// Each step is a chunk, and its mark lies within the chunk before.
class Training {
 public:
  Training() {
    log.run.mutable_options()->set_memory(true);
    log.run.mutable_options()->set_saved_tensors(true);
    log.Thread(1, "main", 11);
    log.Thread(2, "loader", 12);
    v1::Model model;
    model.set_name("m");
    *model.add_modules() = NewModule("m", "Net", 0);
    *model.add_modules() = NewModule("m.a", "Layer", 1);
    *model.add_parameters() = NewParameter("m.a.weight", 2, 1);
    log.Model(model);
  }

  std::string Bytes() {
    const uint32_t fit = log.Span(v1::SPAN_KIND_RANGE, "fit");
    const uint32_t load = log.Span(v1::SPAN_KIND_RANGE, "load");
    const uint32_t call = log.Module("m.a", "Layer", v1::MODULE_SOURCE_SCOPE);
    const v1::Value tensor = log.Tensor({10});
    const uint32_t linear = log.Op("aten::linear", "", {tensor, tensor});
    const uint32_t one = log.Returns({tensor});
    const uint32_t node = log.Span(v1::SPAN_KIND_BACKWARD, "LinearBackward0");
    log.Begin(1, 10, fit);
    log.Allocate(1, 11, 1, 400);  // the weight
    uint64_t time = 20;
    for (uint64_t step = 1; step <= kSteps; ++step) {
      const uint64_t made = 100 * step, sequence = 7 * step;
      log.Step(step, time += 10);
      if (step == 2) log.Allocate(1, time += 1, 2, 800);  // state
      log.Begin(1, time += 1, call);
      log.Begin(1, time += 1, linear, {{50, 50}, {1, 1}},
                static_cast<int64_t>(sequence));
      log.Allocate(1, time += 1, made, 1000 + step);
      log.Save(1, made, 1000 + step);
      log.End(1, time += step, one, {{made, made}});
      log.End(1, time += 1);
      if (step % 3 == 0) log.Begin(2, time += 1, load);
      log.NewChunk();
      if (step > 1) {
        log.BeginBackward(1, time += 1, node,
                          static_cast<int64_t>(sequence - 7), 11);
        log.Allocate(1, time += 1, made + 1, 40);
        log.End(1, time += 2);
        log.Free(1, time += 1, made - 100);
        if (step > 2) log.Free(1, time += 1, made - 99);
      }
      if (step % 3 == 2 && step > 3) log.End(2, time += 1);
      log.Value("loss", 1.0 / static_cast<double>(step), time += 1);
    }
    log.End(1, time += 1);
    return log.Finish();
  }

  LogBuilder log;
};

std::string Told(const std::string& bytes, StepRange steps, bool whole,
                 absl::StatusOr<Outcome> (*verb)(const Log&, const VerbOptions&,
                                                 std::ostream&)) {
  VerbOptions options;
  options.steps = std::move(steps);
  options.json = true;
  options.whole = whole;
  std::ostringstream out;
  const Log log{"run.tape", format::FromString(bytes), false, {}, {}};
  const absl::StatusOr<Outcome> outcome = verb(log, options, out);
  return outcome.ok() ? out.str() : outcome.status().ToString();
}

std::optional<StepChunks> Chunks(const std::string& bytes, StepRange steps) {
  const auto reader = format::LogReader::Open(format::FromString(bytes));
  return ChunksOfSteps(steps, reader.value());
}

TEST(StepChunks, EveryStepIsToldAsIfAllWereRead) {
  const std::string bytes = Training().Bytes();
  for (uint64_t step = 0; step <= kSteps; ++step) {
    ASSERT_TRUE(Chunks(bytes, Only(step, step)).has_value()) << step;
    for (const auto verb : {Summary, Dump, ExportJson}) {
      EXPECT_EQ(Told(bytes, Only(step, step), false, verb),
                Told(bytes, Only(step, step), true, verb))
          << "step " << step;
    }
  }
}

TEST(StepChunks, EveryRangeOfStepsIsToldAsIfAllWereRead) {
  const std::string bytes = Training().Bytes();
  for (uint64_t first = 0; first <= kSteps; ++first) {
    for (uint64_t last = first; last <= kSteps; ++last) {
      EXPECT_EQ(Told(bytes, Only(first, last), false, Summary),
                Told(bytes, Only(first, last), true, Summary))
          << "steps " << first << " to " << last;
    }
  }
}

// The index has the Run chunk, the model, then chunks that end within steps 1,
// 2, ... Step 11 begins in the one at place 12. When that begins, the weight is
// live, of step 0, state of step 2, and what steps 9 and 10 made.
TEST(StepChunks, OnlyChunksThatTellOfTheStepAreRead) {
  const std::optional<StepChunks> chunks =
      Chunks(Training().Bytes(), Only(12, 12));
  ASSERT_TRUE(chunks.has_value());
  EXPECT_THAT(chunks->before, ElementsAre(1, 2, 3, 4, 9, 10, 11));
  EXPECT_EQ(chunks->from, 12);
}

TEST(StepChunks, TheFirstStepNeedsNothingFromBefore) {
  const std::optional<StepChunks> chunks =
      Chunks(Training().Bytes(), Only(0, 0));
  ASSERT_TRUE(chunks.has_value());
  EXPECT_THAT(chunks->before, ElementsAre(1));
  EXPECT_EQ(chunks->from, 2);
}

TEST(StepChunks, LogsThatDoNotTellWhatIsLiveAreReadAsAWhole) {
  Training training;
  training.log.LeaveOutLive();
  const std::string bytes = training.Bytes();
  EXPECT_EQ(Chunks(bytes, Only(4, 4)), std::nullopt);
  EXPECT_EQ(Told(bytes, Only(4, 4), false, Summary),
            Told(bytes, Only(4, 4), true, Summary));
}

TEST(StepChunks, UnfinishedLogsAreReadAsAWhole) {
  Training training;
  std::string bytes = training.Bytes();
  bytes.resize(bytes.size() - 24);
  EXPECT_EQ(Chunks(bytes, Only(4, 4)), std::nullopt);
}

TEST(StepChunks, StepsThatTheLogDoesNotHoldAreAnError) {
  const std::string bytes = Training().Bytes();
  EXPECT_EQ(Told(bytes, Only(15, 15), false, Summary),
            "OUT_OF_RANGE: --steps: the log holds steps 0 to 14");
}

TEST(StepChunks, ADamagedChunkOfTheStepIsToldAndTheRestIsShown) {
  Training training;
  std::string bytes = training.Bytes();
  bytes[training.log.offsets()[8] + 60] ^= 0x40;
  VerbOptions options;
  options.steps = Only(8, 8);
  std::ostringstream out;
  const Log log{"run.tape", format::FromString(bytes), false, {}, {}};
  const absl::StatusOr<Outcome> outcome = Summary(log, options, out);
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  ASSERT_EQ(outcome->notes.size(), 1);
  EXPECT_THAT(outcome->notes[0],
              testing::HasSubstr("1 of 17 chunks damaged, "));
}

}  // namespace
}  // namespace torchtape::viewer
