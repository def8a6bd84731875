#include "torchtape/format/journal.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "checksum.h"
#include "file_error.h"
#include "journal_layout.h"
#include "new_file.h"

namespace torchtape::format {
namespace {

using internal::ClockSlot;
using internal::FileError;
using internal::FrameHeader;
using internal::JournalHeader;
using internal::kPageBytes;
using internal::RingLabel;
using internal::SectionHeader;
using internal::SectionKind;
using internal::WholePages;

// Two of them hold the state of an ordinary training.
constexpr uint64_t kLeastRoomBytes = uint64_t{1} << 20;
// A whole state is written again after about so many others.
constexpr uint64_t kStatesInRoom = 8;

template <typename Struct>
absl::string_view BytesOf(const Struct& object) {
  return absl::string_view(reinterpret_cast<const char*>(&object),
                           sizeof object);
}

std::atomic<uint64_t>* AtomicAt(char* memory) {
  static_assert(sizeof(std::atomic<uint64_t>) == sizeof(uint64_t) &&
                std::atomic<uint64_t>::is_always_lock_free);
  return reinterpret_cast<std::atomic<uint64_t>*>(memory);
}

// File systems on which a store into a mapped page may fail though its space
// was taken, or wait for another machine.
bool StoresMayFail(int file) {
  constexpr long kZfs = 0x2fc12fc1, kCifs = 0xff534d42, kSmb2 = 0xfe534d42,
                 kCeph = 0x00c36400, kLustre = 0x0bd00bd0;
  struct statfs facts;
  if (fstatfs(file, &facts) != 0) return true;
  const long kRefused[] = {NFS_SUPER_MAGIC,
                           FUSE_SUPER_MAGIC,
                           BTRFS_SUPER_MAGIC,
                           V9FS_MAGIC,
                           AFS_SUPER_MAGIC,
                           kZfs,
                           kCifs,
                           kSmb2,
                           kCeph,
                           kLustre};
  const long type = static_cast<long>(static_cast<uint32_t>(facts.f_type));
  return std::find(std::begin(kRefused), std::end(kRefused), type) !=
         std::end(kRefused);
}

bool Lock(int file) {
  struct flock whole = {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  return fcntl(file, F_OFD_SETLK, &whole) == 0;
}

// Takes space, as far as a file may grow: growing further would be a signal
// that ends the program.
int TakeSpace(int file, uint64_t offset, uint64_t bytes) {
  rlimit limit;
  if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < offset + bytes) {
    return EFBIG;
  }
  return posix_fallocate(file, static_cast<off_t>(offset),
                         static_cast<off_t>(bytes));
}

}  // namespace

std::string JournalPath(absl::string_view log_path) {
  return absl::StrCat(log_path, ".journal");
}

std::string MakeRunId() {
  std::string id(internal::kRunIdBytes, '\0');
  // The kernel's random numbers are there long before any training.
  if (getrandom(id.data(), id.size(), GRND_NONBLOCK) < 0) id.clear();
  return id;
}

// ---------------------------------------------------------------------------
// JournalRing

JournalRing::JournalRing(JournalRing&& other) noexcept
    : map_(std::exchange(other.map_, nullptr)), words_(other.words_) {}

JournalRing::~JournalRing() {
  if (map_ != nullptr) munmap(map_, map_bytes());
}

size_t JournalRing::map_bytes() const {
  return kPageBytes + WholePages(words_ * sizeof(uint64_t));
}

uint64_t* JournalRing::words() const {
  return reinterpret_cast<uint64_t*>(map_ + kPageBytes);
}

std::atomic<uint64_t>* JournalRing::head() const {
  return AtomicAt(map_ + internal::kRingHeadOffset);
}

std::atomic<uint64_t>* JournalRing::tail() const {
  return AtomicAt(map_ + internal::kRingTailOffset);
}

std::atomic<uint64_t>* JournalRing::drops() const {
  return AtomicAt(map_ + internal::kRingDropsOffset);
}

void JournalRing::SetThread(uint32_t number, uint64_t os_id, uint64_t torch_id,
                            absl::string_view name) {
  ClearThread();
  drops()[0].store(0, std::memory_order_relaxed);
  RingLabel label = {};
  label.thread = number;
  label.os_id = os_id;
  label.torch_id = torch_id;
  label.first = head()->load(std::memory_order_relaxed);
  name.copy(label.name, sizeof label.name - 1);
  label.crc =
      internal::Crc32(BytesOf(label).substr(0, offsetof(RingLabel, crc)));
  label.thread = 0;
  std::memcpy(map_ + internal::kRingLabelOffset, &label, sizeof label);
  AtomicAt(map_ + internal::kRingLabelOffset)
      ->store(number, std::memory_order_release);
}

void JournalRing::ClearThread() {
  AtomicAt(map_ + internal::kRingLabelOffset)
      ->store(0, std::memory_order_release);
  std::atomic_signal_fence(std::memory_order_seq_cst);
}

// ---------------------------------------------------------------------------
// Journal

Journal::Journal(std::string path, std::string run_id, int file, int lock)
    : path_(std::move(path)),
      run_id_(std::move(run_id)),
      file_(file),
      lock_(lock),
      end_(kPageBytes) {}

Journal::~Journal() {
  if (header_ != nullptr) munmap(header_, kPageBytes);
  for (Mapping* mapping = mappings_; mapping != nullptr;) {
    delete std::exchange(mapping, mapping->next);
  }
  close(lock_);
  close(file_);
}

absl::StatusOr<std::unique_ptr<Journal>> Journal::Create(
    const std::string& path, absl::string_view run_id) {
  if (run_id.size() != internal::kRunIdBytes) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": the run has no id"));
  }
  absl::StatusOr<int> created = internal::OpenNewFile(path);
  if (!created.ok()) return created.status();
  const int file = open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  const int error = errno;
  if (file < 0) {
    close(*created);
    unlink(path.c_str());
    return FileError(error, path);
  }
  std::unique_ptr<Journal> journal(
      new Journal(path, std::string(run_id), file, *created));
  absl::Status status;
  if (StoresMayFail(file)) {
    status = absl::FailedPreconditionError(absl::StrCat(
        path, ": stores into a mapped file may fail on this file system"));
  } else if (!Lock(journal->lock_)) {
    status = FileError(errno, path);
  } else {
    status = journal->MakeHeader();
  }
  for (int i = 0; i < 2 && status.ok(); ++i) {
    journal->room_ = i;
    status = journal->StartRoom(kLeastRoomBytes);
  }
  if (status.ok()) return journal;
  journal->Remove();
  return status;
}

