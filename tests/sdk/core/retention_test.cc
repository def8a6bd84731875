// Of a run that keeps its last steps only: what stays, in full and in sums.

#include "core/retention.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "checksum.h"
#include "gmock/gmock.h"
#include "support/records.h"
#include "support/replayed_log.h"
#include "torchtape/format/layout.h"

namespace torchtape::internal {
namespace {

using format::SpanSummary;
using format::Summary;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::Records;
using testing::ReplayedLog;
using testing::SeenEvent;
using ::testing::SizeIs;

constexpr uint64_t kStepNs = 100;
constexpr uint64_t kChunkNs = 170;  // chunks end in the middle of everything

// Two threads: in each step one of them makes a step, nested spans, memory that
// lives on into the next step, and a value; the other spans that last for more
// than a chunk.
struct Training {
  explicit Training(uint64_t steps) : steps(steps) {
    one.Operator(1, "outer").Operator(2, "inner").Operator(3, "loss");
    one.Operator(4, "why").Operator(5, "Node", format::SpanKind::kBackward);
    one.Signature(1, 1).Signature(2, 2).Signature(3, 5);
    two.Operator(1, "long").Operator(2, "inner");
    two.Signature(1, 1).Signature(2, 2);
  }

  void Add(uint64_t step) {
    const uint64_t at = step * kStepNs;
    one.Step(at, step);
    one.Begin(at + 5, 1).Begin(at + 10, 2);
    one.Allocate(at + 12, 0x1000 + 0x100 * (step % 8), 10 + step);
    one.End(at + 20 + step % 7).Begin(at + 30, 2).End(at + 33).End(at + 40);
    if (step > 0) one.Free(at + 50, 0x1000 + 0x100 * ((step - 1) % 8));
    one.Begin(at + 60, 3).Begin(at + 62, 1).End(at + 64).End(at + 70);
    const double loss = not_finite.count(step) != 0 ? NAN : 1.0 / (1.0 + step);
    one.Value(at + 80, 3, loss);
    if (asked.count(step) != 0) {
      one.Add(format::RecordKind::kValue, format::kKeep, 4, {at + 90, 0});
    }
    if (step % 5 == 0) two.Begin(at + 7, 1);
    two.Begin(at + 15, 2).Allocate(at + 45, 0x9000, 1000).Free(at + 55, 0x9000);
    two.End(at + 88);
    if (step % 5 == 4) two.End(at + 99);
  }

  // As the recorder would write it.
  std::string Log(const std::optional<RetentionOptions>& keep) {
    for (uint64_t step = 0; step < steps; ++step) Add(step);
    std::string bytes;
    format::LogWriter writer(format::ToString(&bytes), v1::Run());
    format::Encoder encoder(format::EncoderOptions(), &writer,
                            [](uint32_t) { return v1::Model(); });
    std::optional<Retention> retention;
    if (keep) retention.emplace(*keep, &writer);
    encoder.set_observer([&](absl::string_view events) {
      if (!retention) return;
      EXPECT_TRUE(retention->Release().ok());
      EXPECT_TRUE(retention->Add(events).ok());
    });
    for (uint64_t at = kChunkNs; at < steps * kStepNs + kChunkNs;
         at += kChunkNs) {
      format::RecordSource sources[] = {one.Source(), two.Source()};
      EXPECT_TRUE(
          encoder.Consume(absl::MakeSpan(sources), format::ClockLine(), at)
              .ok());
      one.Take(sources[0]);
      two.Take(sources[1]);
      EXPECT_TRUE(encoder.Flush().ok());
    }
    EXPECT_TRUE(!retention || retention->ReleaseAll().ok());
    EXPECT_TRUE(writer.Close(encoder.statistics()).ok());
    return bytes;
  }

