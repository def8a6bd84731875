#ifndef TORCHTAPE_TESTS_FORMAT_FUZZ_REPAIR_H_
#define TORCHTAPE_TESTS_FORMAT_FUZZ_REPAIR_H_

// Rights the checksums in damaged bytes, so that what is behind them is
// reached: a fuzzer does not guess checksums.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "checksum.h"
#include "framing.h"
#include "journal_layout.h"
#include "torchtape/format/layout.h"

namespace torchtape::format::fuzz {

inline void PutCrc(size_t begin, size_t bytes, size_t at, std::string* file) {
  const uint32_t crc =
      internal::Crc32(absl::string_view(*file).substr(begin, bytes));
  std::memcpy(&(*file)[at], &crc, sizeof crc);
}

// Of the file header, and of each header behind a sync mark and its payload. A
// chunk of codec 0 is as long as its header says that it is stored.
inline void RepairLog(std::string* log) {
  if (log->size() < kFileHeaderBytes) return;
  PutCrc(0, 12, 12, log);
  size_t at = kFileHeaderBytes;
  const auto sync = internal::ChunkSync();
  while ((at = log->find(sync.data(), at, sync.size())) != std::string::npos) {
    if (log->size() - at < kChunkHeaderBytes) return;
    if ((*log)[at + 9] == 0) std::memcpy(&(*log)[at + 16], &(*log)[at + 12], 4);
    uint32_t stored;
    std::memcpy(&stored, &(*log)[at + 12], sizeof stored);
    if (stored <= log->size() - at - kChunkHeaderBytes) {
      PutCrc(at + kChunkHeaderBytes, stored, at + 20, log);
    }
    PutCrc(at, 36, at + 36, log);
    at += sync.size();
  }
}

// The struct at `at` with its field `crc` right for its first `bytes`.
template <typename Struct>
Struct Repaired(std::string* file, size_t at, uint32_t Struct::*crc,
                size_t bytes = sizeof(Struct)) {
  Struct object;
  std::memcpy(&object, file->data() + at, sizeof object);
  object.*crc = 0;
  object.*crc = internal::Crc32(
      absl::string_view(reinterpret_cast<const char*>(&object), bytes));
  std::memcpy(&(*file)[at], &object, sizeof object);
  return object;
}

inline void RepairCheckpoints(size_t at, size_t end, std::string* journal) {
  using internal::FrameHeader;
  while (at <= end && end - at >= sizeof(FrameHeader)) {
    FrameHeader frame;
    std::memcpy(&frame, journal->data() + at, sizeof frame);
    const size_t content = at + sizeof frame;
    if (frame.magic != internal::kFrameMagic || frame.bytes > end - content) {
      return;
    }
    PutCrc(content, frame.bytes, at + offsetof(FrameHeader, content_crc),
           journal);
    Repaired(journal, at, &FrameHeader::header_crc);
    at += internal::FrameBytes(frame.bytes);
  }
}

inline void RepairJournal(std::string* journal) {
  using namespace internal;
  if (journal->size() < kPageBytes) return;
  Repaired(journal, 0, &JournalHeader::crc, kJournalHeaderCrcBytes);
  for (size_t at = kPageBytes; at + kPageBytes <= journal->size();
       at += kPageBytes) {
    SectionHeader section;
    std::memcpy(&section, journal->data() + at, sizeof section);
    if (std::memcmp(section.magic, kSectionMagic, sizeof kSectionMagic) != 0) {
      continue;
    }
    const size_t content = at + kPageBytes;
    if (section.bytes > journal->size() - content) continue;
    switch (section.kind) {
      case SectionKind::kRing:
        PutCrc(at + kRingLabelOffset, offsetof(RingLabel, crc),
               at + kRingLabelOffset + offsetof(RingLabel, crc), journal);
        break;
      case SectionKind::kCheckpoints:
        RepairCheckpoints(content, content + section.bytes, journal);
        break;
      default:
        PutCrc(content, section.bytes,
               at + offsetof(SectionHeader, content_crc), journal);
    }
    Repaired(journal, at, &SectionHeader::crc);
  }
}

}  // namespace torchtape::format::fuzz

#endif  // TORCHTAPE_TESTS_FORMAT_FUZZ_REPAIR_H_
