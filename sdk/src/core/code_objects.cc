#include "core/code_objects.h"

#include <elf.h>
#include <link.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace torchtape::internal {
namespace {

// The executable's own entry has no name.
std::string PathOf(const char* name) {
  if (name != nullptr && name[0] != '\0') return name;
  char path[4096];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path);
  return length > 0 ? std::string(path, static_cast<size_t>(length)) : "";
}

// The build id among the notes of one segment; empty if it is not there.
std::string BuildIdIn(const char* notes, size_t bytes) {
  constexpr size_t kAlign = 4;
  const auto aligned = [](size_t size) {
    return (size + kAlign - 1) / kAlign * kAlign;
  };
  while (bytes >= sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) note;
    std::memcpy(&note, notes, sizeof note);
    const size_t name = sizeof note;
    const size_t content = name + aligned(note.n_namesz);
    const size_t next = content + aligned(note.n_descsz);
    if (next > bytes) break;
    if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
        std::memcmp(notes + name, "GNU", 4) == 0) {
      return std::string(notes + content, note.n_descsz);
    }
    notes += next;
    bytes -= next;
  }
  return "";
}

int AddObject(dl_phdr_info* info, size_t, void* to) {
  CodeObject object;
  object.load_address = info->dlpi_addr;
  object.begin = ~uint64_t{0};
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = info->dlpi_phdr[i];
    const uint64_t at = info->dlpi_addr + segment.p_vaddr;
    if (segment.p_type == PT_LOAD && (segment.p_flags & PF_X) != 0) {
      object.begin = std::min(object.begin, at);
      object.end = std::max(object.end, at + segment.p_memsz);
    } else if (segment.p_type == PT_NOTE && object.build_id.empty()) {
      object.build_id =
          BuildIdIn(reinterpret_cast<const char*>(at), segment.p_memsz);
    }
  }
  if (object.begin >= object.end) return 0;
  object.path = PathOf(info->dlpi_name);
  static_cast<std::vector<CodeObject>*>(to)->push_back(std::move(object));
  return 0;
}

}  // namespace

const CodeObject* CodeObjects::Find(uint64_t address) {
  // Another object may lie where one lay before.
  if (ReadLoaderChanges() != changes_) Load();
  return FindKnown(address);
}

const std::vector<CodeObject>& CodeObjects::Load() {
  changes_ = ReadLoaderChanges();
  objects_.clear();
  dl_iterate_phdr(&AddObject, &objects_);
  return objects_;
}

const CodeObject* CodeObjects::FindKnown(uint64_t address) const {
  const auto found = std::find_if(
      objects_.begin(), objects_.end(), [address](const CodeObject& object) {
        return object.begin <= address && address < object.end;
      });
  return found == objects_.end() ? nullptr : &*found;
}

}  // namespace torchtape::internal
