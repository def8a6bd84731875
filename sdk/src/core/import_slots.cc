#include "core/import_slots.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "core/call_paths.h"

namespace torchtape::internal {
namespace {

// A thread may be inside a replacement at any time: the code stays for good,
// also when a plug-in that brought it is closed.
void StayLoaded() {
  Dl_info info;
  if (dladdr(reinterpret_cast<const void*>(&StayLoaded), &info) != 0) {
    dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
  }
}

uintptr_t PageSize() {
  static const uintptr_t size = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  return size;
}

// The parts of one object's dynamic section that lead to its slots.
struct DynamicSection {
  const ElfW(Sym) * symbols = nullptr;
  const char* strings = nullptr;
  const ElfW(Rela) * calls = nullptr;  // DT_JMPREL
  size_t call_bytes = 0;
  const ElfW(Rela) * data = nullptr;  // DT_RELA
  size_t data_bytes = 0;
  bool calls_are_rela = true;
};

DynamicSection ReadDynamic(const ElfW(Dyn) * entry, ElfW(Addr) base) {
  DynamicSection section;
  // The loader has turned some of these into addresses already.
  const auto address = [base](ElfW(Addr) at) {
    return at < base ? at + base : at;
  };
  for (; entry->d_tag != DT_NULL; ++entry) {
    const ElfW(Addr) at = address(entry->d_un.d_ptr);
    switch (entry->d_tag) {
      case DT_SYMTAB:
        section.symbols = reinterpret_cast<const ElfW(Sym)*>(at);
        break;
      case DT_STRTAB:
        section.strings = reinterpret_cast<const char*>(at);
        break;
      case DT_JMPREL:
        section.calls = reinterpret_cast<const ElfW(Rela)*>(at);
        break;
      case DT_PLTRELSZ:
        section.call_bytes = entry->d_un.d_val;
        break;
      case DT_PLTREL:
        section.calls_are_rela = entry->d_un.d_val == DT_RELA;
        break;
      case DT_RELA:
        section.data = reinterpret_cast<const ElfW(Rela)*>(at);
        break;
      case DT_RELASZ:
        section.data_bytes = entry->d_un.d_val;
        break;
      default:
        break;
    }
  }
  return section;
}

// Write access to one page after another; gives it up again.
class OpenPage {
 public:
  ~OpenPage() { Close(); }
  bool Open(const ImportSlots::Slot& slot) {
    const uintptr_t page =
        reinterpret_cast<uintptr_t>(slot.at) & ~(PageSize() - 1);
    if (page == page_) return true;
    Close();
    if (!slot.is_protected) return true;
    if (!Protect(page, PROT_READ | PROT_WRITE)) return false;
    page_ = page;
    return true;
  }

 private:
  static bool Protect(uintptr_t page, int protection) {
    return mprotect(reinterpret_cast<void*>(page), PageSize(), protection) == 0;
  }
  void Close() {
    if (page_ != 0) Protect(page_, PROT_READ);
    page_ = 0;
  }

  uintptr_t page_ = 0;
};

}  // namespace

// One object, while the loader holds still.
class ImportSlots::Visit {
 public:
  Visit(const dl_phdr_info& info, ImportSlots* slots)
      : info_(info), slots_(*slots) {}

  void Run(bool place, bool scan_all) {
    const ElfW(Dyn)* dynamic = FindSegments();
    if (dynamic == nullptr) return;
    auto object = std::find_if(
        slots_.objects_.begin(), slots_.objects_.end(),
        [dynamic](const Object& known) { return known.id == dynamic; });
    if (object == slots_.objects_.end()) {
      object = slots_.objects_.insert(object, Object{dynamic, 0, {}});
      scan_all = true;
    }
    // After an unloading, another object may lie where one lay before.
    if (scan_all) {
      Scan(ReadDynamic(dynamic, info_.dlpi_addr), &*object);
    }
    object->seen = slots_.visits_;
    Store(place, &object->slots);
  }

 private:
  const ElfW(Dyn) * FindSegments() {
    const ElfW(Dyn)* dynamic = nullptr;
    for (int i = 0; i < info_.dlpi_phnum; ++i) {
      const ElfW(Phdr)& segment = info_.dlpi_phdr[i];
      const uintptr_t begin = info_.dlpi_addr + segment.p_vaddr;
      if (segment.p_type == PT_DYNAMIC) {
        dynamic = reinterpret_cast<const ElfW(Dyn)*>(begin);
      } else if (segment.p_type == PT_GNU_RELRO) {
        // The loader protects whole pages only.
        protected_begin_ = begin & ~(PageSize() - 1);
        protected_end_ = (begin + segment.p_memsz) & ~(PageSize() - 1);
      }
    }
    return dynamic;
  }

