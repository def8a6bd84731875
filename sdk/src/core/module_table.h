#ifndef TORCHTAPE_SDK_CORE_MODULE_TABLE_H_
#define TORCHTAPE_SDK_CORE_MODULE_TABLE_H_

// The modules that a thread has met, and the thread's numbers for them. Finding
// one is a hash and, nearly always, one cache line; nothing allocates that was
// met before.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "torchtape/format/record.h"

namespace torchtape::internal {

// Which module is called, from where, and who says so. Compared as a whole, so
// that a module at the address of one that is gone is another.
struct ModuleInstance {
  uint64_t address = 0;
  uint64_t type = 0;   // the address of its type_info
  uint64_t owner = 0;  // differs if it was made anew; 0: nobody owns it
  uint64_t call = 0;   // see CallWord()

  // Of its call site, an address of code and so of 47 bits; or, of a path of
  // several, a hash of 55.
  static constexpr uint64_t CallWord(uint64_t call_site,
                                     format::ModuleSource source) {
    return call_site | static_cast<uint64_t>(source) << 56;
  }
  static constexpr uint64_t PathWord(uint64_t hash,
                                     format::ModuleSource source) {
    constexpr uint64_t kNoAddress = uint64_t{1} << 55;
    return CallWord((hash & (kNoAddress - 1)) | kNoAddress, source);
  }

  friend bool operator==(const ModuleInstance& a, const ModuleInstance& b) {
    return a.address == b.address && a.call == b.call && a.type == b.type &&
           a.owner == b.owner;
  }
};

class ModuleTable {
 public:
  struct alignas(64) Entry {
    ModuleInstance instance;  // address 0: an empty place
    uint32_t op = 0;
    uint32_t signature = 0;  // of its calls; 0: not defined
  };

  // Null if the module was not met since the names of modules became other
  // ones: `names` counts that.
  Entry* Find(const ModuleInstance& instance, uint64_t names) {
    if (__builtin_expect(names != names_ || entries_.empty(), 0)) {
      Clear(names);
      return nullptr;
    }
    Entry& entry = Place(instance);
    return entry.instance.address != 0 ? &entry : nullptr;
  }

  // Adds what was not found. Forgets all others when they are too many.
  Entry* Add(const ModuleInstance& instance, uint32_t op);

  void ForgetSignatures();

 private:
  static constexpr size_t kFirstPlaces = 256;  // powers of two
  static constexpr size_t kMostPlaces = 16384;

  void Clear(uint64_t names);
  void Grow();
  // Where it is, or the empty place where it would be.
  Entry& Place(const ModuleInstance& instance) {
    const uint64_t hash =
        (instance.address ^ instance.call << 7) * 0x9e3779b97f4a7c15u;
    size_t place = hash >> 32 & (entries_.size() - 1);
    while (entries_[place].instance.address != 0 &&
           !(entries_[place].instance == instance)) {
      place = (place + 1) & (entries_.size() - 1);
    }
    return entries_[place];
  }

  std::vector<Entry> entries_;
  size_t used_ = 0;  // at most half of them
  uint64_t names_ = 0;
};

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_CORE_MODULE_TABLE_H_
