#ifndef TORCHTAPE_FORMAT_JOURNAL_RING_H_
#define TORCHTAPE_FORMAT_JOURNAL_RING_H_

// A ring's memory in a journal (journal.h). Stays mapped for as long as it
// lives, which may be longer than the journal does. Positions count words since
// it was made. Needs no protobuf, as what records must not see it.

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace torchtape::format {

class JournalRing {
 public:
  JournalRing(JournalRing&& other) noexcept;
  JournalRing& operator=(JournalRing&&) = delete;
  ~JournalRing();

  uint64_t* words() const;
  size_t size() const { return words_; }
  std::atomic<uint64_t>* head() const;  // after the last record
  std::atomic<uint64_t>* tail() const;  // what is before may be overwritten
  // Three: events that were dropped and that no record tells of yet, ticks of
  // the first, ticks of the last.
  std::atomic<uint64_t>* drops() const;

  // Says whose records follow; without a thread, nobody's. The ring must be
  // empty. The arguments are as in v1::Thread.
  void SetThread(uint32_t number, uint64_t os_id, uint64_t torch_id,
                 absl::string_view name);
  void ClearThread();

 private:
  friend class Journal;
  JournalRing(char* map, size_t words) : map_(map), words_(words) {}
  size_t map_bytes() const;

  char* map_;
  size_t words_;
};

}  // namespace torchtape::format

#endif  // TORCHTAPE_FORMAT_JOURNAL_RING_H_
