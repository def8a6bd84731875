#ifndef TORCHTAPE_FORMAT_EVENTS_VIEW_H_
#define TORCHTAPE_FORMAT_EVENTS_VIEW_H_

// An Events payload, its columns left as they lie there.
//
//   absl::StatusOr<EventsView> events = EventsView::Parse(chunk.payload);
//   for (const StreamView& stream : events->streams) { ... }
//
// Columns are nine tenths of a payload. As messages they would be unpacked
// before anyone asks for them, eight bytes an entry; StreamCursor unpacks each
// entry when it gets there, and those of columns that nobody wants never.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "torchtape/v1/tape.pb.h"

namespace torchtape::format {

// A v1::Stream. Its columns point into the payload.
struct StreamView {
  uint32_t thread = 0;
  uint64_t start_time_ns = 0;
  uint64_t first_span = 0;
  uint64_t tensor_base = 0;
  uint64_t storage_base = 0;
  std::vector<v1::OpenSpan> open;

  // One byte an entry; `reals`: eight; the others: varints.
  absl::string_view kinds, times, signatures, sequences, forward_threads,
      results, tensors, storages, reals, allocations, sizes, addresses, frees,
      allocation_devices, saves, saved_storages, saved_bytes;

  // The same of a message; `bytes` keeps what the columns point into.
  static StreamView Of(const v1::Stream& stream);
  std::shared_ptr<const std::string> bytes;
};

struct EventsView {
  // `payload` must outlive the view. Fails with DataLoss if it does not parse
  // or has more streams than any process has threads.
  static absl::StatusOr<EventsView> Parse(absl::string_view payload);

  // Entries of all `kinds`.
  uint64_t event_count() const;

  v1::Events head;  // all but the streams
  std::vector<StreamView> streams;
};

}  // namespace torchtape::format

#endif  // TORCHTAPE_FORMAT_EVENTS_VIEW_H_