absl::Status Journal::MakeHeader() {
  if (const int error = TakeSpace(file_, 0, kPageBytes); error != 0) {
    return FileError(error, path_);
  }
  void* memory = mmap(nullptr, kPageBytes, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_POPULATE, file_, 0);
  if (memory == MAP_FAILED) return FileError(errno, path_);
  // A forked child reads no clock.
  madvise(memory, kPageBytes, MADV_DONTFORK);
  header_ = static_cast<char*>(memory);
  JournalHeader header = {};
  std::memcpy(header.magic, internal::kJournalMagic, sizeof header.magic);
  header.version = internal::kJournalVersion;
  std::memcpy(header.run_id, run_id_.data(), sizeof header.run_id);
  header.crc = internal::Crc32(
      BytesOf(header).substr(0, internal::kJournalHeaderCrcBytes));
  std::memcpy(header_, &header, sizeof header);
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> Journal::AddSection(uint32_t kind, uint64_t bytes,
                                             uint32_t content_crc) {
  const uint64_t all = kPageBytes + WholePages(bytes);
  const uint64_t offset = end_.fetch_add(all);
  if (const int error = TakeSpace(file_, offset, all); error != 0) {
    return FileError(error, path_);
  }
  absl::Status status = WriteHeader(kind, offset, bytes, content_crc);
  if (!status.ok()) return status;
  return offset;
}

absl::Status Journal::WriteHeader(uint32_t kind, uint64_t offset,
                                  uint64_t bytes, uint32_t content_crc) {
  SectionHeader header = {};
  std::memcpy(header.magic, internal::kSectionMagic, sizeof header.magic);
  header.kind = static_cast<SectionKind>(kind);
  header.offset = offset;
  header.bytes = bytes;
  header.content_crc = content_crc;
  std::memcpy(header.run_id, run_id_.data(), sizeof header.run_id);
  header.crc = internal::Crc32(BytesOf(header));
  return Write(offset, BytesOf(header));
}

// The process may be killed at any time: the header says what it is when all of
// it is there.
absl::Status Journal::AddNote(uint32_t kind, absl::string_view content) {
  if (content.size() > internal::kMaxNoteBytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat(path_, ": a note is too large"));
  }
  absl::StatusOr<uint64_t> offset = AddSection(
      static_cast<uint32_t>(SectionKind::kUnwritten), content.size());
  if (!offset.ok()) return offset.status();
  absl::Status status = Write(*offset + kPageBytes, content);
  if (!status.ok()) return status;
  return WriteHeader(kind, *offset, content.size(), internal::Crc32(content));
}

absl::Status Journal::Write(uint64_t offset, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n =
        pwrite(file_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FileError(errno, path_);
    bytes.remove_prefix(static_cast<size_t>(n));
    offset += static_cast<uint64_t>(n);
  }
  return absl::OkStatus();
}

