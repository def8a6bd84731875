// Memory in a stream: what is allocated and freed, and what autograd keeps.

#include "stream_builder.h"

namespace torchtape::format {

using Words = absl::Span<const uint64_t>;

size_t StreamBuilder::TotalsWords(Words record) {
  return (FlagsOf(record[0]) & kHasTotals) != 0 ? 2 : 0;
}

bool StreamBuilder::Allocate(Words record, uint64_t time_ns) {
  if (record.size() != 4 + TotalsWords(record)) return false;
  const bool recorded = shared_->memory && shared_->recording;
  const uint64_t storage =
      shared_->identities.Allocate(record[2], record[3], record[1], recorded);
  if (!recorded) return true;
  Add(v1::EVENT_KIND_ALLOCATE, time_ns);
  columns_.allocations.AddVarint(storage_coder_.Code(storage));
  columns_.sizes.AddVarint(record[3]);
  columns_.addresses.AddZigzag(static_cast<int64_t>(record[2] - last_address_));
  columns_.allocation_devices.AddVarint(IdOf(record[0]));
  any_device_ |= IdOf(record[0]) != 0;
  last_address_ = record[2];
  shared_->live_bytes += record[3];
  ++shared_->counts.allocations;
  shared_->words += 4;
  return true;
}

bool StreamBuilder::Free(Words record, uint64_t time_ns) {
  if (record.size() != 3 + TotalsWords(record)) return false;
  const IdentityMap::Freed freed = shared_->identities.Free(record[2]);
  if (!shared_->memory || !shared_->recording) return true;
  if (!freed.recorded) {
    ++shared_->counts.unmatched_frees;
    return true;
  }
  Add(v1::EVENT_KIND_FREE, time_ns);
  columns_.frees.AddVarint(storage_coder_.Code(freed.storage));
  shared_->live_bytes -= freed.bytes;
  ++shared_->counts.frees;
  ++shared_->words;
  return true;
}

bool StreamBuilder::SaveTensor(Words record, uint64_t time_ns) {
  if (record.size() != 4) return false;
  if (AddMark(record, time_ns, 0)) {
    columns_.saved_bytes.AddVarint(record[3]);
    ++shared_->counts.saves;
  }
  return true;
}

bool StreamBuilder::ReleaseTensor(Words record, uint64_t time_ns) {
  if (record.size() != 3) return false;
  if (AddMark(record, time_ns, 1)) ++shared_->counts.releases;
  return true;
}

// Its time is that of the event before, or of the stream's start. Returns
// whether it is recorded.
bool StreamBuilder::AddMark(Words record, uint64_t time_ns, uint64_t released) {
  const uint64_t storage =
      shared_->identities.StorageInUse(record[2], record[1]);
  if (storage == 0 || !shared_->write_ids || !shared_->recording) return false;
  if (!has_events()) {
    last_time_ns_ = time_ns;
    Start();
  }
  const uint64_t passed = columns_.kinds.bytes().size() - marked_events_;
  marked_events_ += passed;
  columns_.saves.AddVarint(passed << 1 | released);
  columns_.saved_storages.AddZigzag(
      static_cast<int64_t>(marked_storage_ - storage));
  marked_storage_ = storage;
  shared_->words += 3;
  return true;
}

}  // namespace torchtape::format
