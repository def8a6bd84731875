#include "journal_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "checksum.h"
#include "journal_layout.h"

namespace torchtape::format::internal {
namespace {

// Pages without a section that are passed over, in all: a section whose maker
// was killed before its header was there, or damage.
constexpr uint64_t kMaxLostBytes = uint64_t{2} << 30;

// The struct at the front of `bytes`; false if they are too short.
template <typename Struct>
bool TakeStruct(absl::string_view bytes, Struct* to) {
  if (bytes.size() < sizeof *to) return false;
  std::memcpy(to, bytes.data(), sizeof *to);
  return true;
}

template <typename Struct>
uint32_t CrcOf(const Struct& object, size_t bytes = sizeof(Struct)) {
  return Crc32(
      absl::string_view(reinterpret_cast<const char*>(&object), bytes));
}

bool IsZero(absl::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(),
                     [](char byte) { return byte == 0; });
}

class Reader {
 public:
  explicit Reader(const ByteSource& source) : source_(source) {}

  absl::StatusOr<FoundJournal> Read() {
    absl::Status status = ReadHeader();
    if (!status.ok()) return status;
    uint64_t offset = kPageBytes;
    while (offset < source_.size() && lost_bytes_ < kMaxLostBytes) {
      absl::StatusOr<uint64_t> next = ReadSection(offset);
      if (!next.ok()) return next.status();
      offset = *next;
    }
    TellLost(std::min(offset, source_.size()));
    return std::move(found_);
  }

 private:
  void Problem(uint64_t offset, absl::string_view what) {
    found_.problems.push_back(absl::StrCat("offset ", offset, ": ", what));
  }

  absl::Status ReadHeader() {
    absl::StatusOr<std::string> page = source_.Read(0, kPageBytes);
    if (!page.ok()) return page.status();
    JournalHeader header;
    if (!TakeStruct(*page, &header) ||
        std::memcmp(header.magic, kJournalMagic, sizeof header.magic) != 0) {
      return absl::InvalidArgumentError("offset 0: not a journal");
    }
    if (header.version != kJournalVersion) {
      return absl::InvalidArgumentError(
          absl::StrCat("offset 8: a journal of version ", header.version,
                       "; this one reads version ", kJournalVersion));
    }
    const uint32_t crc = std::exchange(header.crc, 0);
    if (CrcOf(header, kJournalHeaderCrcBytes) != crc) {
      return absl::InvalidArgumentError("offset 0: the header is damaged");
    }
    found_.run_id.assign(reinterpret_cast<const char*>(header.run_id),
                         sizeof header.run_id);
    FindClock(header);
    return absl::OkStatus();
  }

  void FindClock(const JournalHeader& header) {
    const ClockSlot& oldest = header.clocks[0];
    if (oldest.check != oldest.CheckOf()) {
      return Problem(offsetof(JournalHeader, clocks), "the clock is damaged");
    }
    ClockSlot latest = oldest;
    for (const ClockSlot& slot : {header.clocks[1], header.clocks[2]}) {
      if (slot.check == slot.CheckOf() && slot.ns > latest.ns) latest = slot;
    }
    found_.has_clock = true;
    found_.clock.ticks = latest.ticks;
    found_.clock.ns = static_cast<double>(latest.ns);
    if (latest.ticks > oldest.ticks) {
      found_.clock.ns_per_tick =
          static_cast<double>(latest.ns - oldest.ns) /
          static_cast<double>(latest.ticks - oldest.ticks);
    }
  }

  // Returns where to go on.
  absl::StatusOr<uint64_t> ReadSection(uint64_t offset) {
    absl::StatusOr<std::string> page = source_.Read(offset, kPageBytes);
    if (!page.ok()) return page.status();
    SectionHeader header;
    if (!TakeStruct(*page, &header) || !IsSection(header, offset)) {
      if (!IsZero(*page) && lost_from_ == 0) lost_from_ = offset;
      lost_bytes_ += kPageBytes;
      return offset + kPageBytes;
    }
    TellLost(offset);
    const uint64_t content = offset + kPageBytes;
    if (content > source_.size() || header.bytes > source_.size() - content) {
      Problem(offset, "a section is cut short");
      return content;
    }
    switch (header.kind) {
      case SectionKind::kRing:
        FindRing(*page, header);
        break;
      case SectionKind::kCheckpoints: {
        absl::Status status = FindCheckpoints(content, header.bytes);
        if (!status.ok()) return status;
        break;
      }
      case SectionKind::kModel:
      case SectionKind::kCodeMap: {
        absl::Status status = FindNote(header);
        if (!status.ok()) return status;
        break;
      }
      case SectionKind::kUnwritten:
        break;  // the process ended before it was there
      default:
        Problem(offset, "a section of an unknown kind");
    }
    return content + WholePages(header.bytes);
  }

  bool IsSection(SectionHeader header, uint64_t offset) const {
    const uint32_t crc = std::exchange(header.crc, 0);
    return std::memcmp(header.magic, kSectionMagic, sizeof header.magic) == 0 &&
           CrcOf(header) == crc && header.offset == offset &&
           std::memcmp(header.run_id, found_.run_id.data(), kRunIdBytes) == 0;
  }

  void TellLost(uint64_t offset) {
    if (lost_from_ == 0) return;
    Problem(lost_from_, absl::StrCat("no section; ", offset - lost_from_,
                                     " bytes passed over"));
    lost_from_ = 0;
  }

