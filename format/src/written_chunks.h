#ifndef TORCHTAPE_FORMAT_SRC_WRITTEN_CHUNKS_H_
#define TORCHTAPE_FORMAT_SRC_WRITTEN_CHUNKS_H_

// The chunks of a log that was not finished, as recovery takes them up.

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "spliced_log.h"
#include "torchtape/format/log_reader.h"
#include "torchtape/v1/tape.pb.h"

namespace torchtape::format::internal {

class WrittenChunks {
 public:
  // In the order of the log.
  void Add(const Chunk& chunk);

  // Behind the last chunk is one of `bytes` that cannot be read; `head` is its
  // beginning. A process that is killed may leave the first part of what it
  // writes, up to the end of a page. If `head` may be such a part of a Released
  // chunk's header, the chunk is taken up as one that was being released.
  void AddTorn(absl::string_view head, uint64_t bytes);

  // Where the last one ends; 0: there is none.
  uint64_t end() const {
    return numbers_at_.empty() ? 0 : numbers_at_.rbegin()->first;
  }
  // The number behind the last one's.
  uint64_t next_number() const {
    return numbers_at_.empty() ? 0 : numbers_at_.rbegin()->second;
  }

  bool EndsAt(uint64_t offset) const { return numbers_at_.count(offset) != 0; }
  // The number of what follows the last chunk that ends there or before.
  uint64_t NumberAt(uint64_t offset) const;

  // What the process would have released had it gone on: chunks that a summary
  // up to `offset` tells of and that still lie there, and those that are torn.
  std::vector<Release> FinishReleases(uint64_t offset);

  // The part that lies before `offset`.
  v1::Index IndexUpTo(uint64_t offset) const;

 private:
  struct Entry {
    v1::IndexEntry entry;
    uint64_t number;
    bool torn = false;  // and not released
  };

  void Append(Entry entry, uint64_t next_number);
  std::map<uint64_t, uint64_t> SummarizedUpTo(uint64_t offset) const;

  std::vector<Entry> entries_;
  std::map<uint64_t, uint64_t> numbers_at_;  // of the next, by where one ends
  // What summaries tell of, each with where its chunk ends.
  std::vector<std::pair<v1::ChunkRange, uint64_t>> summarized_;
};

}  // namespace torchtape::format::internal

#endif  // TORCHTAPE_FORMAT_SRC_WRITTEN_CHUNKS_H_
