#ifndef TORCHTAPE_FORMAT_SRC_JOURNAL_LAYOUT_H_
#define TORCHTAPE_FORMAT_SRC_JOURNAL_LAYOUT_H_

// The bytes of a journal, as they lie in the memory of the process that makes
// it: a journal is read on the machine where its run was killed.
//
//   <journal> = <header page> <section>*
//   <section> = <section header page> <content, whole pages>
//
// A section is a ring of records, room for checkpoints, or a note. Sections are
// found by walking from one to the next, or, past damage, from page to page.
// What a recording thread stores while it records has no checksum: it has to
// cost nothing.

#include <cstddef>
#include <cstdint>

namespace torchtape::format::internal {

inline constexpr size_t kPageBytes = 4096;
inline constexpr uint32_t kJournalVersion = 1;
inline constexpr size_t kRunIdBytes = 16;

constexpr uint64_t WholePages(uint64_t bytes) {
  return (bytes + kPageBytes - 1) / kPageBytes * kPageBytes;
}

// Ticks of the recording clock and nanoseconds since the run's start.
struct ClockSlot {
  uint64_t ticks;
  uint64_t ns;
  uint64_t check;  // CheckOf(); a torn slot is not believed

  uint64_t CheckOf() const {
    return (ticks ^ (ns << 31 | ns >> 33)) * 0x9e3779b97f4a7c15u + 1;
  }
};

inline constexpr unsigned char kJournalMagic[8] = {0x89, 'T',  'A',  'P',
                                                   'J',  0x0d, 0x0a, 0x1a};

struct JournalHeader {
  unsigned char magic[8];
  uint32_t version;
  uint32_t crc;  // of the header with this field 0, clocks left out
  unsigned char run_id[kRunIdBytes];
  // The oldest reading of both clocks, and the two latest, written in turns.
  ClockSlot clocks[3];
};
inline constexpr size_t kJournalHeaderCrcBytes =
    offsetof(JournalHeader, clocks);

inline constexpr unsigned char kSectionMagic[8] = {0xc5, 'T', 'A',  'P',
                                                   'E',  'J', 0x0a, 0xf5};

enum class SectionKind : uint32_t {
  kRing = 1,
  kCheckpoints = 2,
  kModel = 3,      // a v1::WaitingModel
  kCodeMap = 4,    // a v1::CodeMap; the last one counts
  kUnwritten = 5,  // one of these two while its content is written
};

struct SectionHeader {
  unsigned char magic[8];
  SectionKind kind;
  uint32_t crc;          // of the header with this field 0
  uint64_t offset;       // of this header in the file
  uint64_t bytes;        // of the content: from the next page on
  uint32_t content_crc;  // of a note; else 0
  uint32_t zero;
  unsigned char run_id[kRunIdBytes];
};

// Whose ring it is. Lies in the section header page.
struct RingLabel {
  uint64_t thread;  // number; 0: nobody's. Written first and last
  uint64_t os_id;
  uint64_t torch_id;
  uint64_t first;  // position of the thread's first record
  char name[24];
  uint64_t crc;  // of all before, with its number
};
inline constexpr size_t kRingLabelOffset = 128;
inline constexpr size_t kRingHeadOffset =
    256;  // position after the last record
inline constexpr size_t kRingTailOffset = 320;  // what is before may be gone
// Events that were dropped and that no record tells of yet: how many, and the
// ticks of the first and of the last.
inline constexpr size_t kRingDropsOffset = 384;

// A checkpoint in its section; the next one follows at a multiple of 8 bytes.
// Those of one section are read from its beginning for as long as their
// sequence numbers follow each other. The first one there is whole; each later
// one adds to it.
inline constexpr uint32_t kFrameMagic = 0x4b435054;  // "TPCK"

struct FrameHeader {
  uint32_t magic;
  uint32_t header_crc;  // of the header with this field 0
  uint64_t sequence;    // 1, 2, ... in the order of writing
  uint64_t bytes;       // of the v1::Checkpoint that follows
  uint32_t content_crc;
  uint32_t whole;
};

constexpr uint64_t FrameBytes(uint64_t content) {
  return sizeof(FrameHeader) + (content + 7) / 8 * 8;
}

// More than any process needs; bounds what a reader takes.
inline constexpr uint64_t kMaxRingBytes = uint64_t{1} << 30;
inline constexpr uint64_t kMaxNoteBytes = uint64_t{1} << 28;

}  // namespace torchtape::format::internal

#endif  // TORCHTAPE_FORMAT_SRC_JOURNAL_LAYOUT_H_
