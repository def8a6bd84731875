#ifndef TORCHTAPE_FORMAT_SRC_RECORD_HEAD_H_
#define TORCHTAPE_FORMAT_SRC_RECORD_HEAD_H_

// The next event of one thread, and how to find it among the source's words.

#include <cstdint>
#include <limits>

#include "absl/types/span.h"
#include "stream_builder.h"
#include "torchtape/format/encoder.h"
#include "torchtape/format/record.h"

namespace torchtape::format {

inline constexpr uint64_t kNever = std::numeric_limits<uint64_t>::max();

struct Head {
  RecordSource* source = nullptr;
  StreamBuilder* stream = nullptr;
  absl::Span<const uint64_t> record;
  uint64_t ticks = kNever;  // of `record`; kNever at the source's end
};

inline size_t TotalWords(const RecordSource& source) {
  return source.first.size() + source.second.size();
}

// The record at the source's position; empty at its end or where the words
// make no sense.
inline absl::Span<const uint64_t> PeekRecord(const RecordSource& source) {
  const uint64_t* at = source.first.data() + source.position;
  size_t left = source.first.size() - source.position;
  if (source.position >= source.first.size()) {
    const size_t position = source.position - source.first.size();
    at = source.second.data() + position;
    left = source.second.size() - position;
  }
  if (left == 0) return {};
  const uint32_t words = WordsOf(*at);
  if (words == 0 || words > left) return {};
  return {at, words};
}

inline bool HasTime(RecordKind kind) {
  return kind >= RecordKind::kBegin && kind <= RecordKind::kActivityLoss;
}

// Applies definitions up to the next record that has a time. False if the words
// make no sense before one is found.
inline bool FindEvent(Head* head) {
  head->ticks = kNever;
  while (true) {
    head->record = PeekRecord(*head->source);
    if (head->record.empty()) {
      return head->source->position == TotalWords(*head->source);
    }
    if (HasTime(KindOf(head->record[0]))) {
      if (head->record.size() < 2) return false;
      head->ticks = head->record[1];
      return true;
    }
    if (!head->stream->Define(head->record)) return false;
    head->source->position += head->record.size();
  }
}

// The earliest of `heads`, the first one if there are several, and until when
// it stays the earliest while it advances: mostly one thread has many events in
// a row, and only that one need be looked at.
struct Earliest {
  Head* head = nullptr;
  uint64_t until_ticks = kNever;  // inclusive
};

inline Earliest FindEarliest(absl::Span<Head> heads) {
  Earliest earliest{&heads[0]};
  for (Head& head : heads.subspan(1)) {
    if (head.ticks < earliest.head->ticks) earliest.head = &head;
  }
  for (Head& head : heads) {
    if (&head == earliest.head || head.ticks == kNever) continue;
    // At the same time, the first one goes first.
    const bool waits = &head < earliest.head;
    const uint64_t until = head.ticks - (waits ? 1 : 0);
    if (until < earliest.until_ticks) earliest.until_ticks = until;
  }
  return earliest;
}

}  // namespace torchtape::format

#endif  // TORCHTAPE_FORMAT_SRC_RECORD_HEAD_H_