  const uint64_t steps;
  std::set<uint64_t> not_finite, asked;
  Records one{1}, two{2};
};

RetentionOptions LastSteps(uint64_t steps) {
  RetentionOptions options;
  options.keep_last.steps = steps;
  options.least_batch_bytes = options.most_batch_bytes = 2000;
  return options;
}

std::vector<std::string> EventsOf(const ReplayedLog& log) {
  std::vector<std::string> payloads;
  for (const format::Chunk& chunk : log.content.chunks) {
    if (chunk.kind == v1::CHUNK_KIND_EVENTS) payloads.push_back(chunk.payload);
  }
  return payloads;
}

// As a reader adds them up: a later summary takes the place of those whose
// chunks it has.
Summary SummaryOf(const ReplayedLog& log) {
  std::vector<Summary> parts;
  for (const format::Chunk& chunk : log.content.chunks) {
    if (chunk.kind != v1::CHUNK_KIND_SUMMARY) continue;
    const Summary part = *Summary::FromMessage(*chunk.Parse<v1::Summary>());
    parts.erase(std::remove_if(
                    parts.begin(), parts.end(),
                    [&](const Summary& each) { return part.Contains(each); }),
                parts.end());
    parts.push_back(part);
  }
  Summary all;
  for (const Summary& part : parts) all.Merge(part);
  return all;
}

class RetentionTest : public ::testing::Test {
 protected:
  // The same training recorded with a bound and without.
  void Record(uint64_t steps, const RetentionOptions& keep,
              const std::set<uint64_t>& not_finite = {},
              const std::set<uint64_t>& asked = {}) {
    Training bounded(steps), unbounded(steps);
    bounded.not_finite = unbounded.not_finite = not_finite;
    bounded.asked = unbounded.asked = asked;
    bytes_ = bounded.Log(keep);
    kept_ = testing::Replay(bytes_);
    all_ = testing::Replay(unbounded.Log({}));
    const std::vector<std::string> kept = EventsOf(kept_);
    const std::vector<std::string> all = EventsOf(all_);
    for (size_t i = 0; i < all.size(); ++i) {
      if (std::count(kept.begin(), kept.end(), all[i]) == 0) gone_.insert(i);
    }
    EXPECT_EQ(kept.size() + gone_.size(), all.size()) << "a changed chunk";
  }
  bool IsGone(const SeenEvent& event) const {
    return gone_.count(event.chunk) != 0;
  }
  // The first step all of whose events are there.
  uint64_t FirstWholeStep() const {
    uint64_t first = 0;
    for (const SeenEvent& event : all_.events) {
      if (!IsGone(event)) continue;
      first = std::max(first, event.event.time_ns / kStepNs + 1);
    }
    return first;
  }

