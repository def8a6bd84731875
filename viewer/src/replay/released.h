#ifndef TORCHTAPE_VIEWER_SRC_REPLAY_RELEASED_H_
#define TORCHTAPE_VIEWER_SRC_REPLAY_RELEASED_H_

// The steps of which only summaries are in the log, since their bytes were
// given back to the disk.

#include <cstdint>
#include <string>
#include <vector>

#include "nlohmann/json.hpp"
#include "torchtape/format/log_reader.h"
#include "torchtape/format/summary.h"

namespace torchtape::viewer {

class Released {
 public:
  // A chunk of kind Released.
  void AddRegion(const format::Chunk& chunk);
  // An Events chunk that is there.
  void AddEvents(const format::Chunk& chunk);
  // Takes the place of the summaries before whose chunks it tells of, too.
  void AddSummary(format::Summary summary);
  // All are added.
  void Finish();

  bool any() const { return chunks_ != 0 || !summary_.chunks.empty(); }
  uint64_t chunks() const { return chunks_; }
  uint64_t bytes() const { return bytes_; }  // given back, headers included
  // Chunks that summaries tell of although they are there still: the process
  // ended before it gave them back.
  uint64_t told_twice() const { return told_twice_; }
  // Of all that was released.
  const format::Summary& summary() const { return summary_; }
  uint64_t events() const;

 private:
  uint64_t chunks_ = 0;
  uint64_t bytes_ = 0;
  uint64_t told_twice_ = 0;
  std::vector<uint64_t> numbers_;  // of the Events chunks that are there
  std::vector<format::Summary> summaries_;
  format::Summary summary_;
};

// "steps 0 to 899 (900): 12,345 events, 1.2 MiB given back; summaries are kept"
std::string ReleasedText(const Released& released);

// "step 12 and before: value loss is not finite", one a line.
std::vector<std::string> PinTexts(const Released& released);

// What `info` gives: counts and pins.
nlohmann::ordered_json ReleasedCountsJson(const Released& released);
// What `summary` gives: steps, spans and values, too.
nlohmann::ordered_json ReleasedJson(const Released& released);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_REPLAY_RELEASED_H_