absl::StatusOr<JournalRing> Journal::AddRing(size_t words) {
  absl::StatusOr<uint64_t> offset = AddSection(
      static_cast<uint32_t>(SectionKind::kRing), words * sizeof(uint64_t));
  if (!offset.ok()) return offset.status();
  JournalRing ring(nullptr, words);
  void* memory =
      mmap(nullptr, ring.map_bytes(), PROT_READ | PROT_WRITE,
           MAP_SHARED | MAP_POPULATE, file_, static_cast<off_t>(*offset));
  if (memory == MAP_FAILED) return FileError(errno, path_);
  // Populated pages are there, but the first store to one still enters the
  // kernel, which notes that the file has changed. Now rather than in an op.
  for (size_t at = 0; at < ring.map_bytes(); at += kPageBytes) {
    volatile char* const first = static_cast<volatile char*>(memory) + at;
    *first = *first;
  }
  ring.map_ = static_cast<char*>(memory);
  mappings_.store(new Mapping{memory, ring.map_bytes(), mappings_.load()},
                  std::memory_order_release);
  return ring;
}

absl::Status Journal::AddModel(const v1::WaitingModel& model) {
  return AddNote(static_cast<uint32_t>(SectionKind::kModel),
                 model.SerializeAsString());
}

absl::Status Journal::SetCodeMap(const v1::CodeMap& map) {
  return AddNote(static_cast<uint32_t>(SectionKind::kCodeMap),
                 map.SerializeAsString());
}

void Journal::SetClock(uint64_t ticks, uint64_t ns) {
  auto* header = reinterpret_cast<JournalHeader*>(header_);
  ClockSlot slot = {ticks, ns, 0};
  slot.check = slot.CheckOf();
  header->clocks[clock_turn_] = slot;
  clock_turn_ = clock_turn_ == 1 ? 2 : 1;
}

absl::Status Journal::StartRoom(uint64_t bytes) {
  Room& room = rooms_[room_];
  room.used = 0;
  if (bytes <= room.bytes) return absl::OkStatus();
  uint64_t size = kLeastRoomBytes;
  while (size < bytes) size *= 2;
  absl::StatusOr<uint64_t> offset =
      AddSection(static_cast<uint32_t>(SectionKind::kCheckpoints), size);
  if (!offset.ok()) return offset.status();
  // The disk may have the old room back; what is in it is of no use.
  if (room.bytes != 0) {
    fallocate(file_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
              static_cast<off_t>(room.offset), static_cast<off_t>(room.bytes));
  }
  room.offset = *offset + kPageBytes;
  room.bytes = size;
  return absl::OkStatus();
}

absl::Status Journal::WriteCheckpoint(
    uint64_t log_bytes, const std::vector<v1::RingPosition>& rings,
    const Save& save) {
  const auto make_frame = [&](bool whole) {
    v1::Checkpoint checkpoint;
    checkpoint.set_log_bytes(log_bytes);
    for (const v1::RingPosition& ring : rings) *checkpoint.add_rings() = ring;
    checkpoint.set_encoder(save(whole));
    std::string frame(sizeof(FrameHeader), '\0');
    checkpoint.AppendToString(&frame);
    const absl::string_view content =
        absl::string_view(frame).substr(sizeof(FrameHeader));
    FrameHeader header = {};
    header.magic = internal::kFrameMagic;
    header.sequence = sequence_ + 1;
    header.bytes = content.size();
    header.content_crc = internal::Crc32(content);
    header.whole = whole ? 1 : 0;
    header.header_crc = internal::Crc32(BytesOf(header));
    std::memcpy(frame.data(), &header, sizeof header);
    frame.resize(internal::FrameBytes(header.bytes), '\0');
    return frame;
  };
  std::string frame = make_frame(sequence_ == 0);
  if (rooms_[room_].used + frame.size() > rooms_[room_].bytes) {
    // The other room's checkpoints are older than those here.
    frame = make_frame(true);
    room_ = 1 - room_;
    absl::Status status = StartRoom(frame.size() * kStatesInRoom);
    if (!status.ok()) return status;
  }
  Room& room = rooms_[room_];
  absl::Status status = Write(room.offset + room.used, frame);
  if (!status.ok()) return status;
  room.used += frame.size();
  ++sequence_;
  return absl::OkStatus();
}

void Journal::Remove() {
  // The log may have been renamed since, and its journal with it.
  char path[4096];
  const std::string link = absl::StrCat("/proc/self/fd/", file_);
  const ssize_t length = readlink(link.c_str(), path, sizeof path - 1);
  const std::string now =
      length > 0 ? std::string(path, static_cast<size_t>(length)) : path_;
  struct stat ours, theirs;
  if (fstat(file_, &ours) != 0 || stat(now.c_str(), &theirs) != 0) return;
  if (ours.st_dev != theirs.st_dev || ours.st_ino != theirs.st_ino) return;
  unlink(now.c_str());
}

void Journal::LeaveInChild() {
  for (Mapping* mapping = mappings_.load(std::memory_order_acquire);
       mapping != nullptr; mapping = mapping->next) {
    mmap(mapping->memory, mapping->bytes, PROT_READ | PROT_WRITE,
         MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  }
  close(lock_);
  close(file_);
}

}  // namespace torchtape::format
