#ifndef TORCHTAPE_FORMAT_JOURNAL_H_
#define TORCHTAPE_FORMAT_JOURNAL_H_

// The journal of a recording: a file beside the log that holds what is on its
// way there. Threads store their records into it as into memory, and the kernel
// keeps what was stored, however the process ends. recovery.h reads it.
//
//   auto journal = Journal::Create(JournalPath("run.tape"), run_id);
//   auto ring = (*journal)->AddRing(1 << 19);
//   ring->SetThread(...);   // then the thread stores into ring->words()
//   (*journal)->WriteCheckpoint(log_bytes, rings, save);   // after each chunk
//   (*journal)->Remove();      // the log is finished
//
// A journal is locked for as long as its process lives and records.
//
// All space is taken from the disk before it is used, for a store into a mapped
// page that the disk has no room for would kill the program.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "torchtape/format/journal_ring.h"
#include "torchtape/v1/journal.pb.h"
#include "torchtape/v1/tape.pb.h"

namespace torchtape::format {

// Where the journal of a log is.
std::string JournalPath(absl::string_view log_path);

// A new random id for a run.
std::string MakeRunId();

class Journal {
 public:
  // Creates the file. An older one is kept under a number, as CreateFile()
  // does. Fails as that does, or with FailedPrecondition where stores into a
  // mapped file may fail or wait: on network, FUSE and copy-on-write file
  // systems.
  static absl::StatusOr<std::unique_ptr<Journal>> Create(
      const std::string& path, absl::string_view run_id);

  // Closes the file and leaves it.
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // --- Any thread, one at a time ------------------------------------------

  // Takes the space for a ring; `words` is a power of two.
  absl::StatusOr<JournalRing> AddRing(size_t words);

  // Keeps a model until the record that announces it is encoded.
  absl::Status AddModel(const v1::WaitingModel& model);

  // --- The writer thread ----------------------------------------------------

  // Keeps where code lies. Replaces an earlier map.
  absl::Status SetCodeMap(const v1::CodeMap& map);

  // One instant on both clocks: ticks of records, and ns since the start.
  void SetClock(uint64_t ticks, uint64_t ns);

  // Encoder::Save().
  using Save = std::function<std::string(bool whole)>;

  // Keeps the state of the encoder at the end of a chunk that is in the log,
  // which has `log_bytes`, and how far it has read the rings. Only then may
  // what the chunk holds be released.
  absl::Status WriteCheckpoint(uint64_t log_bytes,
                               const std::vector<v1::RingPosition>& rings,
                               const Save& save);

  // Deletes the file, wherever it was renamed to.
  void Remove();

  // --- A forked child -------------------------------------------------------

  // Lets go of the file and puts private memory in place of the rings. Takes no
  // lock and frees nothing.
  void LeaveInChild();

 private:
  // Room for checkpoints.
  struct Room {
    uint64_t offset = 0;  // of the content
    uint64_t bytes = 0;
    uint64_t used = 0;
  };
  struct Mapping {
    void* memory;
    size_t bytes;
    Mapping* next;
  };

  Journal(std::string path, std::string run_id, int file, int lock);

  // Takes space at the end of the file and writes a section header there.
  // Returns the header's offset.
  absl::StatusOr<uint64_t> AddSection(uint32_t kind, uint64_t bytes,
                                      uint32_t content_crc = 0);
  absl::Status WriteHeader(uint32_t kind, uint64_t offset, uint64_t bytes,
                           uint32_t content_crc);
  absl::Status AddNote(uint32_t kind, absl::string_view content);
  absl::Status Write(uint64_t offset, absl::string_view bytes);
  absl::Status MakeHeader();
  absl::Status StartRoom(uint64_t bytes);

  const std::string path_;
  const std::string run_id_;
  int file_;
  int lock_;  // another opening of it, so that no mapping keeps the lock
  char* header_ = nullptr;
  int clock_turn_ = 0;
  std::atomic<uint64_t> end_;  // of what is taken of the file
  std::atomic<Mapping*> mappings_{nullptr};
  Room rooms_[2];
  int room_ = 0;
  uint64_t sequence_ = 0;
};

}  // namespace torchtape::format

#endif  // TORCHTAPE_FORMAT_JOURNAL_H_
