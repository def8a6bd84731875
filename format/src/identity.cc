#include "identity.h"

namespace torchtape::format {

uint64_t IdentityMap::Allocate(uint64_t address, uint64_t bytes, uint64_t ticks,
                               bool recorded) {
  Storage& storage = storages_[address];
  storage = Storage{++last_storage_,   bytes,    ticks,
                    /*observed=*/true, recorded, /*pinned=*/false};
  return storage.id;
}

IdentityMap::Freed IdentityMap::Free(uint64_t address) {
  auto it = storages_.find(address);
  if (it == storages_.end()) return {};
  Freed freed{it->second.id, it->second.bytes, it->second.recorded};
  storages_.erase(it);
  return freed;
}

uint64_t IdentityMap::StorageAt(uint64_t address, uint64_t ticks,
                                uint64_t since_ticks) {
  if (address == 0) return 0;
  Storage& storage = storages_[address];
  const bool stale =
      !storage.observed && !storage.pinned && storage.seen_ticks < since_ticks;
  if (storage.id == 0 || stale) {
    storage = Storage{++last_storage_, 0, ticks, false, false, false};
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
  absl::erase_if(storages_,
                 [](const auto& entry) { return !entry.second.pinned; });
  absl::flat_hash_map<uint64_t, uint64_t> pinned;
  for (const auto& [address, storage] : storages_) pinned[storage.id] = 1;
  absl::erase_if(tensors_, [&](const auto& entry) {
    return !pinned.contains(entry.second.storage);
  });
  for (auto& [address, storage] : storages_) storage.recorded = false;
}

void IdentityMap::Pin(uint64_t memory_address) {
  auto it = storages_.find(memory_address);
  if (it != storages_.end()) it->second.pinned = true;
}

}  // namespace torchtape::format
