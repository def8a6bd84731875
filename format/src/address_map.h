#ifndef TORCHTAPE_FORMAT_SRC_ADDRESS_MAP_H_
#define TORCHTAPE_FORMAT_SRC_ADDRESS_MAP_H_

// A map from addresses to entries, for several look-ups an op: one
// multiplication finds an entry's slot or one close to it. An entry has an `id`
// that is not 0 for as long as it is in the map.

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace torchtape::format {

template <typename Entry>
class AddressMap {
 public:
  // The entry at `address`; one with id 0 is new and must get an id before the
  // next call. The reference is good until the next call that may add one.
  Entry& operator[](uint64_t address) {
    size_t at = Find(address);
    if (slots_.empty() || (slots_[at].entry.id == 0 && IsHalfFull())) {
      Grow();
      at = Find(address);
    }
    Slot& slot = slots_[at];
    if (slot.entry.id == 0) {
      slot.address = address;
      ++size_;
    }
    return slot.entry;
  }

  // Null if there is none.
  Entry* Get(uint64_t address) {
    if (size_ == 0) return nullptr;
    Entry& entry = slots_[Find(address)].entry;
    return entry.id == 0 ? nullptr : &entry;
  }

  // Removes an entry that `Get()` returned. Those behind it that it had pushed
  // away from their slots move up, so no mark of it is left.
  void Erase(Entry* entry) {
    *entry = Entry();
    --size_;
    const size_t mask = slots_.size() - 1;
    size_t hole = SlotOf(entry);
    for (size_t at = (hole + 1) & mask; slots_[at].entry.id != 0;
         at = (at + 1) & mask) {
      const size_t home = Home(slots_[at].address);
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      slots_[hole] = slots_[at];
      slots_[at].entry = Entry();
      hole = at;
    }
  }

  // Calls `visit(address, entry)` for each; it must not add or remove any.
  template <typename Visit>
  void ForEach(Visit visit) const {
    for (const Slot& slot : slots_) {
      if (slot.entry.id != 0) visit(slot.address, slot.entry);
    }
  }

  // Keeps only the entries for which `keep(entry)`, which may change them.
  template <typename Keep>
  void Filter(Keep keep) {
    std::vector<Slot> old = std::exchange(slots_, {});
    size_ = 0;
    for (Slot& slot : old) {
      if (slot.entry.id != 0 && keep(slot.entry)) {
        (*this)[slot.address] = slot.entry;
      }
    }
  }

  void Clear() {
    slots_.clear();
    size_ = 0;
  }

  size_t size() const { return size_; }

 private:
  struct Slot {
    uint64_t address = 0;
    Entry entry;
  };

  static constexpr int kLeastBits = 6;

  bool IsHalfFull() const { return size_ >= slots_.size() / 2; }

  size_t SlotOf(const Entry* entry) const {
    const size_t bytes = reinterpret_cast<const char*>(entry) -
                         reinterpret_cast<const char*>(slots_.data());
    return bytes / sizeof(Slot);
  }

  // Fibonacci hashing: the product's upper bits depend on all of the address,
  // whose lower ones are zero.
  size_t Home(uint64_t address) const {
    return address * 0x9e3779b97f4a7c15 >> (64 - bits_);
  }

  // The slot of `address`, or the empty one where it would go.
  size_t Find(uint64_t address) const {
    if (slots_.empty()) return 0;
    const size_t mask = slots_.size() - 1;
    size_t at = Home(address);
    while (slots_[at].entry.id != 0 && slots_[at].address != address) {
      at = (at + 1) & mask;
    }
    return at;
  }

  void Grow() {
    bits_ = slots_.empty() ? kLeastBits : bits_ + 1;
    std::vector<Slot> old =
        std::exchange(slots_, std::vector<Slot>(size_t{1} << bits_));
    for (const Slot& slot : old) {
      if (slot.entry.id != 0) slots_[Find(slot.address)] = slot;
    }
  }

  std::vector<Slot> slots_;  // at most half of them in use
  int bits_ = 0;             // slots_.size() is 2 to this
  size_t size_ = 0;
};

}  // namespace torchtape::format

#endif  // TORCHTAPE_FORMAT_SRC_ADDRESS_MAP_H_
