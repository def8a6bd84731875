#ifndef TORCHTAPE_FORMAT_SRC_CHUNK_SEARCH_H_
#define TORCHTAPE_FORMAT_SRC_CHUNK_SEARCH_H_

// Chunks in any bytes: tells whether one is here, and where the next may be.

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "torchtape/format/byte_source.h"
#include "torchtape/format/log_reader.h"

namespace torchtape::format::internal {

// What was found where a chunk should be.
struct ChunkAttempt {
  std::optional<Chunk> chunk;
  std::string damage;        // why there is no chunk
  bool cut = false;          // the chunk reaches past the end of the file
  uint64_t claimed_end = 0;  // of a damaged chunk with an intact header, else 0
  uint64_t wasted_bytes = 0;  // what it cost to find that it is damaged
};

// Reads the chunk at `offset` if there is one. Fails only if the source cannot
// be read.
absl::StatusOr<ChunkAttempt> TryChunk(const ByteSource& source,
                                      uint64_t offset);

// Finds the first intact chunk header that begins in `begin` to `end`; `end` if
// there is none.
absl::StatusOr<uint64_t> FindChunk(const ByteSource& source, uint64_t begin,
                                   uint64_t end);

}  // namespace torchtape::format::internal

#endif  // TORCHTAPE_FORMAT_SRC_CHUNK_SEARCH_H_