  void FindRing(absl::string_view page, const SectionHeader& header) {
    RingLabel label;
    if (!TakeStruct(page.substr(kRingLabelOffset), &label)) return;
    if (label.thread == 0) return;
    if (CrcOf(label, offsetof(RingLabel, crc)) != label.crc) {
      return Problem(header.offset, "whose ring it is, is damaged");
    }
    FoundRing ring;
    ring.offset = header.offset;
    ring.size = header.bytes / sizeof(uint64_t);
    if (ring.size == 0 || (ring.size & (ring.size - 1)) != 0 ||
        header.bytes > kMaxRingBytes) {
      return Problem(header.offset, "a ring of an impossible size");
    }
    ring.thread.set_number(static_cast<uint32_t>(label.thread));
    ring.thread.set_os_id(label.os_id);
    ring.thread.set_torch_id(label.torch_id);
    ring.thread.set_name(
        std::string(label.name, strnlen(label.name, sizeof label.name)));
    ring.first = label.first;
    TakeStruct(page.substr(kRingHeadOffset), &ring.head);
    TakeStruct(page.substr(kRingTailOffset), &ring.tail);
    TakeStruct(page.substr(kRingDropsOffset), &ring.drops);
    found_.rings.push_back(std::move(ring));
  }

  absl::Status FindCheckpoints(uint64_t begin, uint64_t bytes) {
    uint64_t at = begin;
    size_t base = found_.checkpoints.size();
    uint64_t last = 0;
    while (begin + bytes - at >= sizeof(FrameHeader)) {
      absl::StatusOr<std::string> read = source_.Read(at, sizeof(FrameHeader));
      if (!read.ok()) return read.status();
      FrameHeader header;
      if (!TakeStruct(*read, &header)) break;
      const uint32_t crc = std::exchange(header.header_crc, 0);
      const uint64_t content = at + sizeof header;
      if (header.magic != kFrameMagic || CrcOf(header) != crc ||
          header.bytes > begin + bytes - content) {
        break;  // the end, or a header that is damaged: told by who needs it
      }
      if (last != 0 && header.sequence != last + 1) break;  // of before
      if (last == 0 && header.whole == 0) break;
      absl::StatusOr<std::string> payload = source_.Read(content, header.bytes);
      if (!payload.ok()) return payload.status();
      // Torn by the end of the process, if it is the last one.
      if (Crc32(*payload) != header.content_crc) break;
      if (header.whole != 0) base = found_.checkpoints.size();
      found_.checkpoints.push_back(
          {content, header.bytes, header.sequence, base});
      last = header.sequence;
      at += FrameBytes(header.bytes);
      if (at > begin + bytes) break;
    }
    return absl::OkStatus();
  }

  absl::Status FindNote(const SectionHeader& header) {
    if (header.bytes > kMaxNoteBytes) {
      Problem(header.offset, "a note is too large");
      return absl::OkStatus();
    }
    absl::StatusOr<std::string> content =
        source_.Read(header.offset + kPageBytes, header.bytes);
    if (!content.ok()) return content.status();
    // One that was not written to its end announces nothing yet.
    if (Crc32(*content) != header.content_crc) {
      if (!IsZero(*content)) Problem(header.offset, "a note is damaged");
      return absl::OkStatus();
    }
    if (header.kind == SectionKind::kModel) {
      v1::WaitingModel model;
      if (model.ParseFromString(*content)) {
        found_.models[model.id()] = std::move(*model.mutable_model());
        return absl::OkStatus();
      }
    } else if (found_.code_map.ParseFromString(*content)) {
      return absl::OkStatus();
    }
    Problem(header.offset, "a note does not parse");
    return absl::OkStatus();
  }

  const ByteSource& source_;
  FoundJournal found_;
  uint64_t lost_from_ = 0;  // offset of the first page of damage; 0: none
  uint64_t lost_bytes_ = 0;
};

}  // namespace

absl::StatusOr<FoundJournal> ReadJournal(const ByteSource& source) {
  return Reader(source).Read();
}

absl::StatusOr<v1::Checkpoint> ReadCheckpoint(const ByteSource& source,
                                              const FoundCheckpoint& found) {
  absl::StatusOr<std::string> bytes = source.Read(found.offset, found.bytes);
  if (!bytes.ok()) return bytes.status();
  v1::Checkpoint checkpoint;
  if (!checkpoint.ParseFromString(*bytes)) {
    return absl::DataLossError(
        absl::StrCat("offset ", found.offset, ": a checkpoint does not parse"));
  }
  return checkpoint;
}

absl::StatusOr<std::vector<uint64_t>> ReadRing(const ByteSource& source,
                                               const FoundRing& ring,
                                               uint64_t begin) {
  std::vector<uint64_t> words(ring.head - begin);
  for (size_t done = 0; done < words.size();) {
    const uint64_t at = (begin + done) % ring.size;
    const size_t count =
        std::min<uint64_t>(ring.size - at, words.size() - done);
    absl::StatusOr<std::string> bytes =
        source.Read(ring.offset + kPageBytes + at * sizeof(uint64_t),
                    count * sizeof(uint64_t));
    if (!bytes.ok()) return bytes.status();
    if (bytes->size() != count * sizeof(uint64_t)) {
      return absl::UnavailableError("the journal became shorter");
    }
    std::memcpy(words.data() + done, bytes->data(), bytes->size());
    done += count;
  }
  return words;
}

}  // namespace torchtape::format::internal
