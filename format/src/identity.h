#ifndef TORCHTAPE_FORMAT_SRC_IDENTITY_H_
#define TORCHTAPE_FORMAT_SRC_IDENTITY_H_

// Gives tensors and storages ids that are never reused, though the addresses
// that records carry are.
//
// A storage is an allocation: its id ends with FREE and a new ALLOCATE at the
// same address starts another. Memory whose allocation was not seen (older
// than the window, or of a device that is not observed) is known by address as
// long as ops keep passing it on.
//
// A tensor is a TensorImpl over a storage. An op's input is the tensor last
// seen at its address, if that had the same storage. An op's output is that
// tensor only if it was seen since the op began: as its input, or in an op
// inside it. Otherwise the address was reused, and the tensor is new.

#include <cstdint>

#include "address_map.h"
#include "torchtape/format/stream_cursor.h"
#include "torchtape/v1/journal.pb.h"

namespace torchtape::format {

class IdentityMap {
 public:
  struct Freed {
    uint64_t storage = 0;
    uint64_t bytes = 0;
    bool recorded = false;  // the log has its ALLOCATE
  };

  // Memory was allocated. Returns the new storage's id. `recorded`: the log
  // tells of it.
  uint64_t Allocate(uint64_t address, uint64_t bytes, uint64_t ticks,
                    bool recorded);

  // What is allocated from now on is of this step.
  void StartStep(uint64_t step) { step_ = step; }

  // Tells what of the log's allocations is live, unless that is too much to be
  // told again and again.
  void WriteLive(v1::Events* events) const;

  // Memory was freed.
  Freed Free(uint64_t address);

  TensorId Input(uint64_t tensor_address, uint64_t memory_address,
                 uint64_t ticks);
  TensorId Output(uint64_t tensor_address, uint64_t memory_address,
                  uint64_t ticks, uint64_t span_start_ticks);

  // The storage whose memory lies there, which is in use.
  uint64_t StorageInUse(uint64_t memory_address, uint64_t ticks) {
    return StorageAt(memory_address, ticks, 0);
  }

  // Forgets what may have been freed unseen while nothing was recorded.
  // Memory that was pinned, as a model's parameters are, stays known.
  void StartWindow();
  void Pin(uint64_t memory_address);

  void Save(v1::IdentityState* state) const;
  // False if `state` makes no sense.
  bool Restore(const v1::IdentityState& state);

  uint64_t last_tensor() const { return last_tensor_; }
  uint64_t last_storage() const { return last_storage_; }

 private:
  struct Storage {
    uint64_t id = 0;
    uint64_t bytes = 0;
    uint64_t seen_ticks = 0;
    uint64_t step = 0;      // in which it was allocated
    bool observed = false;  // its allocation was seen
    bool recorded = false;
    bool pinned = false;
  };
  struct Tensor {
    uint64_t id = 0;
    uint64_t storage = 0;
    uint64_t seen_ticks = 0;
  };

  // The storage at an address. `since_ticks`: memory that is not observed and
  // was not seen since then is taken for new memory.
  uint64_t StorageAt(uint64_t address, uint64_t ticks, uint64_t since_ticks);

  AddressMap<Storage> storages_;
  AddressMap<Tensor> tensors_;
  uint64_t last_tensor_ = 0;
  uint64_t last_storage_ = 0;
  uint64_t step_ = 0;
  bool steps_known_ = true;  // of all that is live
};

}  // namespace torchtape::format

#endif  // TORCHTAPE_FORMAT_SRC_IDENTITY_H_
