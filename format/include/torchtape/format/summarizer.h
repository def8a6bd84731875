#ifndef TORCHTAPE_FORMAT_SUMMARIZER_H_
#define TORCHTAPE_FORMAT_SUMMARIZER_H_

// Adds up what happens in Events chunks, so that a summary can stay when they
// go.
//
//   Summarizer summarizer;
//   absl::StatusOr<Summary> summary = summarizer.Add(number, payload);
//
// Chunks are to be given one after the other as they lie in the log, none left
// out: a span's self time needs the children that ended in chunks before, and
// the memory of a free its allocation. Takes about as long as reading the
// chunk. Memory: one entry for each live storage and open span.
//
// Not thread-safe.

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "torchtape/format/summary.h"

namespace torchtape::format {

class Summarizer {
 public:
  Summarizer();
  ~Summarizer();

  // The Events payload of chunk `number`. Fails with DataLoss if it does not
  // parse; what it tells of damaged streams ends where these do. Its pins are
  // those of the chunk, and one for each value that is not finite any more.
  absl::StatusOr<Summary> Add(uint64_t number, absl::string_view payload);

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace torchtape::format

#endif  // TORCHTAPE_FORMAT_SUMMARIZER_H_
