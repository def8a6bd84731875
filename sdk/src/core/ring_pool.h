#ifndef TORCHTAPE_SDK_CORE_RING_POOL_H_
#define TORCHTAPE_SDK_CORE_RING_POOL_H_

// The rings of a recording: within the memory that the user allows, used again
// by other threads when theirs is gone, in the journal where there is one.
//
// Not thread-safe.

#include <cstddef>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "core/ring.h"
#include "torchtape/format/journal.h"

namespace torchtape::internal {

class RingPool {
 public:
  // For a recording that begins. Null: no journal. The journal must outlive its
  // rings.
  void Start(size_t ring_words, size_t max_bytes, format::Journal* journal);

  // The journal is gone or of no use: new rings are in memory.
  void LeaveJournal() { journal_ = nullptr; }

  // Null if the bound is reached or there is no memory. A ring that the journal
  // has no room for is in memory; then `*journal_status` says why.
  std::unique_ptr<Ring> Take(absl::Status* journal_status);

  // Takes back a ring that Take() gave in this recording, or in an earlier one.
  void Give(std::unique_ptr<Ring> ring);
  void GiveLate(std::unique_ptr<Ring> ring);

  // The recording is over: free rings in its journal are let go.
  void End();

  // What a thread takes of the memory that the user allows.
  static size_t BytesWithRing(size_t ring_words);

 private:
  std::unique_ptr<Ring> TakeFree();
  std::unique_ptr<Ring> Make(absl::Status* journal_status);

  size_t ring_words_ = 0;
  size_t max_bytes_ = 0;
  format::Journal* journal_ = nullptr;
  std::vector<std::unique_ptr<Ring>> free_;
  size_t bytes_ = 0;  // of all rings, free or not
};

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_CORE_RING_POOL_H_
