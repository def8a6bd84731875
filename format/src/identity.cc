#include "identity.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"

namespace torchtape::format {
namespace {

// More would make chunks noticeably larger, and the writer slower.
constexpr size_t kMostLive = size_t{1} << 14;

}  // namespace

uint64_t IdentityMap::Allocate(uint64_t address, uint64_t bytes, uint64_t ticks,
                               bool recorded) {
  Storage& storage = storages_[address];
  storage = Storage{++last_storage_,   bytes,    ticks,           step_,
                    /*observed=*/true, recorded, /*pinned=*/false};
  return storage.id;
}

void IdentityMap::WriteLive(v1::Events* events) const {
  if (!steps_known_) return;
  std::vector<std::pair<uint64_t, uint64_t>> live;  // storages and their steps
  storages_.ForEach([&](uint64_t, const Storage& storage) {
    if (storage.recorded && live.size() <= kMostLive) {
      live.emplace_back(storage.id, storage.step);
    }
  });
  if (live.size() > kMostLive) return;
  std::sort(live.begin(), live.end());
  v1::LiveMemory* columns = events->mutable_live();
  std::pair<uint64_t, uint64_t> last = {0, 0};
  for (const auto& [storage, step] : live) {
    columns->add_storages(storage - last.first);
    columns->add_steps(static_cast<int64_t>(step - last.second));
    last = {storage, step};
  }
}

IdentityMap::Freed IdentityMap::Free(uint64_t address) {
  Storage* storage = storages_.Get(address);
  if (storage == nullptr) return {};
  const Freed freed{storage->id, storage->bytes, storage->recorded};
  storages_.Erase(storage);
  return freed;
}

uint64_t IdentityMap::StorageAt(uint64_t address, uint64_t ticks,
                                uint64_t since_ticks) {
  if (address == 0) return 0;
  Storage& storage = storages_[address];
  const bool stale =
      !storage.observed && !storage.pinned && storage.seen_ticks < since_ticks;
  if (storage.id == 0 || stale) {
    storage = Storage{++last_storage_, 0, ticks, 0, false, false, false};
  }
  storage.seen_ticks = ticks;
  return storage.id;
}

TensorId IdentityMap::Input(uint64_t tensor_address, uint64_t memory_address,
                            uint64_t ticks) {
  const uint64_t storage = StorageAt(memory_address, ticks, 0);
  Tensor& tensor = tensors_[tensor_address];
  if (tensor.id == 0 || tensor.storage != storage) {
    tensor = Tensor{++last_tensor_, storage, ticks};
  }
  tensor.seen_ticks = ticks;
  return {tensor.id, storage};
}

TensorId IdentityMap::Output(uint64_t tensor_address, uint64_t memory_address,
                             uint64_t ticks, uint64_t span_start_ticks) {
  const uint64_t storage = StorageAt(memory_address, ticks, span_start_ticks);
  Tensor& tensor = tensors_[tensor_address];
  if (tensor.id == 0 || tensor.storage != storage ||
      tensor.seen_ticks < span_start_ticks) {
    tensor = Tensor{++last_tensor_, storage, ticks};
  }
  tensor.seen_ticks = ticks;
  return {tensor.id, storage};
}

void IdentityMap::StartWindow() {
  absl::flat_hash_set<uint64_t> pinned;
  storages_.Filter([&](Storage& storage) {
    if (!storage.pinned) return false;
    pinned.insert(storage.id);
    storage.recorded = false;
    return true;
  });
  tensors_.Filter(
      [&](const Tensor& tensor) { return pinned.contains(tensor.storage); });
}

namespace {

constexpr uint64_t kObserved = 1, kRecorded = 2, kPinned = 4;
constexpr int kStorageWords = 5, kTensorWords = 4;

}  // namespace

void IdentityMap::Save(v1::IdentityState* state) const {
  state->set_last_tensor(last_tensor_);
  state->set_last_storage(last_storage_);
  state->set_step(step_);
  state->mutable_storages()->Reserve(
      static_cast<int>(storages_.size() * kStorageWords));
  storages_.ForEach([&](uint64_t address, const Storage& storage) {
    state->add_storages(address);
    state->add_storages(storage.id);
    state->add_storages(storage.bytes);
    state->add_storages(storage.seen_ticks);
    state->add_storages((storage.observed ? kObserved : 0) |
                        (storage.recorded ? kRecorded : 0) |
                        (storage.pinned ? kPinned : 0));
    state->add_storage_steps(storage.step);
  });
  state->mutable_tensors()->Reserve(
      static_cast<int>(tensors_.size() * kTensorWords));
  tensors_.ForEach([&](uint64_t address, const Tensor& tensor) {
    state->add_tensors(address);
    state->add_tensors(tensor.id);
    state->add_tensors(tensor.storage);
    state->add_tensors(tensor.seen_ticks);
  });
}

bool IdentityMap::Restore(const v1::IdentityState& state) {
  if (state.storages_size() % kStorageWords != 0 ||
      state.tensors_size() % kTensorWords != 0) {
    return false;
  }
  last_tensor_ = state.last_tensor();
  last_storage_ = state.last_storage();
  step_ = state.step();
  steps_known_ =
      state.storage_steps_size() == state.storages_size() / kStorageWords;
  storages_.Clear();
  for (int i = 0; i < state.storages_size(); i += kStorageWords) {
    const uint64_t* words = state.storages().data() + i;
    if (words[1] == 0) return false;
    storages_[words[0]] = {
        words[1],
        words[2],
        words[3],
        steps_known_ ? state.storage_steps(i / kStorageWords) : 0,
        (words[4] & kObserved) != 0,
        (words[4] & kRecorded) != 0,
        (words[4] & kPinned) != 0};
  }
  tensors_.Clear();
  for (int i = 0; i < state.tensors_size(); i += kTensorWords) {
    const uint64_t* words = state.tensors().data() + i;
    if (words[1] == 0) return false;
    tensors_[words[0]] = {words[1], words[2], words[3]};
  }
  return true;
}

void IdentityMap::Pin(uint64_t memory_address) {
  if (Storage* storage = storages_.Get(memory_address)) storage->pinned = true;
}

}  // namespace torchtape::format
