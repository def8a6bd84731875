#ifndef TORCHTAPE_FORMAT_SUMMARY_H_
#define TORCHTAPE_FORMAT_SUMMARY_H_

// What stays of events that were given back to the disk: v1::Summary, ready for
// use. Summaries of chunks that follow each other make one of them all.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "torchtape/v1/tape.pb.h"

namespace torchtape::format {

// One step; each field as the column of v1::StepRows.
struct StepSummary {
  uint64_t number = 0;
  uint64_t start_ns = 0;
  uint64_t duration_ns = 0;
  bool recorded = false;
  bool open = false;  // it goes on behind the chunks
  uint64_t spans = 0, ops = 0;
  uint64_t forward_ns = 0, backward_ns = 0;
  uint64_t allocations = 0, allocated_bytes = 0, frees = 0;
  std::optional<uint64_t> peak_bytes;  // absent: memory was not recorded
};

// As v1::SpanRow.
struct SpanSummary {
  uint64_t begun = 0, timed = 0, threw = 0;
  uint64_t total_ns = 0, self_ns = 0;

  void Add(const SpanSummary& other);
};

struct Summary {
  // No more values of a step are kept.
  static constexpr size_t kMaxValuesOfStep = 16;

  std::vector<v1::ChunkRange> chunks;
  v1::Statistics counts;
  uint64_t start_time_ns = 0, end_time_ns = 0;
  std::vector<StepSummary> steps;  // in order
  std::map<std::pair<v1::SpanKind, std::string>, SpanSummary> spans;
  std::vector<v1::LoggedValue> values;
  uint64_t left_out_values = 0;
  std::vector<v1::Pin> pins;
  uint64_t left_out_pins = 0;

  // Takes over what `later` has. Its chunks come after all of this one's. Pins
  // are of the run so far, so the later ones replace these.
  void Merge(const Summary& later);

  // Whether it tells of all chunks of which `other` tells.
  bool Contains(const Summary& other) const;

  v1::Summary ToMessage() const;
  // Fails with DataLoss if columns contradict each other.
  static absl::StatusOr<Summary> FromMessage(const v1::Summary& message);
};

// Adds up the fields that count events.
void AddCounts(const v1::Statistics& part, v1::Statistics* sum);

}  // namespace torchtape::format

#endif  // TORCHTAPE_FORMAT_SUMMARY_H_