  std::string bytes_;  // of the bounded log
  ReplayedLog kept_, all_;
  std::set<size_t> gone_;  // Events chunks of `all_` that were released
};

TEST_F(RetentionTest, TheLastStepsAreThereInFull) {
  Record(300, LastSteps(20));
  EXPECT_THAT(kept_.content.skipped, IsEmpty());
  EXPECT_LE(FirstWholeStep(), 280);
  EXPECT_GT(FirstWholeStep(), 200) << "more than the last steps and a batch";
  EXPECT_EQ(*gone_.rbegin() + 1, gone_.size()) << "all before are gone";
}

TEST_F(RetentionTest, AShortRunIsThereInFull) {
  Record(15, LastSteps(20));
  EXPECT_THAT(gone_, IsEmpty());
  EXPECT_TRUE(SummaryOf(kept_).chunks.empty());
}

TEST_F(RetentionTest, KeptAndReleasedEventsAreAllThatHappened) {
  Record(300, LastSteps(20));
  v1::Statistics sum = kept_.counted;
  format::AddCounts(SummaryOf(kept_).counts, &sum);
  ASSERT_GT(SummaryOf(kept_).counts.spans_begun(), 0);
  EXPECT_EQ(sum.spans_begun(), kept_.said.spans_begun());
  EXPECT_EQ(sum.spans_ended(), kept_.said.spans_ended());
  EXPECT_EQ(sum.allocations(), kept_.said.allocations());
  EXPECT_EQ(sum.frees(), kept_.said.frees());
  EXPECT_EQ(sum.steps(), kept_.said.steps());
}

TEST_F(RetentionTest, SpansOfASummaryAreTheSumsOfWhatIsGone) {
  Record(300, LastSteps(20));
  std::map<std::string, SpanSummary> expected;
  std::map<uint32_t, std::vector<uint64_t>> children;  // ns, by thread
  for (const SeenEvent& seen : all_.events) {
    std::vector<uint64_t>& stack = children[seen.thread];
    SpanSummary& sums = expected[seen.op];
    if (seen.event.kind == v1::EVENT_KIND_BEGIN) {
      stack.push_back(0);
      sums.begun += IsGone(seen);
    } else if (seen.event.kind == v1::EVENT_KIND_END) {
      const uint64_t total = seen.event.time_ns - seen.span.start_time_ns;
      const uint64_t self = total - stack.back();
      stack.pop_back();
      if (!stack.empty()) stack.back() += total;
      if (!IsGone(seen)) continue;
      sums.Add({0, 1, 0, total, self});
    }
  }
  const Summary summary = SummaryOf(kept_);
  ASSERT_THAT(summary.spans, SizeIs(4));
  for (const auto& [name, sums] : summary.spans) {
    const SpanSummary& sum = expected[name.second];
    EXPECT_EQ(sums.begun, sum.begun) << name.second;
    EXPECT_EQ(sums.timed, sum.timed) << name.second;
    EXPECT_EQ(sums.total_ns, sum.total_ns) << name.second;
    EXPECT_EQ(sums.self_ns, sum.self_ns) << name.second;
  }
}

TEST_F(RetentionTest, EachReleasedStepHasItsTimesCountsAndPeak) {
  Record(300, LastSteps(20));
  const Summary summary = SummaryOf(kept_);
  std::vector<SeenEvent> changes;
  std::map<uint64_t, uint64_t> spans, allocated;  // by step
  for (const SeenEvent& seen : all_.events) {
    const uint64_t step = seen.event.time_ns / kStepNs;
    if (IsGone(seen) && seen.event.kind == v1::EVENT_KIND_BEGIN) ++spans[step];
    if (seen.event.kind == v1::EVENT_KIND_ALLOCATE && IsGone(seen)) {
      allocated[step] += seen.event.bytes;
    }
    if (seen.event.kind == v1::EVENT_KIND_ALLOCATE ||
        seen.event.kind == v1::EVENT_KIND_FREE) {
      changes.push_back(seen);
    }
  }
  std::stable_sort(changes.begin(), changes.end(),
                   [](const SeenEvent& a, const SeenEvent& b) {
                     return a.event.time_ns < b.event.time_ns;
                   });
  std::map<uint64_t, uint64_t> sizes, peaks;
  uint64_t live = 0, step = 0;
  for (const SeenEvent& seen : changes) {
    for (; step < seen.event.time_ns / kStepNs; ++step) peaks[step + 1] = live;
    if (seen.event.kind == v1::EVENT_KIND_ALLOCATE) {
      live += sizes[seen.event.storage] = seen.event.bytes;
    } else {
      live -= sizes[seen.event.storage];
    }
    peaks[step] = std::max(peaks[step], live);
  }
  ASSERT_GT(summary.steps.size(), 200);
  for (size_t i = 0; i < summary.steps.size(); ++i) {
    const format::StepSummary& row = summary.steps[i];
    EXPECT_EQ(row.number, i);
    EXPECT_EQ(row.start_ns, i * kStepNs);
    EXPECT_EQ(row.spans, spans[i]) << i;
    EXPECT_EQ(row.allocated_bytes, allocated[i]) << i;
    EXPECT_TRUE(row.recorded);
    if (row.open) continue;  // it ends in what is kept
    EXPECT_EQ(row.duration_ns, kStepNs);
    EXPECT_EQ(row.peak_bytes, peaks[i]) << i;
    EXPECT_EQ(row.backward_ns, 10);
  }
}

TEST_F(RetentionTest, ValuesOfReleasedStepsStay) {
  Record(300, LastSteps(20));
  const Summary summary = SummaryOf(kept_);
  ASSERT_GT(summary.values.size(), 200);
  for (size_t i = 0; i < summary.values.size(); ++i) {
    EXPECT_EQ(summary.values[i].step(), i);
    EXPECT_EQ(summary.values[i].value(), 1.0 / (1.0 + static_cast<double>(i)));
  }
}

TEST_F(RetentionTest, ALargeSummaryIsFollowedByAnother) {
  RetentionOptions options = LastSteps(20);
  options.summary_steps = 50;
  Record(300, options);
  size_t summaries = 0;
  for (const format::Chunk& chunk : kept_.content.chunks) {
    summaries += chunk.kind == v1::CHUNK_KIND_SUMMARY;
  }
  EXPECT_GT(summaries, 2);
  const Summary summary = SummaryOf(kept_);
  for (size_t i = 0; i < summary.steps.size(); ++i) {
    EXPECT_EQ(summary.steps[i].number, i);
  }
  v1::Statistics sum = kept_.counted;
  format::AddCounts(summary.counts, &sum);
  EXPECT_EQ(sum.spans_begun(), kept_.said.spans_begun());
}

TEST_F(RetentionTest, TheLastBytesAreThereInFull) {
  RetentionOptions options = LastSteps(0);
  options.keep_last.bytes = 8000;
  Record(300, options);
  uint64_t kept = 0;
  for (const format::Chunk& chunk : kept_.content.chunks) {
    if (chunk.kind == v1::CHUNK_KIND_EVENTS) kept += chunk.stored_bytes;
  }
  EXPECT_GE(kept, 7800);
  EXPECT_LT(kept, 8000 + 2000 + 2000);
}

TEST_F(RetentionTest, TheIndexIsOfWhatIsThere) {
  Record(300, LastSteps(20));
  const v1::Index& index = *kept_.content.index;
  ASSERT_EQ(static_cast<size_t>(index.chunks_size()),
            kept_.content.chunks.size());  // less the index, with the Run chunk
  for (size_t i = 0; i + 1 < kept_.content.chunks.size(); ++i) {
    const format::Chunk& chunk = kept_.content.chunks[i];
    const v1::IndexEntry& entry = index.chunks(static_cast<int>(i) + 1);
    EXPECT_EQ(entry.kind(), chunk.kind);
    EXPECT_EQ(entry.offset(), chunk.offset);
    EXPECT_EQ(entry.stored_bytes(), chunk.stored_bytes);
    if (chunk.kind == v1::CHUNK_KIND_RELEASED) {
      EXPECT_EQ(entry.chunks(), chunk.chunks);
    }
  }
}

// FORMAT.md "Released chunks": to a reader that does not know of them they are
// undamaged chunks of another kind.
TEST_F(RetentionTest, ReleasedChunksAreZerosWithARightChecksum) {
  Record(300, LastSteps(20));
  size_t released = 0;
  for (const format::Chunk& chunk : kept_.content.chunks) {
    if (chunk.kind != v1::CHUNK_KIND_RELEASED) continue;
    ++released;
    const absl::string_view header =
        absl::string_view(bytes_).substr(chunk.offset);
    const absl::string_view payload =
        header.substr(format::kChunkHeaderBytes,
                      chunk.stored_bytes - format::kChunkHeaderBytes);
    EXPECT_THAT(payload, Each('\0'));
    uint32_t checksum = 0;
    std::copy_n(header.data() + 20, 4, reinterpret_cast<char*>(&checksum));
    EXPECT_EQ(format::internal::Crc32(payload), checksum);
  }
  EXPECT_GT(released, 2);
}

TEST_F(RetentionTest, WhatWasLastBeforeANaNStays) {
  Record(300, LastSteps(20), /*not_finite=*/{100, 101, 102});
  for (const SeenEvent& event : all_.events) {
    const uint64_t step = event.event.time_ns / kStepNs;
    if (step >= 81 && step <= 100) {
      EXPECT_FALSE(IsGone(event)) << step;
    }
    if (step < 60 || (step > 110 && step < 200)) {
      EXPECT_TRUE(IsGone(event)) << step;
    }
  }
  const Summary summary = SummaryOf(kept_);
  ASSERT_THAT(summary.pins, SizeIs(1)) << "one for the whole series";
  EXPECT_EQ(summary.pins[0].reason(), v1::PIN_REASON_NOT_FINITE);
  EXPECT_EQ(summary.pins[0].text(), "loss");
  EXPECT_EQ(summary.pins[0].step(), 100);
  v1::Statistics sum = kept_.counted;
  format::AddCounts(summary.counts, &sum);
  EXPECT_EQ(sum.spans_begun(), kept_.said.spans_begun());
}

TEST_F(RetentionTest, NoMoreThanSomeReasonsKeepSteps) {
  RetentionOptions options = LastSteps(5);
  options.max_pins = 2;
  Record(300, options, {}, /*asked=*/{50, 100, 150, 200});
  const Summary summary = SummaryOf(kept_);
  ASSERT_THAT(summary.pins, SizeIs(2));
  EXPECT_EQ(summary.pins[0].reason(), v1::PIN_REASON_ASKED);
  EXPECT_EQ(summary.pins[0].text(), "why");
  EXPECT_EQ(summary.pins[1].step(), 100);
  EXPECT_EQ(summary.left_out_pins, 2);
  for (const SeenEvent& event : all_.events) {
    const uint64_t step = event.event.time_ns / kStepNs;
    if (step >= 46 && step <= 50) {
      EXPECT_FALSE(IsGone(event)) << step;
    }
    if (step >= 146 && step <= 150) {
      EXPECT_TRUE(IsGone(event)) << step;
    }
  }
}

// At every byte.
TEST_F(RetentionTest, ACutCostsNoChunkBeforeIt) {
  Record(100, LastSteps(10));
  const size_t chunks = kept_.content.chunks.size();
  for (size_t size = format::kFileHeaderBytes; size < bytes_.size(); ++size) {
    const testing::LogContent cut = testing::ReadLog(bytes_.substr(0, size));
    size_t before = 0;
    while (before < chunks &&
           kept_.content.chunks[before].offset +
                   kept_.content.chunks[before].stored_bytes <=
               size) {
      ++before;
    }
    ASSERT_EQ(cut.chunks.size(), before) << size;
  }
}

TEST_F(RetentionTest, AFlippedBitShowsNoWrongEvent) {
  Record(45, LastSteps(10));
  const std::vector<std::string> right = EventsOf(kept_);
  for (size_t at = 0; at < bytes_.size(); ++at) {
    std::string bytes = bytes_;
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << at % 8));
    size_t seen = 0;
    for (const format::Chunk& chunk : testing::ReadLog(bytes).chunks) {
      if (chunk.kind != v1::CHUNK_KIND_EVENTS) continue;
      ASSERT_EQ(std::count(right.begin(), right.end(), chunk.payload), 1) << at;
      ++seen;
    }
    ASSERT_GE(seen + 1, right.size()) << at;
  }
}

}  // namespace
}  // namespace torchtape::internal