  void Scan(const DynamicSection& section, Object* object) {
    const std::vector<Slot> before = std::move(object->slots);
    object->slots.clear();
    if (section.symbols == nullptr || section.strings == nullptr) return;
    if (section.calls_are_rela) {
      Take(section, section.calls, section.call_bytes, object);
    }
    Take(section, section.data, section.data_bytes, object);
    for (Slot& slot : object->slots) {
      for (const Slot& known : before) {
        if (known.at == slot.at) slot.before = known.before;
      }
    }
  }

  void Take(const DynamicSection& section, const ElfW(Rela) * relocations,
            size_t bytes, Object* object) {
#if defined(__x86_64__)
    if (relocations == nullptr) return;
    for (size_t i = 0; i < bytes / sizeof(ElfW(Rela)); ++i) {
      const ElfW(Rela)& relocation = relocations[i];
      const auto type = ELF64_R_TYPE(relocation.r_info);
      const ElfW(Sym)& symbol = section.symbols[ELF64_R_SYM(relocation.r_info)];
      if (type == R_X86_64_COPY) {
        TakeCopy(info_.dlpi_addr + relocation.r_offset, symbol.st_size, object);
        continue;
      }
      if (type != R_X86_64_JUMP_SLOT && type != R_X86_64_GLOB_DAT &&
          type != R_X86_64_64) {
        continue;
      }
      if (type == R_X86_64_64 && relocation.r_addend != 0) continue;
      const auto found =
          slots_.replacements_.find(section.strings + symbol.st_name);
      if (found == slots_.replacements_.end()) continue;
      Add(info_.dlpi_addr + relocation.r_offset, found->second, object);
    }
#else
    (void)section, (void)relocations, (void)bytes, (void)object;
#endif
  }

  // The program's own copy of data of another library's, with the addresses
  // that the loader had stored there.
  void TakeCopy(uintptr_t at, size_t bytes, Object* object) {
    if (slots_.virtuals_.empty()) return;
    for (const uintptr_t end = at + bytes; at + sizeof(void*) <= end;
         at += sizeof(void*)) {
      const auto found =
          slots_.virtuals_.find(*reinterpret_cast<void* const*>(at));
      if (found != slots_.virtuals_.end()) Add(at, found->second, object);
    }
  }

  void Add(uintptr_t at, const void* replacement, Object* object) {
    object->slots.push_back({reinterpret_cast<void**>(at), replacement, nullptr,
                             at >= protected_begin_ && at < protected_end_});
  }

  static void Store(bool place, std::vector<Slot>* slots) {
    OpenPage page;
    for (Slot& slot : *slots) {
      void* const now = __atomic_load_n(slot.at, __ATOMIC_RELAXED);
      // A lazy slot may have been bound over the replacement.
      if ((now == slot.replacement) == place) continue;
      // It was there before us: somebody else's to put back.
      if (!place && slot.before == nullptr) continue;
      if (!page.Open(slot)) continue;
      if (place) slot.before = now;
      __atomic_store_n(
          slot.at, place ? const_cast<void*>(slot.replacement) : slot.before,
          __ATOMIC_RELEASE);
    }
  }

  const dl_phdr_info& info_;
  ImportSlots& slots_;
  uintptr_t protected_begin_ = 0;
  uintptr_t protected_end_ = 0;
};

void ImportSlots::Replace(absl::string_view symbol, const void* replacement) {
  replacements_[symbol] = replacement;
}

void ImportSlots::ReplaceVirtual(absl::string_view symbol, const void* target,
                                 const void* replacement) {
  Replace(symbol, replacement);
  virtuals_[target] = virtuals_[replacement] = replacement;
}

bool ImportSlots::OutOfDate() const { return ReadLoaderChanges() != changes_; }

void ImportSlots::Place() {
  static const bool stays = (StayLoaded(), true);
  (void)stays;
  VisitAll(true);
}

void ImportSlots::PutBack() { VisitAll(false); }

void ImportSlots::VisitAll(bool place) {
  struct All {
    ImportSlots* slots;
    bool place;
    bool scan_all;
  } all{this, place, false};
  ++visits_;
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* to) {
        All& all = *static_cast<All*>(to);
        LoaderChanges& changes = all.slots->changes_;
        if (info->dlpi_subs != changes.unloads) {
          all.scan_all = true;
          CallPaths::CodeWasUnloaded();
        }
        changes = {info->dlpi_adds, info->dlpi_subs};
        Visit(*info, all.slots).Run(all.place, all.scan_all);
        return 0;
      },
      &all);
  objects_.erase(std::remove_if(objects_.begin(), objects_.end(),
                                [this](const Object& object) {
                                  return object.seen != visits_;
                                }),
                 objects_.end());
}

std::vector<ImportSlots::Slot> ImportSlots::slots() const {
  std::vector<Slot> all;
  for (const Object& object : objects_) {
    all.insert(all.end(), object.slots.begin(), object.slots.end());
  }
  return all;
}

}  // namespace torchtape::internal
